"""Metrics: what is read from where, and that a source which is away costs its own figures only."""

from __future__ import annotations

import pytest

from bulkdl.metrics import JobsCollector, QueueCollector, SpeedCollector, WebMetrics
from bulkdl.redis_client import make_redis


def test_jobs_and_speed_are_asked_for_when_the_page_is() -> None:
    counts = {"pending": 2, "complete": 0}
    metrics = WebMetrics()
    metrics.add(JobsCollector(lambda: counts), source="database")
    metrics.add(SpeedCollector(lambda: 1.5e6), source="progress")
    before = metrics.render().decode()

    counts["pending"] = 3

    assert 'bulkdl_jobs{status="pending"} 2.0' in before
    assert 'bulkdl_jobs{status="pending"} 3.0' in metrics.render().decode()
    assert "bulkdl_transfer_bytes_per_second 1.5e+06" in before


def test_a_source_that_is_away_is_counted_and_left_out() -> None:
    metrics = WebMetrics()
    client = make_redis("redis://127.0.0.1:1/0")
    metrics.add(QueueCollector(client, namespace="bulkdl:queue", queues=("bulkdl", "bulkdl-ranges")), source="redis")
    metrics.add(JobsCollector(lambda: {"pending": 2}), source="database")

    text = metrics.render().decode()

    assert 'bulkdl_jobs{status="pending"} 2.0' in text
    assert "bulkdl_queue_messages" not in text
    assert 'bulkdl_metrics_errors_total{source="redis"} 1.0' in text


def test_two_applications_in_one_process_do_not_share_figures() -> None:
    one, other = WebMetrics(), WebMetrics()

    one.streams.inc()

    assert "bulkdl_streams_open 1.0" in one.render().decode()
    assert "bulkdl_streams_open 0.0" in other.render().decode()


@pytest.mark.parametrize("collector", [JobsCollector(dict), SpeedCollector(lambda: 0.0)])
def test_describing_asks_no_source(collector: JobsCollector | SpeedCollector) -> None:
    assert list(collector.describe()) == []
