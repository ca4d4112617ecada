"""CPU seconds and peak resident memory of processes, as the kernel counts them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil


class Meter:
    """Measures some processes and their children from its making on."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._processes = [
            process for pid in pids for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
        ]
        self._cpu_s = self._sum()

    @property
    def cpu_s(self) -> float:
        """User and system time of all of them since then."""
        return self._sum() - self._cpu_s

    @property
    def peak_bytes(self) -> int:
        """The largest resident size that any one of them has had since it began (elsewhere than on Linux: has now)."""
        return max(peak_of(process) for process in self._processes)

    def _sum(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return float(sum(it.user + it.system for it in times))


def peak_of(process: psutil.Process) -> int:
    """The largest resident size that the process has had since its program began."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
