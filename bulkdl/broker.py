"""The queue's contract: the broker, the names of queues and actors, and sending by name.

The web process sends and never imports `actors`; a test holds these names against theirs.
A message is a hint: it carries ids, and the row says what is to be done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bulkdl.consumer import Desk, WaitingConsumer
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


class _CloseDesk(dramatiq.Middleware):
    """A process that is told to end leaves what comes to others, also what it has handed back itself."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._close()


class _Broker(RedisBroker):
    """Takes what it has threads for, and few ranges: so they spread over processes and leave threads for beginnings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # dramatiq's
        self._desk: Desk | None = None
        self._lock = threading.Lock()
        self.add_middleware(_CloseDesk(self._close_desk))

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        if queue_name in self.delay_queues:
            # Dramatiq makes a consumer anew after an error, and forgets the delayed messages that the old one held.
            return WaitingConsumer(self, queue_name, prefetch, timeout, Desk(prefetch))
        with self._lock:
            # `dramatiq_queue_prefetch` in the Procfile is the number of threads.
            self._desk = self._desk or Desk(prefetch)
        most = min(prefetch, RANGES_AT_ONCE) if queue_name == RANGES else prefetch
        return WaitingConsumer(self, queue_name, most, timeout, self._desk)

    def _close_desk(self) -> None:
        with self._lock:
            if self._desk is not None:
                self._desk.close()


def make_broker(client: redis.Redis, *, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """A broker on this Redis; only the worker process gives it middleware."""
    broker = _Broker(
        client=client, middleware=list(middleware), namespace=NAMESPACE, maintenance_chance=_MAINTENANCE_CHANCE
    )
    for queue in (BEGINNINGS, RANGES):
        broker.declare_queue(queue)
    return broker


def next_beginning(broker: RedisBroker) -> str | None:
    """The job whose beginning or end is next in line, where there is a line and Redis tells."""
    queue = f"{broker.namespace}:{BEGINNINGS}"
    try:
        id_ = broker.client.lindex(queue, 0)
        data = broker.client.hget(f"{queue}.msgs", id_) if id_ is not None else None
    except redis.RedisError:
        return None
    return str(dramatiq.Message.decode(data).args[0]) if isinstance(data, bytes) else None


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
