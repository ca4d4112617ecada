"""Processes that tests start: on free loopback ports, with their output kept, ended by their own id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bulkdl.local.processes import end_with_parent, free_port, is_listening
from tests.services.wait import wait_until

__all__ = ["Process", "free_port"]


class Process:
    """One child with its descendants in a process group of its own, its output in a file."""

    def __init__(
        self,
        command: Sequence[str] | str,
        *,
        log_path: Path,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.command = command
        self.log_path = log_path
        with log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environ) if environ is not None else None,
                cwd=cwd,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )

    @property
    def pid(self) -> int:
        """Id of the child, which is its group's too."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    @property
    def output(self) -> str:
        """Everything written to stdout and stderr so far."""
        return self.log_path.read_text(errors="replace")

    def wait_for_port(self, port: int, timeout_s: float = 20.0) -> None:
        """Return when the child listens; raise with its output when it ends first."""

        def listens() -> bool:
            if self.returncode is not None:
                raise AssertionError(f"{self.command} ended with {self.returncode}:\n{self.output}")
            return is_listening(port)

        wait_until(listens, timeout_s, interval_s=0.02, what=f"{self.command} listening on {port}")

    def signal(self, number: int) -> None:
        """Send a signal to the child alone."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the child and every descendant: nobody gets to clean up."""
        _signal_group(self.pid, signal.SIGKILL)
        self._popen.wait(10)

    def suspend(self) -> None:
        """SIGSTOP the whole group: the processes hang, their connections stay open."""
        _signal_group(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the whole group."""
        _signal_group(self.pid, signal.SIGCONT)

    def stop(self, timeout_s: float = 15.0) -> int:
        """SIGTERM the child, SIGKILL what is left of its group; return the child's exit status."""
        if self._popen.poll() is None:
            self.resume()
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout_s)
        _signal_group(self.pid, signal.SIGKILL)
        return self._popen.wait(10)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
