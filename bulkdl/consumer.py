"""How a worker takes messages out of Redis: waiting instead of polling, and losing none on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

from bulkdl.logs import get_logger

log = get_logger(__name__)

_WAIT_S = 1.0
"""How long a worker waits for a message before it says that it lives, and sees to its delayed ones. Less than the
client's patience with an answer."""


def _id_of(message: dramatiq.MessageProxy) -> str:
    id_: str = message.options["redis_message_id"]
    return id_


@contextmanager
def _closed_when_broken() -> Iterator[None]:
    """Dramatiq asks again after this error, and after no other; every command of its queue may be asked twice."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as exc:
        raise dramatiq.errors.ConnectionClosed(exc) from None


class WaitingConsumer(_RedisConsumer):
    """Waits until there is a message, or room for one, where Dramatiq's would look ten times a second.

    Also gives back what a lost answer left behind: a message that Redis has down as fetched by this process, and that
    the process never saw, goes back into the queue after `_WAIT_S` and not after a minute of the process's death.
    """

    def __init__(self, broker: RedisBroker, queue_name: str, prefetch: int, timeout: int, held: set[str]) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]  # dramatiq's
        self._has_room = threading.Event()
        self._held = held
        self._looked_at = time.monotonic()

    def __next__(self) -> dramatiq.MessageProxy | None:
        try:
            if not self.message_cache:
                self._has_room.clear()
                if time.monotonic() - self._looked_at >= _WAIT_S:
                    self._give_back_lost()
                if self.outstanding_message_count >= self.prefetch:
                    self._has_room.wait(self.timeout / 1000)
                    return None
                if self.misses:
                    self._wait_for_message()
            message: dramatiq.MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]  # dramatiq's
        except redis.ConnectionError as exc:
            raise dramatiq.errors.ConnectionClosed(exc) from None
        except redis.TimeoutError as exc:
            # Nothing has to be begun anew: what was fetched meanwhile is found by the next look.
            log.warning("no answer from the queue", queue=self.queue_name, error=str(exc))
            return None
        if message is not None:
            self._held.add(_id_of(message))
        return message

    def ack(self, message: dramatiq.MessageProxy) -> None:
        try:
            with _closed_when_broken():
                super().ack(message)  # type: ignore[no-untyped-call]  # dramatiq's
            self._held.discard(_id_of(message))
        finally:
            self._has_room.set()

    def nack(self, message: dramatiq.MessageProxy) -> None:
        try:
            with _closed_when_broken():
                super().nack(message)  # type: ignore[no-untyped-call]  # dramatiq's
            self._held.discard(_id_of(message))
        finally:
            self._has_room.set()

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        messages = list(messages)
        with _closed_when_broken():
            super().requeue(messages)  # type: ignore[no-untyped-call]  # dramatiq's
        self._held.difference_update(map(_id_of, messages))

    def _wait_for_message(self) -> None:
        """Return when the queue holds something, or after `_WAIT_S`.

        BLMOVE from one end of a list to the same end takes nothing out; so a lost answer loses nothing, and whoever
        else waits here is woken too. Who then comes too late to fetch has not waited in vain for long: `misses`
        is what Dramatiq reckons his next rest from.
        """
        queue = f"{self.broker.namespace}:{self.queue_name}"
        self.broker.client.blmove(queue, queue, _WAIT_S, src="LEFT", dest="LEFT")
        self.misses = 0

    def _give_back_lost(self) -> None:
        """Put back what Redis has down as fetched here and not acknowledged, and what nobody here holds.

        Only the thread that fetches may ask. What is acknowledged meanwhile stays so: requeue puts back only
        what is still down as fetched.
        """
        self._looked_at = time.monotonic()
        fetched = f"{self.broker.namespace}:__acks__.{self.broker.broker_id}.{self.queue_name}"
        held = set(self._held)
        lost = {id_.decode() for id_ in self.broker.client.smembers(fetched)} - held
        if lost:
            log.warning("messages lost on their way, given back", queue=self.queue_name, messages=len(lost))
            self.broker.do_requeue(self.queue_name, *lost)
