"""One connection to Redis in subscriber mode, used by one thread alone.

redis-py's own PubSub mends a broken connection by itself and in silence. The hub has to know of it, because
what was published meanwhile is lost, so this works on the connection beneath.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_PING_AFTER_S = 10.0
_DEAD_AFTER_S = 15.0
_BATCH = 1_000

Reply = tuple[bytes, bytes, Any]
"""Kind, channel, and the payload (of a message) or a count (of a subscription)."""


class Listener:
    """Subscribes, and reads what is published. Every method may raise redis-py's errors: connect again then."""

    def __init__(self, client: redis.Redis) -> None:
        pool = client.connection_pool
        # RESP 2: its replies in subscriber mode are plain lists.
        options = {**pool.connection_kwargs, "protocol": 2, "decode_responses": False, "retry": Retry(NoBackoff(), 0)}
        # Its pings expect an answer that a subscriber does not get.
        options["health_check_interval"] = 0
        options.pop("retry_on_error", None)
        options.pop("retry_on_timeout", None)
        for name in [name for name in options if name.startswith("maint_notifications")]:
            del options[name]
        self._connection = pool.connection_class(**options)
        self._heard_at = 0.0
        self._has_pinged = False

    def connect(self) -> None:
        """Connect and log in."""
        self._connection.connect()
        self._hear()

    def subscribe(self, names: list[bytes]) -> None:
        """Ask for these channels; the answers come out of `receive`, one for each, in this order."""
        if names:
            self._connection.send_command("SUBSCRIBE", *names)

    def unsubscribe(self, names: list[bytes]) -> None:
        """Leave these channels."""
        if names:
            self._connection.send_command("UNSUBSCRIBE", *names)

    def receive(self, timeout_s: float) -> list[Reply]:
        """Wait for replies, at most so long, and return all that are there.

        Raises `redis.ConnectionError` when the server has said nothing for too long, even though asked.
        """
        connection = self._connection
        if not connection.can_read(timeout_s):
            self._check_life()
            return []
        self._hear()
        replies: list[Reply] = []
        while True:
            reply = connection.read_response(disable_decoding=True)
            if reply[0] != b"pong":
                replies.append(tuple(reply))
            if len(replies) >= _BATCH or not connection.can_read(0):
                return replies

    def disconnect(self) -> None:
        """Close the connection; never raises."""
        self._connection.disconnect()

    def _hear(self) -> None:
        self._heard_at = time.monotonic()
        self._has_pinged = False

    def _check_life(self) -> None:
        silence_s = time.monotonic() - self._heard_at
        if silence_s > _DEAD_AFTER_S:
            raise redis.ConnectionError("Redis does not answer on the events' connection")
        if silence_s > _PING_AFTER_S and not self._has_pinged:
            self._has_pinged = True
            self._connection.send_command("PING")
