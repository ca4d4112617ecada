"""Prometheus collectors: the queue, the jobs, the speed, the streams and the requests.

Nothing is registered globally: whoever serves `/metrics` makes a registry and gives each collector
what it reads from. A source that cannot be reached leaves its metrics out and is counted; it never
breaks the page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import redis
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bulkdl.logs import get_logger

log = get_logger(__name__)

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class QueueCollector(Collector):
    """Depth and age of Dramatiq's queues, read from the keys of its Redis broker."""

    def __init__(self, client: redis.Redis, *, namespace: str, queues: Sequence[str]) -> None:
        self._client = client
        self._keys = {queue: f"{namespace}:{queue}" for queue in queues}

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask Redis for the three lengths and the first waiting message of each queue."""
        depth = GaugeMetricFamily("bulkdl_queue_messages", "Messages in the queue.", labels=["queue", "state"])
        age = GaugeMetricFamily(
            "bulkdl_queue_oldest_seconds", "Age of the message that is next in the queue.", labels=["queue"]
        )
        for queue, key in self._keys.items():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.llen(key)
            pipeline.llen(f"{key}.DQ")
            pipeline.zcard(f"{key}.XQ")
            pipeline.lindex(key, 0)
            waiting, delayed, dead, first = pipeline.execute()
            for state, count in (("waiting", waiting), ("delayed", delayed), ("dead", dead)):
                depth.add_metric([queue, state], count)
            age.add_metric([queue], self._age(key, first))
        yield depth
        yield age

    def _age(self, key: str, message_id: bytes | str | None) -> float:
        if message_id is None:
            return 0.0
        message: Any = self._client.hget(f"{key}.msgs", _text(message_id))  # Any: redis-py's unions
        if message is None:
            return 0.0
        return max(0.0, time.time() - float(json.loads(message)["message_timestamp"]) / 1000)


class JobsCollector(Collector):
    """Jobs by status, as the database counts them."""

    def __init__(self, count_by_status: Callable[[], Mapping[str, int]]) -> None:
        self._count_by_status = count_by_status

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Count the rows."""
        jobs = GaugeMetricFamily("bulkdl_jobs", "Jobs by status.", labels=["status"])
        for status, count in self._count_by_status().items():
            jobs.add_metric([status], count)
        yield jobs


class SpeedCollector(Collector):
    """Bytes per second of the transfers that are going on, over all workers."""

    def __init__(self, bytes_per_second: Callable[[], float]) -> None:
        self._bytes_per_second = bytes_per_second

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Sum the live jobs' speeds."""
        yield GaugeMetricFamily(
            "bulkdl_transfer_bytes_per_second", "Speed of the unfinished jobs.", value=self._bytes_per_second()
        )


class GuardedCollector(Collector):
    """Another collector whose failure costs its own metrics only."""

    def __init__(self, inner: Collector, *, source: str, errors: Counter) -> None:
        self._inner = inner
        self._source = source
        self._errors = errors

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the source."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What the inner collector gives, or nothing."""
        try:
            yield from list(self._inner.collect())
        except Exception as exc:  # any source fails in its own way; the page must come all the same
            self._errors.labels(self._source).inc()
            log.warning("metrics source failed", source=self._source, error=type(exc).__name__)


class WebMetrics:
    """What web processes measure of themselves, and the sources that any of them can read."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._sources = CollectorRegistry()
        self.durations = Histogram(
            "bulkdl_http_request_seconds",
            "Time to the answer, streams excluded.",
            ["method", "endpoint", "status"],
            buckets=DURATION_BUCKETS,
            registry=self._own,
        )
        self.streams = Gauge(
            "bulkdl_streams_open", "Open event streams.", registry=self._own, multiprocess_mode="livesum"
        )
        self.errors = Counter(
            "bulkdl_metrics_errors", "Sources that could not be read.", ["source"], registry=self._own
        )

    def add(self, collector: Collector, *, source: str) -> None:
        """Read this collector, guarded, whenever the page is asked for."""
        self._sources.register(GuardedCollector(collector, source=source, errors=self.errors))

    def render(self) -> bytes:
        """The page in Prometheus' text format.

        With several web processes under gunicorn (which then sets PROMETHEUS_MULTIPROC_DIR) it shows the
        sum of all, whichever of them is asked.
        """
        sources = generate_latest(self._sources)
        return generate_latest(_all_processes() or self._own) + sources


def _all_processes() -> CollectorRegistry | None:
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package types all but this
    except ValueError:
        return None  # the variable is not set: there is one process
    return registry


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
