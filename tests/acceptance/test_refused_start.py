"""A process that lacks a setting does not start, and says in one line what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.processes import free_port
from tests.services.system import COMMANDS, ROOT


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, "DATABASE_URL is not set: it wants a database URL"),
        ({"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL is malformed: it wants a database URL"),
    ],
)
def test_start_stops_with_a_line_that_names_the_variable(name: str, variables: dict[str, str], line: str) -> None:
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BULKDL_BIND": f"127.0.0.1:{free_port()}",
        "WORKER_PROCESSES": "1",
    }
    done = subprocess.run(
        ["sh", "-c", f"exec {COMMANDS[name]}"],
        cwd=ROOT,
        env=environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = (done.stdout + done.stderr).splitlines()

    assert done.returncode != 0
    assert len([spoken for spoken in said if line in spoken]) == 1, said
    assert not any("Traceback" in spoken for spoken in said), said
