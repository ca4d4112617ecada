"""Child processes of the bench: they end with it, and each is ended by its own id."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from bulkdl.local.processes import end_with_parent

ROOT = Path(__file__).parents[1]


class ChildFailed(Exception):
    """A child ended early, or said nothing in time."""


class Child:
    """A process (and what it starts) in a group of its own, its standard error in a file."""

    def __init__(
        self, command: Sequence[str] | str, *, log_path: Path, environ: Mapping[str, str], cwd: Path = ROOT
    ) -> None:
        self._command = command
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environ),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
        self._held = b""

    @property
    def pid(self) -> int:
        """Id of the process, and of its group."""
        return self._popen.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._popen.poll() is not None

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        stdin = _pipe(self._popen.stdin)
        stdin.write(line.encode() + b"\n")
        stdin.flush()

    def hear(self, word: str, timeout_s: float) -> dict[str, object]:
        """Wait for the line that begins with this word, and return the JSON behind it. Raises `ChildFailed`."""
        stdout = _pipe(self._popen.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while True:
                line, found, self._held = self._held.partition(b"\n")
                if found and line.split(b" ")[0] == word.encode():
                    text = line.removeprefix(word.encode()).strip()
                    return dict(json.loads(text)) if text else {}
                if found:
                    continue
                self._held = line
                if not selector.select(timeout_s):
                    raise self.failed(f"did not say {word!r} within {timeout_s:g} s")
                received = os.read(stdout.fileno(), 65536)
                if not received:
                    raise self.failed(f"ended before it said {word!r}")
                self._held += received

    def failed(self, what: str) -> ChildFailed:
        """The error that says what went wrong, with the child's last words."""
        lines = self._log_path.read_text(errors="replace").strip().splitlines()[-15:]
        return ChildFailed("\n".join([f"{self._command}: {what}", *lines]))

    def stop(self, timeout_s: float = 15.0) -> None:
        """Close its input, ask it to end, then make its whole group end."""
        for pipe in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        if self._popen.poll() is None:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


@contextlib.contextmanager
def started(command: Sequence[str] | str, *, log_path: Path, environ: Mapping[str, str]) -> Iterator[Child]:
    """A child for the length of the block."""
    child = Child(command, log_path=log_path, environ=environ)
    try:
        yield child
    finally:
        child.stop()


def python_program(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the bench in this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
