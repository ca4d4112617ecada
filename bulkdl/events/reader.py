"""The thread that listens to Redis for the hub: to the channels that are wanted, and to no others.

It works alike under gevent's monkey patching and with plain threads.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import redis

from bulkdl.events.listener import Listener, Reply
from bulkdl.events.outage import AWAY
from bulkdl.logs import get_logger

log = get_logger(__name__)

_TURN_S = 1.0
_MAX_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What the reader says, in its own thread."""

    live: Callable[[bytes], None]
    """From now on, nothing that is published on this channel is missed. Said again after each reconnection."""
    message: Callable[[bytes, bytes], None]
    """Channel and payload."""
    lost: Callable[[], None]
    """The connection is gone; no channel is live."""
    turn: Callable[[], None]
    """Said at least once a second."""


class Reader:
    """One connection to Redis, its subscriptions kept in line with what is wanted."""

    def __init__(self, client: redis.Redis, callbacks: Callbacks, *, prefix: str = "bulkdl") -> None:
        self._client = client
        self._callbacks = callbacks
        self._lock = threading.Lock()
        self._bell_channel = f"{prefix}:hub:{secrets.token_hex(8)}".encode()
        """Ours alone. The thread sits waiting for Redis, so whoever has work for it lets Redis speak."""
        self._has_rung = False
        self._wanted: set[bytes] = set()
        self._changed: set[bytes] = set()
        """Channels that have come to be wanted, or not, since the thread last looked."""
        self._subscribed: set[bytes] = set()
        self._unconfirmed: Counter[bytes] = Counter()
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self.is_down = False
        """True from a failure until the connection stands again."""

    def want(self, name: bytes) -> None:
        """Listen to this channel. `ring` makes it happen now."""
        with self._lock:
            self._wanted.add(name)
            self._changed.add(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bulkdl-events", daemon=True)
                self._thread.start()

    def unwant(self, name: bytes) -> None:
        """Stop listening to this channel, within a second."""
        with self._lock:
            self._wanted.discard(name)
            self._changed.add(name)

    def ring(self) -> None:
        """Have the thread look at what is wanted. Raises redis-py's errors."""
        with self._lock:
            if self._has_rung:
                return
            self._has_rung = True
        self._client.publish(self._bell_channel, b"")

    def stop(self) -> None:
        """End the thread within a second. Returns at once."""
        self._is_stopped = True

    def _run(self) -> None:
        failures = 0
        while not self._is_stopped:
            listener = Listener(self._client)
            try:
                self._begin(listener)
                while not self._is_stopped:
                    self._settle(listener)
                    for reply in listener.receive(_TURN_S):
                        self._handle(reply)
                    failures = 0
                    self._callbacks.turn()
            except Exception as exc:  # whatever it is, the streams need a reader
                self._lose(exc, failures)
                failures += 1
            finally:
                listener.disconnect()
            if failures:
                time.sleep(random.uniform(0.5, 1.0) * min(_MAX_BACKOFF_S, 0.1 * 2 ** min(failures, 10)))

    def _begin(self, listener: Listener) -> None:
        listener.connect()
        listener.subscribe([self._bell_channel])
        with self._lock:
            self._subscribed.clear()
            self._unconfirmed.clear()
            self._changed.update(self._wanted)

    def _lose(self, exc: Exception, failures: int) -> None:
        if not failures:
            error = str(exc) or type(exc).__name__
            log.warning("event streams lost redis", error=error, exc_info=not isinstance(exc, AWAY))
        self.is_down = True
        self._callbacks.lost()

    def _settle(self, listener: Listener) -> None:
        """Bring Redis's idea of what we listen to in line with what is wanted."""
        with self._lock:
            self._has_rung = False
            changed, self._changed = self._changed, set()
            wanted = changed & self._wanted
            entering = list(wanted - self._subscribed)
            leaving = list((changed - wanted) & self._subscribed)
            # Left and come back before we looked.
            staying = [name for name in wanted & self._subscribed if not self._unconfirmed[name]]
            self._subscribed.update(entering)
            self._subscribed.difference_update(leaving)
            self._unconfirmed.update(entering)
        for name in staying:
            self._callbacks.live(name)
        listener.unsubscribe(leaving)
        listener.subscribe(entering)

    def _handle(self, reply: Reply) -> None:
        kind, name, payload = reply
        if name == self._bell_channel:
            if self.is_down and kind == b"subscribe":
                self.is_down = False
                log.info("event streams have redis again")
        elif kind == b"message":
            self._callbacks.message(name, payload)
        elif kind == b"subscribe":
            # One that was left and entered again in between is live only with its last confirmation.
            self._unconfirmed[name] -= 1
            if self._unconfirmed[name] <= 0:
                del self._unconfirmed[name]
                self._callbacks.live(name)
