"""The queues of a real worker: how many ranges it takes at once, and what goes first."""

from __future__ import annotations

import threading

import dramatiq
import redis

from bulkdl.broker import (
    BEGINNINGS,
    PLAN_DOWNLOAD,
    PRIORITY_OF,
    QUEUE_OF,
    RANGES,
    RANGES_AT_ONCE,
    TRANSFER_RANGE,
    make_broker,
    send_plan_download,
    send_transfer_range,
)
from tests.services.wait import wait_until


def test_a_crowd_of_ranges_leaves_threads_free_for_a_beginning(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    go_on = threading.Event()
    ranges: list[int] = []
    planned: list[str] = []

    @dramatiq.actor(
        actor_name=TRANSFER_RANGE,
        queue_name=QUEUE_OF[TRANSFER_RANGE],
        priority=PRIORITY_OF[TRANSFER_RANGE],
        broker=broker,
    )
    def transfer_range(job_id: str, number: int) -> None:
        ranges.append(number)
        assert go_on.wait(30)

    @dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE_OF[PLAN_DOWNLOAD], broker=broker)
    def plan_download(job_id: str) -> None:
        planned.append(job_id)

    for number in range(10):
        send_transfer_range(broker, "large", number)
    worker = dramatiq.Worker(broker, worker_threads=4, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: len(ranges) == RANGES_AT_ONCE, what="as many ranges as may run")

        send_plan_download(broker, "small")

        wait_until(lambda: planned, what="the small job's beginning")
        assert len(ranges) == RANGES_AT_ONCE
        go_on.set()
        wait_until(lambda: len(ranges) == 10, what="the other ranges")
    finally:
        go_on.set()
        worker.stop()
    assert sorted(ranges) == list(range(10))


def test_delayed_messages_are_looked_for_once_a_second_and_others_as_often_as_told(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)

    timeouts = {name: broker.consume(name, timeout=100).timeout for name in [*broker.queues, *broker.delay_queues]}

    assert timeouts == {BEGINNINGS: 100, RANGES: 100, f"{BEGINNINGS}.DQ": 1000, f"{RANGES}.DQ": 1000}
