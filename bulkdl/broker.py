"""The queue's contract: the broker, the names of queues and actors, and sending by name.

The web process sends and never imports `actors`; a test holds these names against theirs.
A message is a hint: it carries ids, and the row says what is to be done.
"""

from __future__ import annotations

from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name

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
DELAYED_TIMEOUT_MS = 1000
"""How long a worker rests before it looks for delayed messages again."""
_DELAYED = frozenset(dq_name(queue) for queue in (BEGINNINGS, RANGES))


class _Broker(RedisBroker):
    """Takes few ranges at a time, so that they spread over processes and leave threads free for beginnings.

    Delayed messages are looked for less often than others.
    """

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        if queue_name in _DELAYED:
            # Retries wait for seconds there; asked as often as the others, these are half of what a worker asks Redis.
            timeout = max(timeout, DELAYED_TIMEOUT_MS)
        if queue_name == RANGES:
            # Dramatiq counts what is being worked on as fetched, so this bounds both.
            prefetch = min(prefetch, RANGES_AT_ONCE)
        return super().consume(queue_name, prefetch=prefetch, timeout=timeout)


def make_broker(client: redis.Redis, *, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """A broker on this Redis; only the worker process gives it middleware."""
    broker = _Broker(client=client, middleware=list(middleware), namespace=NAMESPACE)  # type: ignore[no-untyped-call]  # dramatiq's constructor
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
