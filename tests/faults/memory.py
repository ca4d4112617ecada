"""How much memory each worker process has taken at most: the kernel's own high-water mark (proc(5), VmHWM)."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.faults.kept import Kept


class MemorySampler:
    """Looks once a second; a process that was killed has left its last mark."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.peaks: dict[int, int] = {}
        """Bytes by process id."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    @property
    def peak(self) -> int:
        """Of the largest."""
        return max(self.peaks.values(), default=0)

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._is_over.wait(1.0):
            if self._kept.process is None:
                continue
            for child in self._kept.children():
                mark = _high_water_mark(child.pid)
                self.peaks[child.pid] = max(mark, self.peaks.get(child.pid, 0))


def _high_water_mark(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
