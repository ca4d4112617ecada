"""How a worker takes messages out of Redis: waiting instead of polling, and losing none on the way."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any  # of a message: whatever its actor returns

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

from bulkdl.logs import get_logger

log = get_logger(__name__)

_WAIT_S = 1.0
"""How long a worker waits for a message before it says that it lives, and sees to its delayed ones. Less than the
client's patience with an answer."""


def _id_of(message: dramatiq.Message[Any] | dramatiq.MessageProxy) -> str:
    id_: str = message.options["redis_message_id"]
    return id_


class Desk:
    """What a worker process has taken out of its queues and not done with: never more than it has threads for.

    A message that waits here for a thread could have been begun by another process.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: defaultdict[str, set[str]] = defaultdict(set)
        self._reserved = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def close(self) -> None:
        """Take nothing more: the process ends, and what it fetched now would only lie here until it has."""
        with self._changed:
            self._is_closed = True

    def reserve(self, queue: str, most: int) -> bool:
        """Set a place aside for a message of this queue, which has `most` of them; False when there is none."""
        with self._changed:
            if not self._has_room(queue, most):
                return False
            self._reserved += 1
            return True

    def wait_for_room(self, queue: str, most: int, timeout_s: float) -> None:
        """Return when there is a place for a message of this queue, or after so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(queue, most), timeout_s)

    def _has_room(self, queue: str, most: int) -> bool:
        taken = sum(map(len, self._ids.values())) + self._reserved
        return not self._is_closed and taken < self._size and len(self._ids[queue]) < most

    def put(self, queue: str, id_: str | None) -> None:
        """Use the place that was reserved; None gives it up."""
        with self._changed:
            self._reserved -= 1
            if id_ is not None:
                self._ids[queue].add(id_)
            self._changed.notify_all()

    def put_away(self, queue: str, ids: Iterable[str]) -> None:
        """These are done with."""
        with self._changed:
            self._ids[queue].difference_update(ids)
            self._changed.notify_all()

    def ids(self, queue: str) -> set[str]:
        """What lies here of this queue."""
        with self._changed:
            return set(self._ids[queue])


class WaitingConsumer(_RedisConsumer):
    """Waits until there is a message, or room for one, where Dramatiq's would look ten times a second.

    Also gives back what a lost answer left behind: a message that Redis has down as fetched by this process, and that
    the process never saw, goes back into the queue after `_WAIT_S` and not after a minute of the process's death.
    """

    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int, timeout: int, desk: Desk) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]  # dramatiq's
        self._desk = desk
        self._is_empty = False
        self._looked_at = time.monotonic()

    def __next__(self) -> dramatiq.MessageProxy | None:
        try:
            if time.monotonic() - self._looked_at >= _WAIT_S:
                self._give_back_lost()
            if self._is_empty:
                self._wait_for_message()
                self._is_empty = False
            if not self._desk.reserve(self.queue_name, self.prefetch):
                self._desk.wait_for_room(self.queue_name, self.prefetch, self.timeout / 1000)
                return None
            return self._fetch()
        except redis.ConnectionError as exc:
            raise dramatiq.errors.ConnectionClosed(exc) from None
        except redis.TimeoutError as exc:
            # Nothing has to be begun anew: what was fetched meanwhile is found by the next look.
            log.warning("no answer from the queue", queue=self.queue_name, error=str(exc))
            return None

    def _fetch(self) -> dramatiq.MessageProxy | None:
        """Take one message into the place that was reserved for it."""
        message: dramatiq.Message[object] | None = None
        try:
            # Nothing comes for a message that was deleted behind its id.
            data = [data for data in self.broker.do_fetch(self.queue_name, 1) if data is not None]
            message = dramatiq.Message.decode(data[0]) if data else None
        finally:
            self._desk.put(self.queue_name, _id_of(message) if message is not None else None)
        self._is_empty = message is None
        return dramatiq.MessageProxy(message) if message is not None else None

    def ack(self, message: dramatiq.MessageProxy) -> None:
        with self._settling([message]):
            super().ack(message)  # type: ignore[no-untyped-call]  # dramatiq's

    def nack(self, message: dramatiq.MessageProxy) -> None:
        with self._settling([message]):
            super().nack(message)  # type: ignore[no-untyped-call]  # dramatiq's

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        messages = list(messages)
        with self._settling(messages):
            super().requeue(messages)  # type: ignore[no-untyped-call]  # dramatiq's

    @contextmanager
    def _settling(self, messages: Iterable[dramatiq.MessageProxy]) -> Iterator[None]:
        """Around the last command for these messages: they are off the desk then.

        Unless it has to be sent again, which Dramatiq does after one error and no other. It may be sent twice.
        """
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError, dramatiq.errors.ConnectionClosed) as exc:
            raise dramatiq.errors.ConnectionClosed(exc) from None
        except BaseException:
            self._desk.put_away(self.queue_name, map(_id_of, messages))
            raise
        self._desk.put_away(self.queue_name, map(_id_of, messages))

    def _wait_for_message(self) -> None:
        """Return when the queue holds something, or after `_WAIT_S`.

        BLMOVE from one end of a list to the same end takes nothing out; so a lost answer loses nothing, and whoever
        else waits here is woken too.
        """
        queue = f"{self.broker.namespace}:{self.queue_name}"
        self.broker.client.blmove(queue, queue, _WAIT_S, src="LEFT", dest="LEFT")

    def _give_back_lost(self) -> None:
        """Put back what Redis has down as fetched here and not acknowledged, and what does not lie on the desk.

        Only the thread that fetches may ask. What is acknowledged meanwhile stays so: requeue puts back only
        what is still down as fetched.
        """
        self._looked_at = time.monotonic()
        fetched = f"{self.broker.namespace}:__acks__.{self.broker.broker_id}.{self.queue_name}"
        on_desk = self._desk.ids(self.queue_name)
        lost = {id_.decode() for id_ in self.broker.client.smembers(fetched)} - on_desk
        if lost:
            log.warning("messages lost on their way, given back", queue=self.queue_name, messages=len(lost))
            self.broker.do_requeue(self.queue_name, *lost)
