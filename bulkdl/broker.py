"""The queue's contract: the broker, the names of queues and actors, and sending by name.

The web process sends and never imports `actors`; a test holds these names against theirs.
A message is a hint: it carries ids, and the row says what is to be done.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

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
_WAIT_S = 1.0
"""How long a worker waits for a message before it says that it lives, and sees to its delayed ones. Less than the
client's patience with an answer."""
_MAINTENANCE_CHANCE = 10_000
"""In a million fetches. Ten times Dramatiq's own: who waits fetches a tenth as often as who polls."""


class _WaitingConsumer(_RedisConsumer):
    """Waits until there is a message, or room for one, where Dramatiq's would look ten times a second."""

    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]  # dramatiq's
        self._has_room = threading.Event()

    def __next__(self) -> dramatiq.MessageProxy | None:
        if not self.message_cache:
            self._has_room.clear()
            if self.outstanding_message_count >= self.prefetch:
                self._has_room.wait(self.timeout / 1000)
                return None
            if self.misses:
                self._wait_for_message()
        message: dramatiq.MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]  # dramatiq's
        return message

    def ack(self, message: dramatiq.MessageProxy) -> None:
        try:
            super().ack(message)  # type: ignore[no-untyped-call]  # dramatiq's
        finally:
            self._has_room.set()

    def nack(self, message: dramatiq.MessageProxy) -> None:
        try:
            super().nack(message)  # type: ignore[no-untyped-call]  # dramatiq's
        finally:
            self._has_room.set()

    def _wait_for_message(self) -> None:
        """Return when the queue holds something, or after `_WAIT_S`.

        BLMOVE from one end of a list to the same end takes nothing out; so a lost answer loses nothing, and whoever
        else waits here is woken too. Who then comes too late to fetch has not waited in vain for long: `misses`
        is what Dramatiq reckons his next rest from.
        """
        queue = f"{self.broker.namespace}:{self.queue_name}"
        try:
            self.broker.client.blmove(queue, queue, _WAIT_S, src="LEFT", dest="LEFT")
        except redis.ConnectionError as exc:
            raise dramatiq.errors.ConnectionClosed(exc) from None
        self.misses = 0


class _Broker(RedisBroker):
    """Takes few ranges at a time, so that they spread over processes and leave threads free for beginnings."""

    @property
    def consumer_class(self) -> type[_WaitingConsumer]:
        return _WaitingConsumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        if queue_name == RANGES:
            # Dramatiq counts what is being worked on as fetched, so this bounds both.
            prefetch = min(prefetch, RANGES_AT_ONCE)
        return super().consume(queue_name, prefetch=prefetch, timeout=timeout)


def make_broker(client: redis.Redis, *, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """A broker on this Redis; only the worker process gives it middleware."""
    broker = _Broker(  # type: ignore[no-untyped-call]  # dramatiq's constructor
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
