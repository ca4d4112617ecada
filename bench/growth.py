"""Time and memory against the number of files and against their size: the whole service against a sink."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from bench.children import python_program
from bench.meter import Meter
from bench.service import Service
from bench.setup import Store, Workbench
from bench.sink import MODIFIED
from bulkdl.archive.crc32 import archive_crc32, crc32
from bulkdl.archive.layout import Entry, Layout
from bulkdl.local.processes import free_port
from bulkdl.storage import ObjectVersion

KIB, MIB, GIB = 1024, 1024**2, 1024**3
COUNTS = (10, 100, 1_000, 10_000, 100_000)
SIZES = (MIB, 16 * MIB, 256 * MIB, GIB, 4 * GIB, 16 * GIB, 64 * GIB)
_FILES_OF_A_SIZE = 8
_BUCKET = "sink"


class WrongArchive(Exception):
    """What the sink swallowed is not the archive that was asked for."""


@dataclass(frozen=True, slots=True)
class Point:
    """One job."""

    files: int
    size: int
    seconds: float
    cpu_s: float
    peak_bytes: int

    def as_dict(self) -> dict[str, float]:
        """For the results."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure(bench: Workbench, say: Callable[[str], None], *, most_files: int, most_bytes: int) -> dict[str, object]:
    """Both curves, and what their ends say."""
    more = {"BULK_DOWNLOAD_MAX_FILES": "1000000", "BULK_DOWNLOAD_MAX_BYTES": str(1024 * GIB)}
    with sinking(bench) as store:
        by_count = [_point(bench, store, [KIB] * count, more, say) for count in COUNTS if count <= most_files]
        by_size = [
            _point(bench, store, [size // _FILES_OF_A_SIZE] * _FILES_OF_A_SIZE, more, say)
            for size in SIZES
            if size <= most_bytes
        ]
    per_file = {point.files: point.seconds / point.files for point in by_count}
    peaks = {point.size: point.peak_bytes for point in by_size}
    figures: dict[str, object] = {
        "by_count": [point.as_dict() for point in by_count],
        "by_size": [point.as_dict() for point in by_size],
    }
    if 100_000 in per_file:
        figures["time_ratio"] = per_file[100_000] / per_file[1_000]
        figures["most_files_peak_mib"] = by_count[-1].peak_bytes / MIB
    if 64 * GIB in peaks:
        figures["memory_ratio"] = peaks[64 * GIB] / peaks[GIB]
    return figures


@contextmanager
def sinking(bench: Workbench, *, rate_mib: float = 0.0) -> Iterator[Store]:
    """A sink, running."""
    port = free_port()
    child = bench.child(python_program("bench.sink", str(port), str(rate_mib)), "sink")
    try:
        child.hear("ready", 30)
        yield Store(f"http://127.0.0.1:{port}", "generic", "us-east-1", _BUCKET, any_key="sink")
    finally:
        child.stop()


def build(bench: Workbench, store: Store, sizes: Sequence[int], more: Mapping[str, str]) -> tuple[float, float, int]:
    """One job over files of zeros on a fresh service: seconds, CPU seconds and peak memory of the worker.

    Raises `WrongArchive` unless the sink's sums are those of the archive.
    """
    names = [f"zeros/{number:06d}.bin" for number in range(len(sizes))]
    versions = [
        ObjectVersion(store.bucket, f"zeros/{size}/{number:06d}.bin", size, f'"zeros-{size}"')
        for number, size in enumerate(sizes)
    ]
    with Service(bench, store, more=more) as service:
        asset_ids = service.add_assets(versions, names)
        time.sleep(0.5)
        meter = Meter([service.worker.pid])
        finished = service.client.build(asset_ids)
        cpu_s, peak_bytes = meter.cpu_s, meter.peak_bytes
        _check(store, finished.job_id, names, sizes)
    return finished.seconds, cpu_s, peak_bytes


def _point(
    bench: Workbench, store: Store, sizes: Sequence[int], more: Mapping[str, str], say: Callable[[str], None]
) -> Point:
    seconds, cpu_s, peak_bytes = build(bench, store, sizes, more)
    say(f"{len(sizes)} files, {sum(sizes)} bytes: {seconds:.2f} s, CPU {cpu_s:.2f} s, peak {peak_bytes // MIB} MiB")
    return Point(len(sizes), sum(sizes), seconds, cpu_s, peak_bytes)


def _check(store: Store, job_id: str, names: Sequence[str], sizes: Sequence[int]) -> None:
    with urllib.request.urlopen(f"{store.endpoint}/-/archives", timeout=30) as answer:
        held = json.loads(answer.read())
    modified_at: datetime = parsedate_to_datetime(MODIFIED)
    layout = Layout([Entry(name, size, modified_at) for name, size in zip(names, sizes, strict=True)])
    known = {size: _crc32_of_zeros(size) for size in set(sizes)}
    wanted = [layout.size, archive_crc32(layout, [known[size] for size in sizes])]
    found = held.get(f"/{store.bucket}/bulk-downloads/{job_id}.zip")
    if found != wanted:
        raise WrongArchive(f"size and CRC-32 are {found}, and should be {wanted}")


def _crc32_of_zeros(size: int) -> int:
    value, zeros = 0, memoryview(bytes(MIB))
    for start in range(0, size, MIB):
        value = crc32(zeros[: min(MIB, size - start)], value)
    return value
