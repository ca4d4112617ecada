"""Builds what is preloaded into a process to give it a wrong clock or a disk that takes nothing (bad_day.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("bad_day.c")


def build_bad_day(folder: Path) -> Path | None:
    """The library; None without a C compiler, which CI must have."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler is missing (Debian: gcc libc6-dev)")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "bad_day.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(_SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return library
