"""`python -m bulkdl` and `bulkdl` as a person starts them: in a folder, with nothing in the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.services.processes import Process, free_port
from tests.services.wait import wait_until

BULKDL = Path(sys.executable).with_name("bulkdl")


class LocalStart:
    """One folder in which the system is started, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.starts = 0
        self.process: Process | None = None

    def start(self, **variables: str) -> Process:
        """Start it; the process may still end at once, saying why."""
        self.starts += 1
        self.process = Process(
            [sys.executable, "-m", "bulkdl"],
            log_path=self.folder / f"start-{self.starts}.log",
            environ=_bare_environ() | {"PORT": str(self.port)} | variables,
            cwd=self.folder,
        )
        return self.process

    def wait_ready(self) -> None:
        """Wait for the one address to be printed."""
        process = self.process
        assert process is not None

        def is_ready() -> bool:
            assert process.returncode is None, process.output
            return f"Bulkdl is ready: http://127.0.0.1:{self.port}" in process.output

        wait_until(is_ready, 300, interval_s=0.2, what="the address")

    def family(self) -> list[psutil.Process]:
        """Every process that belongs to it now, itself first."""
        assert self.process is not None
        head = psutil.Process(self.process.pid)
        return [head, *head.children(recursive=True)]

    def interrupt(self) -> int:
        """Ctrl-C, and the exit status."""
        assert self.process is not None
        self.process.signal(signal.SIGINT)
        return self.wait_for_end(40)

    def wait_for_end(self, timeout_s: float) -> int:
        """The exit status of a start that ends by itself."""
        process = self.process
        assert process is not None
        wait_until(lambda: process.returncode is not None, timeout_s, what=f"the end\n{process.output[-3000:]}")
        assert process.returncode is not None
        return process.returncode

    def run(self, *arguments: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        """The `bulkdl` command in another terminal, nothing set."""
        return self.run_program(str(BULKDL), *arguments, timeout_s=timeout_s)

    def run_program(self, *command: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        """Any command in another terminal, nothing set."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=_bare_environ(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def stop(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.returncode is None:
            family = self.family()
            self.process.kill()
            for member in family:
                if member.is_running():
                    member.kill()


def alive(processes: list[psutil.Process]) -> list[str]:
    """The command lines of those that still run."""
    return [" ".join(process.cmdline()) for process in processes if _runs(process)]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStart]:
    """A fresh folder, shared by a module's tests."""
    start = LocalStart(tmp_path_factory.mktemp("local"))
    yield start
    start.stop()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _bare_environ() -> dict[str, str]:
    return {"HOME": os.environ.get("HOME", "/"), "PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1"}
