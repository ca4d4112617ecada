"""The queue's contract: the broker, the names of queues and actors, and sending by name.

The web process sends and never imports `actors`; a test holds these names against theirs.
A message is a hint: it carries ids, and the row says what is to be done.
"""

from __future__ import annotations

from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bulkdl.errors import ServiceUnavailable

NAMESPACE = "bulkdl:queue"
"""What the broker's keys in Redis begin with."""
QUEUE = "bulkdl"
PLAN_DOWNLOAD = "plan_download"
TRANSFER_RANGE = "transfer_range"
FINISH_DOWNLOAD = "finish_download"


def make_broker(client: redis.Redis, *, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """A broker on this Redis; only the worker process gives it middleware."""
    broker = RedisBroker(client=client, middleware=list(middleware), namespace=NAMESPACE)
    broker.declare_queue(QUEUE)
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
        queue_name=QUEUE, actor_name=actor_name, args=args, kwargs={}, options={}
    )
    try:
        broker.enqueue(message)
    except (redis.RedisError, dramatiq.errors.BrokerError, OSError) as exc:
        raise ServiceUnavailable("queue") from exc
