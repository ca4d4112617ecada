"""One large job on one worker process and on two, whose connections are all limited alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from bench.growth import GIB, build, sinking
from bench.setup import Workbench

_RATE_MIB = 25.0
"""Of one connection; a worker has ten."""
_FILE = GIB // 2


def measure(bench: Workbench, say: Callable[[str], None], *, size: int, rounds: int) -> dict[str, object]:
    """Seconds with one process and with two, in turns, and their ratio."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    sizes = [_FILE] * max(2, size // _FILE)
    with sinking(bench, rate_mib=_RATE_MIB) as store:
        for number in range(1, rounds + 1):
            for processes, taken in seconds.items():
                more = {
                    "WORKER_PROCESSES": str(processes),
                    "BULK_DOWNLOAD_CONCURRENCY": "10",
                    "BULK_DOWNLOAD_MAX_CONCURRENCY": "10",
                }
                taken.append(build(bench, store, sizes, more)[0])
                say(f"round {number}, {processes} worker process(es): {taken[-1]:.1f} s")
    one, two = (statistics.median(taken) for taken in seconds.values())
    return {"size": sum(sizes), "rate_mib": _RATE_MIB, "one_s": one, "two_s": two, "ratio": one / two}
