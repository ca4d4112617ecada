"""What is archived: the four workloads of the comparison, at full size or scaled down for a small machine."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import content

KIB, MIB, GIB = 1024, 1024**2, 1024**3

_FEWEST = 4
_SMALLEST = 10 * KIB
_LARGEST = 80 * MIB
_SPREAD = 1.6
"""Sigma of the lognormal sizes: many photographs, some clips."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its key in the bucket is also what its content grows from."""

    key: str
    name: str
    """In the archive."""
    size: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Files that become one archive."""

    name: str
    title: str
    files: Sequence[SourceFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def make_workload(name: str, scale: float = 1.0) -> Workload:
    """W1 … W4; below 1, `scale` leaves out files (of W3, bytes of its ten files)."""
    title, make = _WORKLOADS[name]
    sizes = make(scale)
    prefix = f"bulkdl-bench/v{content.VERSION}/{name.lower()}-{len(sizes)}-{sum(sizes)}"
    files = [
        SourceFile(f"{prefix}/{number:05d}.jpg", f"{name}/picture-{number:05d}.jpg", size)
        for number, size in enumerate(sizes)
    ]
    return Workload(name, title if scale == 1 else f"{title} (scaled to {scale:g})", files)


def _equal(count: int, size: int) -> Callable[[float], list[int]]:
    return lambda scale: [size] * max(_FEWEST, round(count * scale))


def _large(scale: float) -> list[int]:
    return [max(MIB, round(200 * MIB * scale))] * 10


def _mixed(scale: float) -> list[int]:
    """Lognormal sizes within limits, 2 GiB in all: the median is found by halving."""
    dice = random.Random(4)
    deviations = [dice.gauss(0, _SPREAD) for _ in range(500)]

    def sizes(median: float) -> list[int]:
        return [round(min(max(median * math.exp(it), _SMALLEST), _LARGEST)) for it in deviations]

    low, high = float(_SMALLEST), float(_LARGEST)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(sizes(middle)) < 2 * GIB else (low, middle)
    return sizes(low)[: max(_FEWEST, round(500 * scale))]


_WORKLOADS: dict[str, tuple[str, Callable[[float], list[int]]]] = {
    "W1": ("1,000 × 256 KiB", _equal(1000, 256 * KIB)),
    "W2": ("200 × 5 MiB", _equal(200, 5 * MIB)),
    "W3": ("10 × 200 MiB", _large),
    "W4": ("500 files, lognormal from 10 KiB to 80 MiB, 2 GiB", _mixed),
}
NAMES = tuple(_WORKLOADS)
