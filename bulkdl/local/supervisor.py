"""Runs the Procfile's processes until one ends or Ctrl-C, and says when the system is ready."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.process import Popen, Process

from bulkdl.local.processes import end_with_parent


class Supervisor(Manager):  # type: ignore[misc]  # honcho ships no types
    """honcho's manager, whose children end when we are killed, and which tells when an address answers."""

    def __init__(self, ready_url: str, on_ready: Callable[[], None]) -> None:
        super().__init__()
        self._process_ctor = _LeashedProcess
        self._procmgr = _Signals()
        self._ready_url = ready_url
        self._on_ready = on_ready

    def _start(self) -> None:
        super()._start()
        # After the children were forked: a thread is not to be there when that happens.
        threading.Thread(target=self._watch, name="ready", daemon=True).start()

    def _watch(self) -> None:
        while not self._terminating:
            if _answers(self._ready_url):
                self._on_ready()
                return
            time.sleep(0.2)


def load_procfile(path: Path) -> dict[str, str]:
    """The commands of a Procfile by process name."""
    return dict(parse_procfile(path.read_text()).processes)


def run_processes(
    commands: Mapping[str, str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    ready_url: str,
    on_ready: Callable[[], None],
) -> int:
    """Run the commands until one of them ends or we are told to; return the exit status.

    `on_ready` is called once, from another thread, when `ready_url` answers 200.
    """
    multiprocessing.set_start_method("fork", force=True)
    supervisor = Supervisor(ready_url, on_ready)
    for name, command in commands.items():
        # `exec`: the shell gives way, so that a signal to the process reaches the program itself.
        supervisor.add_process(name, f"exec {command}", env=dict(environ), cwd=str(cwd))
    supervisor.loop()
    return int(supervisor.returncode or 0)


class _Signals:
    """How honcho ends a process: politely to the program alone, which sees to its own children."""

    def terminate(self, pid: int) -> None:
        # To its whole group, the children would be told twice, and Dramatiq's take that as "at once".
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


class _LeashedProcess(Process):  # type: ignore[misc]  # honcho ships no types
    """The relay between us and one program: both end when we do, however that happens."""

    def run(self, events: object = None, ignore_signals: bool = False) -> None:
        end_with_parent(signal.SIGKILL)()
        self._child_ctor = _leashed_popen
        super().run(events, ignore_signals)


def _leashed_popen(command: str, **options: object) -> Popen:
    return Popen(command, preexec_fn=end_with_parent(signal.SIGTERM), **options)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
