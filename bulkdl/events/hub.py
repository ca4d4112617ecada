"""The web process's end of the events: one Redis connection, fanned out to every stream that is open here."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType

import redis

from bulkdl.errors import ServiceUnavailable, TooManyStreams
from bulkdl.events.high_water import HighWater
from bulkdl.events.outage import AWAY
from bulkdl.events.peer import Peer
from bulkdl.events.reader import Callbacks, Reader
from bulkdl.events.scripts import events_channel
from bulkdl.events.subscription import Signal, Subscription
from bulkdl.events.wire import decode_message
from bulkdl.logs import get_logger

log = get_logger(__name__)

_CONNECT_TIMEOUT_S = 2.0
_REAP_EVERY_S = 15.0
_REVOCATIONS_CHECKED_EVERY_S = 15.0


def _none_revoked(token_ids: Collection[str]) -> Collection[str]:
    return ()


class _Channel:
    """One person's streams in this process."""

    __slots__ = ("is_live", "ready", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.is_live = False
        """What is published from now on arrives."""
        self.ready: threading.Event | None = threading.Event()
        """Set when it becomes live for the first time, or when the connection is lost before."""


class EventHub:
    """All streams of this process. Build one; its connection is made when the first stream opens."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        prefix: str = "bulkdl",
        max_streams: int = 12_000,
        max_streams_per_user: int = 20,
        send_timeout_s: float = 120.0,
        on_count: Callable[[int], None] | None = None,
        revoked_among: Callable[[Collection[str]], Collection[str]] = _none_revoked,
    ) -> None:
        """`send_timeout_s` is how long a reader may let a write wait; `on_count` is told +1 and -1.
        `revoked_among` is asked now and then which tokens of open streams have been revoked."""
        self._client = client
        self._prefix = prefix
        self._max_streams = max_streams
        self._max_streams_per_user = max_streams_per_user
        self._send_timeout_s = send_timeout_s
        self._on_count = on_count or (lambda change: None)
        callbacks = Callbacks(live=self._go_live, message=self._deliver, lost=self._go_down, turn=self._look_after)
        self._reader = Reader(client, callbacks, prefix=prefix)
        self._revoked_among = revoked_among
        self.high_water = HighWater()
        """How far each job was when it was last told here."""
        self._lock = threading.Lock()
        self._channels: dict[bytes, _Channel] = {}
        self._count = 0
        # Bound once: thousands of subscriptions hold it.
        self._forget_it = self._forget
        self._is_closed = False
        self._reaped_at = self._revocations_checked_at = time.monotonic()

    @property
    def stream_count(self) -> int:
        """How many streams are open here."""
        return self._count

    def subscribe(
        self, user_id: str, job_id: str | None = None, peer: Peer | None = None, token_id: str | None = None
    ) -> Subscription:
        """Take part in what is published for this person, or only in one job of theirs; `token_id` is that of the
        token they came with.

        When it returns, nothing that is published from now on is missed: read the snapshot after it.
        Raises `TooManyStreams`, or `ServiceUnavailable` when Redis cannot be reached.
        """
        name = events_channel(self._client, self._prefix, user_id).encode()
        try:
            subscription, channel = self._open(name, user_id, job_id, peer, token_id)
        except TooManyStreams:
            # A page that is reloaded again and again leaves streams behind that nobody reads.
            if not self._close_abandoned(name):
                raise
            subscription, channel = self._open(name, user_id, job_id, peer, token_id)
        try:
            self._on_count(1)
            self._wait_until_live(channel)
        except BaseException:
            subscription.close()
            raise
        return subscription

    def close(self) -> None:
        """Let every stream say good-bye, and open no more. Returns at once; may be called again."""
        self._is_closed = True
        self._reader.stop()
        with self._lock:
            for channel in self._channels.values():
                for subscription in channel.subscriptions:
                    subscription.put_signal(Signal.CLOSED)

    # --- opening and closing one stream ----------------------------------------------

    def _open(
        self, name: bytes, user_id: str, job_id: str | None, peer: Peer | None, token_id: str | None
    ) -> tuple[Subscription, _Channel]:
        with self._lock:
            if self._is_closed or self._reader.is_down:
                raise ServiceUnavailable("event stream")
            if self._count >= self._max_streams:
                raise TooManyStreams(self._max_streams)
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel()
                self._reader.want(name)
            if len(channel.subscriptions) >= self._max_streams_per_user:
                raise TooManyStreams(self._max_streams_per_user)
            subscription = Subscription(user_id, job_id, peer, token_id, lock=self._lock, on_close=self._forget_it)
            channel.subscriptions.append(subscription)
            self._count += 1
            return subscription, channel

    def _wait_until_live(self, channel: _Channel) -> None:
        ready = channel.ready
        if ready is not None:
            try:
                self._reader.ring()
            except AWAY as exc:
                raise ServiceUnavailable("event stream") from exc
            ready.wait(_CONNECT_TIMEOUT_S)
        if not channel.is_live:
            raise ServiceUnavailable("event stream")

    def _forget(self, subscription: Subscription) -> None:
        name = events_channel(self._client, self._prefix, subscription.user_id).encode()
        with self._lock:
            channel = self._channels[name]
            channel.subscriptions.remove(subscription)
            self._count -= 1
            if not channel.subscriptions:
                del self._channels[name]
                self._reader.unwant(name)
        self._on_count(-1)

    def _close_abandoned(self, name: bytes) -> bool:
        with self._lock:
            channel = self._channels.get(name)
            subscriptions = list(channel.subscriptions) if channel else []
        abandoned = [one for one in subscriptions if one.peer is not None and one.peer.has_left()]
        for subscription in abandoned:
            subscription.close()
        return bool(abandoned)

    # --- what the reader says, in its thread -------------------------------------------

    def _go_live(self, name: bytes) -> None:
        with self._lock:
            channel = self._channels.get(name)
            if channel is None:
                return
            channel.is_live = True
            if channel.ready is not None:
                channel.ready.set()
                channel.ready = None
                return
            # It was live before: something may have been published while we were away.
            for subscription in channel.subscriptions:
                subscription.put_signal(Signal.RESYNC)

    def _go_down(self) -> None:
        with self._lock:
            for channel in self._channels.values():
                channel.is_live = False
                if channel.ready is not None:
                    channel.ready.set()
                    channel.ready = None

    def _deliver(self, name: bytes, payload: bytes) -> None:
        try:
            message = decode_message(payload)
        except ValueError:
            log.warning("message on an events channel is not an event", size=len(payload))
            return
        if not self.high_water.admits(message):
            return
        with self._lock:
            channel = self._channels.get(name)
            for subscription in channel.subscriptions if channel else ():
                subscription.put(message)

    def _look_after(self) -> None:
        now = time.monotonic()
        if now - self._reaped_at >= min(_REAP_EVERY_S, self._send_timeout_s):
            self._reaped_at = now
            self._reap(now)
        if now - self._revocations_checked_at >= _REVOCATIONS_CHECKED_EVERY_S:
            self._revocations_checked_at = now
            self._end_revoked()

    def _reap(self, now: float) -> None:
        """End the connections of readers that have let a write wait for too long."""
        for subscription in self._everyone():
            if subscription.peer is not None and subscription.busy_for(now) > self._send_timeout_s:
                subscription.peer.drop()

    def _end_revoked(self) -> None:
        """Have the streams say good-bye whose tokens are good no more."""
        everyone = self._everyone()
        revoked = self._revoked_among({one.token_id for one in everyone if one.token_id is not None})
        if not revoked:
            return
        with self._lock:
            for subscription in everyone:
                if subscription.token_id in revoked:
                    subscription.put_signal(Signal.REVOKED)

    def _everyone(self) -> list[Subscription]:
        with self._lock:
            return [one for channel in self._channels.values() for one in channel.subscriptions]


def close_on_sigterm(hub: EventHub) -> None:
    """Let the streams say good-bye when the process is asked to end, and then do what was done so far.

    Call it in the main thread of a web process, after its server has set its own handlers.
    """
    previous = signal.getsignal(signal.SIGTERM)

    def _handle(number: int, frame: FrameType | None) -> None:
        # In a thread of its own: the interrupted code may hold the hub's lock. Not threading.Thread, whose
        # start() waits, which gevent's event loop must not.
        _thread.start_new_thread(hub.close, ())
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, _handle)
