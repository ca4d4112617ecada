"""What waits for one stream: at most one message per job, so a slow reader costs little and misses no end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING

from bulkdl.events.wire import Message

if TYPE_CHECKING:
    from bulkdl.events.peer import Peer

MAX_WAITING = 32
"""Jobs with something to tell; beyond that the stream is better served by a snapshot."""

STALE_S = 5.0
"""A stream that took nothing for so long is given a snapshot, which is newer than what waited."""


class Signal(Enum):
    """What a stream is told beside messages."""

    RESYNC = "resync"
    """Something was missed or merged away: send a snapshot."""
    CLOSED = "closed"
    """This process is about to end: say good-bye."""
    REVOKED = "revoked"
    """The token that the stream was opened with has been revoked: say good-bye."""
    GONE = "gone"
    """The subscription was closed, mostly because the client has left."""


class Subscription:
    """One stream's share of the hub. Made by `EventHub.subscribe`; close it, or use it as a context manager.

    Thousands of them exist at once. The lock that is handed in guards every mailbox of the process; the
    bell is a lock that is open while there may be something to take.
    """

    __slots__ = (
        "_bell",
        "_lock",
        "_on_close",
        "_signal",
        "_since",
        "_taken_at",
        "_waiting",
        "job_id",
        "peer",
        "token_id",
        "user_id",
    )

    def __init__(
        self,
        user_id: str,
        job_id: str | None,
        peer: Peer | None,
        token_id: str | None = None,
        *,
        lock: threading.Lock,
        on_close: Callable[[Subscription], None],
    ) -> None:
        self.user_id = user_id
        self.job_id = job_id
        """Only this job's messages are wanted, unless None."""
        self.peer = peer
        self.token_id = token_id
        """Of the token that it was opened with; the stream ends when that is revoked."""
        self._lock = lock
        self._on_close = on_close
        self._bell = threading.Lock()
        self._bell.acquire()
        self._waiting: dict[str, Message] | None = None
        self._since = 0.0
        self._signal: Signal | None = None
        self._taken_at: float | None = time.monotonic()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def next(self, timeout: float) -> Message | Signal | None:
        """Wait for the next thing to tell, at most `timeout` seconds; None when there was nothing."""
        deadline = time.monotonic() + timeout
        self._taken_at = None
        try:
            while True:
                with self._lock:
                    item = self._take()
                if item is not None:
                    return item
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._bell.acquire(timeout=remaining):
                    return None
        finally:
            self._taken_at = time.monotonic()

    def close(self) -> None:
        """Take no more part. May be called by anyone and again; whoever waits in `next` gets `Signal.GONE`."""
        with self._lock:
            if self._signal is Signal.GONE:
                return
            self._signal = Signal.GONE
            self._waiting = None
            self._ring()
        self._on_close(self)

    def busy_for(self, now: float) -> float:
        """Seconds since the stream last took something and did not come back for more; 0 while it waits."""
        return 0.0 if self._taken_at is None else now - self._taken_at

    # The rest is the hub's. It holds the lock.

    def put(self, message: Message) -> None:
        """Add a message, or replace what waited of the same job."""
        if self._signal is not None or (self.job_id is not None and self.job_id != message.job_id):
            return
        waiting = self._waiting
        if not waiting:
            waiting = self._waiting = {}
            self._since = time.monotonic()
        earlier = waiting.get(message.job_id)
        if earlier is None and len(waiting) >= MAX_WAITING:
            self.put_signal(Signal.RESYNC)
        elif earlier is None or message.is_end or not earlier.is_end:
            waiting[message.job_id] = message
        self._ring()

    def put_signal(self, signal: Signal) -> None:
        """Tell the stream something that overrides every message. All override RESYNC; GONE is final."""
        if self._signal is Signal.GONE or (self._signal is not None and signal is Signal.RESYNC):
            return
        self._signal = signal
        self._waiting = None
        self._ring()

    def _ring(self) -> None:
        if self._bell.locked():
            self._bell.release()

    def _take(self) -> Message | Signal | None:
        signal = self._signal
        if signal is not None:
            if signal is Signal.RESYNC:
                self._signal = None
            return signal
        waiting = self._waiting
        if not waiting:
            return None
        if time.monotonic() - self._since > STALE_S:
            self._waiting = None
            return Signal.RESYNC
        message = waiting.pop(next(iter(waiting)))
        if not waiting:
            self._waiting = None
        return message
