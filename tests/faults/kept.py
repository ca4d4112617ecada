"""A process that is started again when it ends, as a platform does, and the processes below it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.services.processes import Process

_RESTART_AFTER_S = 0.5


class Kept:
    """Runs one command of the Procfile for as long as it is wanted."""

    def __init__(self, name: str, command: str, *, environ: Mapping[str, str], cwd: Path, log_path: Path) -> None:
        self.name = name
        self.command = f"exec {command}"
        self._environ = environ
        self._cwd = cwd
        self.log_path = log_path
        self._lock = threading.Lock()
        self._is_wanted = False
        self._former: list[Process] = []
        self.process: Process | None = None
        self.starts = 0
        threading.Thread(target=self._tend, name=f"kept-{name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Id of the process that the command started."""
        assert self.process is not None
        return self.process.pid

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        """Start it, and again whenever it ends."""
        with self._lock:
            self._environ = environ or self._environ
            self._is_wanted = True
            self._start()

    def stop(self, timeout_s: float = 30.0) -> float:
        """SIGTERM, and SIGKILL after the time-out; how many seconds it took."""
        began = time.monotonic()
        with self._lock:
            self._is_wanted = False
            if self.process is not None:
                self.process.stop(timeout_s)
            self._end_former()
        return time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL it with everything below it; it is started again."""
        assert self.process is not None
        self.process.kill()

    def children(self) -> list[psutil.Process]:
        """The processes directly below it that do its work, oldest first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = [child for child in psutil.Process(self.pid).children() if _is_working(child)]
            return sorted(found, key=lambda child: child.pid)
        return []

    @property
    def output(self) -> str:
        """Everything that was written by all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _start(self) -> None:
        if self.process is not None:
            self._former.append(self.process)
        self.process = Process(self.command, log_path=self.log_path, environ=self._environ, cwd=self._cwd)
        self.starts += 1

    def _end_former(self) -> None:
        for process in self._former:
            process.kill()
        self._former = []

    def _tend(self) -> None:
        while True:
            time.sleep(0.1)
            with self._lock:
                has_ended = self._is_wanted and self.process is not None and self.process.returncode is not None
            if has_ended:
                time.sleep(_RESTART_AFTER_S)
                with self._lock:
                    if self._is_wanted and self.process is not None and self.process.returncode is not None:
                        self._start()


def _is_working(child: psutil.Process) -> bool:
    try:
        is_alive = child.status() != psutil.STATUS_ZOMBIE
        # The helper of Python's multiprocessing, and the end of a pipe that a test put behind the command.
        return is_alive and child.name() != "cat" and "resource_tracker" not in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False
