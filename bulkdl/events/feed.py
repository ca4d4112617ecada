"""What one stream says, from its first word to its last, whatever carries it.

A snapshot first; then what happens, never older than what was said; a heartbeat when nothing happens;
a snapshot again when something may have been missed; a good-bye.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from bulkdl.errors import BulkdlError, JobNotFound
from bulkdl.events.record import Job, JobRecord
from bulkdl.events.stacks import on_other_stack
from bulkdl.events.subscription import Signal, Subscription
from bulkdl.events.types import BYE, HEARTBEAT, SNAPSHOT
from bulkdl.events.wire import Message
from bulkdl.logs import get_logger

log = get_logger(__name__)

RETRY_MS = 2_000
"""How long an EventSource waits before it comes back."""

_ACTIVE = frozenset({"pending", "processing"})
_ENDED = float("inf")
"""Stands for the seq of a job that has ended: no progress is newer."""


class Feed:
    """The messages of one stream. Thousands of them exist at once."""

    __slots__ = (
        "_checked_at",
        "_expires_at",
        "_heartbeat_s",
        "_must_resync",
        "_prepared",
        "_record",
        "_said_at",
        "_shown",
        "_subscription",
        "is_over",
    )

    def __init__(
        self,
        subscription: Subscription,
        record: JobRecord,
        *,
        heartbeat_s: float,
        expires_at: float | None = None,
    ) -> None:
        """`expires_at` is when the caller's token ends, seconds since 1970."""
        self._subscription = subscription
        self._record = record
        self._heartbeat_s = heartbeat_s
        self._expires_at = expires_at
        self._shown: dict[str, tuple[float, float]] = {}
        """By job: the seq that was said last, and when it was heard (monotonic)."""
        self._prepared: list[Message] = []
        """A snapshot to be sent next. Handed on and not kept: of all messages it alone is large and nobody else's."""
        self._must_resync = False
        self._said_at = self._checked_at = time.monotonic()
        self.is_over = False
        """True when this is the stream of one job, and its end has been said."""

    def begin(self) -> int | None:
        """Prepare the first message, a snapshot, and return its seq.

        Raises `JobNotFound`, and whatever keeps the jobs from being read: there is still time to answer that.
        """
        self._prepare()
        return self._prepared[0].seq

    def messages(self) -> Iterator[Message]:
        """Everything, the first message first; ends when the stream should. To be called once, after `begin`."""
        if self._prepared:
            yield self._prepared.pop()
        while not self.is_over:
            item = self._subscription.next(self._patience_s())
            if item is Signal.GONE:
                return
            reason = self._reason_to_leave(item)
            if reason is not None:
                yield _good_bye(reason)
                return
            if isinstance(item, Message) and self._is_news(item):
                self._said_at = time.monotonic()
                yield item
            yield from self._look_after(item)

    def _look_after(self, item: Message | Signal | None) -> Iterator[Message]:
        now = time.monotonic()
        if item is Signal.RESYNC:
            self._must_resync = True
        if item is Signal.RESYNC or now - self._checked_at >= self._heartbeat_s:
            self._checked_at = now
            self._check(now)
            if self._prepared:
                self._said_at = now
                yield self._prepared.pop()
        if now - self._said_at >= self._heartbeat_s and not self.is_over:
            peer = self._subscription.peer
            if peer is not None and peer.has_left():
                self.is_over = True
                return
            self._said_at = now
            yield _HEARTBEAT

    def _patience_s(self) -> float:
        patience_s = self._said_at + self._heartbeat_s - time.monotonic()
        if self._expires_at is not None:
            patience_s = min(patience_s, self._expires_at - time.time())
        return max(0.0, patience_s)

    def _reason_to_leave(self, item: Message | Signal | None) -> str | None:
        if item is Signal.CLOSED:
            return "shutdown"
        if item is Signal.REVOKED:
            return "token_revoked"
        if self._expires_at is not None and time.time() >= self._expires_at:
            return "token_expired"
        return None

    def _is_news(self, message: Message) -> bool:
        now = time.monotonic()
        if message.is_end:
            self._shown[message.job_id] = (_ENDED, now)
            self.is_over = self._subscription.job_id is not None
            return True
        seq, _ = self._shown.get(message.job_id, (-1, now))
        if (message.seq or 0) <= seq:
            return False
        self._shown[message.job_id] = (message.seq or 0, now)
        return True

    def _check(self, now: float) -> None:
        """Prepare a snapshot when one is owed, or when a job that has been quiet turns out to have ended.

        An end is published once. Should that be lost, the record still has it, and this finds it.
        """
        try:
            if self._must_resync or self._has_ended_unheard(now):
                on_other_stack(self._prepare)
                self._must_resync = False
        except JobNotFound:
            self.is_over = True
        except BulkdlError as exc:
            log.debug("stream could not read its jobs", error=str(exc))

    def _has_ended_unheard(self, now: float) -> bool:
        quiet = {
            job_id
            for job_id, (seq, heard_at) in self._shown.items()
            if seq < _ENDED and now - heard_at >= self._heartbeat_s
        }
        return bool(quiet and self._record.ended_among(quiet))

    def _prepare(self) -> None:
        jobs = self._record.jobs(self._subscription.user_id, self._subscription.job_id)
        now = time.monotonic()
        self._shown = {job["jobId"]: (_seq(job), now) for job in jobs}
        self.is_over = self._subscription.job_id is not None and all(_seq(job) == _ENDED for job in jobs)
        data = {"jobs": jobs, "heartbeatSeconds": self._heartbeat_s}
        seq = max((job.get("seq", 0) for job in jobs), default=None)
        self._prepared = [Message(SNAPSHOT, data, seq=seq, retry_ms=RETRY_MS)]


def _seq(job: Job) -> float:
    return job.get("seq", 0) if job["status"] in _ACTIVE else _ENDED


def _good_bye(reason: str) -> Message:
    # Spread out, so that thousands of streams do not come back in the same instant.
    retry_ms = random.randint(100, RETRY_MS)
    return Message(BYE, {"reason": reason, "retryMs": retry_ms}, retry_ms=retry_ms)


_HEARTBEAT = Message(HEARTBEAT, {})
