"""The queue's contract: the broker, the names of queues and actors, and sending by name.

The web process sends and never imports `actors`; a test holds these names against theirs.
A message is a hint: it carries ids, and the row says what is to be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bulkdl.consumer import WaitingConsumer
from bulkdl.errors import ServiceUnavailable

NAMESPACE = "bulkdl:queue"
"""What the broker's keys in Redis begin with."""
PLAN_DOWNLOAD = "plan_download"
TRANSFER_RANGE = "transfer_range"
FINISH_DOWNLOAD = "finish_download"
BEGINNINGS = "bulkdl"
"""The queue of what begins or ends a job: short, and served before the other by every free worker thread."""
RANGES = "bulkdl-ranges"
"""The queue of long transfers, so that a hundred of them do not stand before somebody else's small job."""
RANGES_AT_ONCE = 2
"""Ranges that one worker process transfers side by side: one more than it takes to keep its connections busy."""
QUEUE_OF = {PLAN_DOWNLOAD: BEGINNINGS, FINISH_DOWNLOAD: BEGINNINGS, TRANSFER_RANGE: RANGES}
PRIORITY_OF = {PLAN_DOWNLOAD: 0, FINISH_DOWNLOAD: 0, TRANSFER_RANGE: 10}
"""Dramatiq's priorities: among fetched messages the lower number goes first."""
_MAINTENANCE_CHANCE = 10_000
"""In a million fetches. Ten times Dramatiq's own: who waits fetches a tenth as often as who polls."""


class _Broker(RedisBroker):
    """Takes few ranges at a time, so that they spread over processes and leave threads free for beginnings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # dramatiq's
        self._held: dict[str, set[str]] = {}

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        if queue_name == RANGES:
            # Dramatiq counts what is being worked on as fetched, so this bounds both.
            prefetch = min(prefetch, RANGES_AT_ONCE)
        # Dramatiq makes a consumer anew after an error; messages that wait for a thread outlive it, delayed ones
        # do not.
        held = set() if queue_name in self.delay_queues else self._held.setdefault(queue_name, set())
        return WaitingConsumer(self, queue_name, prefetch, timeout, held)


def make_broker(client: redis.Redis, *, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """A broker on this Redis; only the worker process gives it middleware."""
    broker = _Broker(
        client=client, middleware=list(middleware), namespace=NAMESPACE, maintenance_chance=_MAINTENANCE_CHANCE
    )
    for queue in (BEGINNINGS, RANGES):
        broker.declare_queue(queue)
    return broker


def send_plan_download(broker: dramatiq.Broker, job_id: str) -> None:
    """Ask a worker to plan the job (and, when it is small, to do all of it)."""
    _send(broker, PLAN_DOWNLOAD, job_id)


def send_transfer_range(broker: dramatiq.Broker, job_id: str, number: int) -> None:
    """Ask a worker to transfer one range of the job's parts."""
    _send(broker, TRANSFER_RANGE, job_id, number)


def send_finish_download(broker: dramatiq.Broker, job_id: str) -> None:
    """Ask a worker to complete the job's archive."""
    _send(broker, FINISH_DOWNLOAD, job_id)


def _send(broker: dramatiq.Broker, actor_name: str, *args: str | int) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=QUEUE_OF[actor_name], actor_name=actor_name, args=args, kwargs={}, options={}
    )
    try:
        broker.enqueue(message)
    except (redis.RedisError, dramatiq.errors.BrokerError, OSError) as exc:
        raise ServiceUnavailable("queue") from exc
