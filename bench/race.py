"""Contestants building the same archives in turns: one run of each per round, so that noise hits all alike."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from bench.counting import CountingRelay
from bench.library import open_store
from bench.meter import Meter
from bench.peers.protocol import Task
from bench.setup import Store
from bench.verify import NotTheArchive, check_archive, open_object, open_parts
from bench.workloads import Workload
from bulkdl.storage import ObjectVersion

RAW = "raw limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """One workload lying in one store, ready to be archived."""

    store: Store
    workload: Workload
    versions: dict[str, ObjectVersion]

    def through(self, relay: CountingRelay) -> Heat:
        """The same, seen through a relay."""
        return dataclasses.replace(self, store=dataclasses.replace(self.store, endpoint=relay.url))

    def task(self, archive_key: str, **more: object) -> Task:
        """What the contestants' programs are told."""
        files = [
            {"key": file.key, "name": file.name, "size": file.size, "etag": self.versions[file.key].etag}
            for file in self.workload.files
        ]
        values: dict[str, object] = {
            "endpoint": self.store.endpoint,
            "region": self.store.region,
            "source_bucket": self.store.bucket,
            "files": files,
            "archive_bucket": self.store.bucket,
            "archive_key": archive_key,
            "concurrency": 10,
            "max_concurrency": 64,
            "part_size": 8 * 1024**2,
        }
        return Task(**{**values, **more})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Where an archive lies."""

    key: str
    upload_id: str = ""
    has_zip: bool = True


class Runner(Protocol):
    """A contestant that is ready."""

    @property
    def pids(self) -> Sequence[int]:
        """Of the processes whose CPU and memory count."""
        ...

    def build(self) -> tuple[float, Built]:
        """Build the archive; how many seconds that took, and where it lies."""
        ...


@dataclass(frozen=True, slots=True)
class Contestant:
    """Somebody who builds archives."""

    name: str
    start: Callable[[Heat], AbstractContextManager[Runner]]
    takes: Callable[[Heat], bool] = field(default=lambda heat: True)
    """Whether there is a point in running it on this workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One archive built, as it is written down."""

    workload: str
    contestant: str
    round: int
    """From 1."""
    seconds: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Requests and bytes of one archive, counted in a round that is not timed."""

    workload: str
    contestant: str
    requests: dict[str, int]
    sent: int
    received: int


@dataclass(slots=True)
class Race:
    """All results of one comparison."""

    runs: list[Run] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)


def race(
    heat: Heat, contestants: Sequence[Contestant], *, rounds: int, say: Callable[[str], None], pause_s: float
) -> Race:
    """Count once, then run `rounds` rounds of everybody in turns. Every archive is verified."""
    results = Race()
    entered = [contestant for contestant in contestants if contestant.takes(heat)]
    for contestant in entered:
        say(f"counting · {heat.workload.name} · {contestant.name}")
        results.counts += _count(heat, contestant)
    for number in range(1, rounds + 1):
        for contestant in entered:
            time.sleep(pause_s)
            run = _run(heat, contestant, number)
            say(f"round {number} · {run.workload} · {run.contestant}: {run.seconds:.2f} s, CPU {run.cpu_s:.2f} s")
            results.runs.append(run)
    return results


def _run(heat: Heat, contestant: Contestant, number: int) -> Run:
    with contestant.start(heat) as runner:
        meter = Meter(runner.pids)
        seconds, built = runner.build()
        cpu_s, peak_bytes = meter.cpu_s, meter.peak_bytes
    verify_and_drop(heat, built)
    return Run(
        workload=heat.workload.name,
        contestant=contestant.name,
        round=number,
        seconds=seconds,
        cpu_s=cpu_s,
        peak_bytes=peak_bytes,
    )


def _count(heat: Heat, contestant: Contestant) -> list[Count]:
    if not heat.store.endpoint.startswith("http://"):
        return []
    with _relay(heat.store.endpoint) as relay, contestant.start(heat.through(relay)) as runner:
        relay.traffic.reset()
        _, built = runner.build()
        traffic = relay.traffic
        count = Count(
            workload=heat.workload.name,
            contestant=contestant.name,
            requests=dict(traffic.requests),
            sent=traffic.sent,
            received=traffic.received,
        )
    verify_and_drop(heat, built)
    return [count]


@contextmanager
def _relay(endpoint: str) -> Iterator[CountingRelay]:
    relay = CountingRelay(endpoint)
    try:
        yield relay
    finally:
        relay.close()


def verify_and_drop(heat: Heat, built: Built) -> None:
    """Read the archive back, and delete it. Raises `NotTheArchive`."""
    if not heat.store.is_whole:
        _verify_parts(heat, built)
        return
    client = open_store(heat.store)
    try:
        version = client.head(heat.store.bucket, built.key).version
        if built.has_zip:
            check_archive(open_object(client, version), heat.workload)
        elif version.size != heat.workload.size:
            raise NotTheArchive(f"{version.size} bytes instead of {heat.workload.size}")
        client.delete(heat.store.bucket, built.key)
    finally:
        client.close()


def _verify_parts(heat: Heat, built: Built) -> None:
    if heat.store.parts_folder is None:
        return
    folder = heat.store.parts_folder / built.upload_id
    if built.has_zip:
        check_archive(open_parts(folder), heat.workload)
    shutil.rmtree(folder)
