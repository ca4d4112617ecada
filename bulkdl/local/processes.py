"""Child processes that never outlive us, and the loopback ports they listen on."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bulkdl.errors import BulkdlError

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: loading a library between fork and exec is not safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerFailed(BulkdlError):
    """A private server did not come up."""

    code = "server_failed"


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What a child calls before its program starts, to be sent this signal when its parent dies.

    It works on Linux; elsewhere a parent that is killed outright leaves its children running.
    """

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, number)

    return ask


class ServerProcess:
    """A server in a process of its own, its output in a file."""

    def __init__(self, command: Sequence[str], *, port: int, log_path: Path, environ: Mapping[str, str]) -> None:
        self._command = command
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                # Ctrl-C in the terminal is for us; the servers are stopped last.
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
        self._wait_for(port)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ask it to end, then make it."""
        self._popen.terminate()
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def _wait_for(self, port: int, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_listening(port):
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServerFailed(f"{self._command[0]} did not start; it said: {self._last_words()}")
            time.sleep(0.05)

    def _last_words(self) -> str:
        lines = self._log_path.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"nothing (see {self._log_path})"
