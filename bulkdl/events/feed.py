"""What one stream says, from its first word to its last, whatever carries it.

A snapshot first; then what happens, never older than what was said; a heartbeat when nothing happens;
a snapshot again when something may have been missed; a good-bye.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from bulkdl.errors import BulkdlError, JobNotFound, ServiceUnavailable
from bulkdl.events.stacks import on_other_stack
from bulkdl.events.subscription import Signal, Subscription
from bulkdl.events.types import BYE, HEARTBEAT, SNAPSHOT
from bulkdl.events.wire import Message
from bulkdl.logs import get_logger

log = get_logger(__name__)

# Any: a job as the wire has it (DESIGN §8).
Job = dict[str, Any]
ReadJobs = Callable[[str, str | None], list[Job]]
"""A person's live jobs, or the one that is named; raises `JobNotFound` when that is not theirs."""

RETRY_MS = 2_000
"""How long an EventSource waits before it comes back."""

_ACTIVE = frozenset({"pending", "processing"})
_ENDED = float("inf")
"""Stands for the seq of a job that has ended: no progress is newer."""

_READ_TIMEOUT_S = 10.0


class Snapshots:
    """Reads jobs for streams, a few at a time: when Redis comes back, every stream wants one at once."""

    def __init__(self, read: ReadJobs, *, at_once: int = 8) -> None:
        self._read = read
        self._turns = threading.Semaphore(at_once)

    def read(self, user_id: str, job_id: str | None) -> list[Job]:
        """The person's jobs; raises what the reader raises, and `ServiceUnavailable` when too many wait."""
        if not self._turns.acquire(timeout=_READ_TIMEOUT_S):
            raise ServiceUnavailable("list of jobs")
        try:
            return self._read(user_id, job_id)
        finally:
            self._turns.release()


class Feed:
    """The messages of one stream. Thousands of them exist at once."""

    __slots__ = (
        "_checked_at",
        "_expires_at",
        "_first",
        "_heartbeat_s",
        "_must_resync",
        "_said_at",
        "_shown",
        "_snapshots",
        "_subscription",
        "is_over",
    )

    def __init__(
        self,
        subscription: Subscription,
        snapshots: Snapshots,
        *,
        heartbeat_s: float,
        expires_at: float | None = None,
    ) -> None:
        """`expires_at` is when the caller's token ends, seconds since 1970."""
        self._subscription = subscription
        self._snapshots = snapshots
        self._heartbeat_s = heartbeat_s
        self._expires_at = expires_at
        self._shown: dict[str, tuple[float, float]] = {}
        """By job: the seq that was said last, and when it was heard (monotonic)."""
        self._first: Message | None = None
        self._must_resync = False
        self._said_at = self._checked_at = time.monotonic()
        self.is_over = False
        """True when this is the stream of one job, and its end has been said."""

    def begin(self) -> Message:
        """Prepare the first message, a snapshot.

        Raises `JobNotFound`, and whatever keeps the jobs from being read: there is still time to answer that.
        """
        self._first = self._snapshot(self._read())
        return self._first

    def messages(self) -> Iterator[Message]:
        """Everything, the first message first; ends when the stream should. To be called once, after `begin`."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        del first
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
            snapshot = self._check(now)
            if snapshot is not None:
                self._said_at = now
                yield snapshot
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

    def _check(self, now: float) -> Message | None:
        """A snapshot when one is owed, or when a job that has been quiet turns out to have moved.

        An end is published once. Should that be lost, the record still has it, and this finds it.
        """
        quiet = any(seq < _ENDED and now - heard_at >= self._heartbeat_s for seq, heard_at in self._shown.values())
        if not quiet and not self._must_resync:
            return None
        try:
            jobs = on_other_stack(self._read)
        except JobNotFound:
            self.is_over = True
            return None
        except BulkdlError as exc:
            log.debug("stream could not read its jobs", error=str(exc))
            return None
        if not self._must_resync and not self._differs(jobs):
            return None
        self._must_resync = False
        return self._snapshot(jobs)

    def _differs(self, jobs: list[Job]) -> bool:
        active = {job_id for job_id, (seq, _) in self._shown.items() if seq < _ENDED}
        has_moved = any(_seq(job) > self._shown.get(job["jobId"], (-1,))[0] for job in jobs)
        return has_moved or not active <= {job["jobId"] for job in jobs}

    def _read(self) -> list[Job]:
        return self._snapshots.read(self._subscription.user_id, self._subscription.job_id)

    def _snapshot(self, jobs: list[Job]) -> Message:
        now = time.monotonic()
        self._shown = {job["jobId"]: (_seq(job), now) for job in jobs}
        self.is_over = self._subscription.job_id is not None and all(_seq(job) == _ENDED for job in jobs)
        return Message(
            SNAPSHOT,
            {"jobs": jobs, "heartbeatSeconds": self._heartbeat_s},
            seq=max((job.get("seq", 0) for job in jobs), default=None),
            retry_ms=RETRY_MS,
        )


def _seq(job: Job) -> float:
    return job.get("seq", 0) if job["status"] in _ACTIVE else _ENDED


def _good_bye(reason: str) -> Message:
    # Spread out, so that thousands of streams do not come back in the same instant.
    retry_ms = random.randint(100, RETRY_MS)
    return Message(BYE, {"reason": reason, "retryMs": retry_ms}, retry_ms=retry_ms)


_HEARTBEAT = Message(HEARTBEAT, {})
