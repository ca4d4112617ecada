"""How far a job has come, as a hash in Redis: written by workers, read by whoever shows the job.

The hash is a convenience. It may vanish at any time, and then the row of the job says what is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import redis

from bulkdl.events.outage import AWAY, Outage
from bulkdl.events.scripts import DAY_S, events_channel, load_script, progress_key

PUBLISH_INTERVAL_MS = 250
_RATE_WINDOW_MS = 5_000
_RATE_IS_STALE_AFTER_MS = 10_000
_FIELDS = ("files", "bytes", "rate", "rate_at", "seq")


@dataclass(frozen=True, slots=True)
class Progress:
    """What all ranges of a job have done together."""

    current: int
    """Files done."""
    bytes_done: int
    bytes_per_second: float | None
    """Averaged over some seconds; None when it is not known, or nothing has been heard for a while."""
    seq: int
    """Of the latest event; see `Event.seq`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressUpdate:
    """What one range of a job has done so far. Cumulative, so a repeated or late update changes nothing."""

    job_id: str
    user_id: str
    range_number: int
    files: int
    size: int
    """Bytes done in the range."""
    total: int
    """Files in the whole job."""
    bytes_total: int
    is_forced: bool = False
    """Tell the streams even when they were told a moment ago."""


class ProgressStore:
    """The progress hashes of all jobs."""

    def __init__(self, client: redis.Redis, prefix: str = "bulkdl") -> None:
        self._client = client
        self._prefix = prefix
        self._write = load_script(client, "progress")
        self._outage = Outage("reading progress")

    def write(self, update: ProgressUpdate) -> bool:
        """Note the update and publish it, at most once per `PUBLISH_INTERVAL_MS` and job, in one round trip.

        Returns whether it was published; raises redis-py's errors. After the job's end it does nothing.
        """
        answer = self._write(
            keys=[progress_key(self._prefix, update.job_id)],
            args=[
                events_channel(self._client, self._prefix, update.user_id),
                update.job_id,
                update.range_number,
                update.files,
                update.size,
                update.total,
                update.bytes_total,
                int(update.is_forced),
                PUBLISH_INTERVAL_MS,
                DAY_S,
                _RATE_WINDOW_MS,
            ],
        )
        return bool(answer == 1)

    def read(self, job_id: str) -> Progress | None:
        """The job's progress; None when there is none, or Redis is away."""
        return self.read_many([job_id]).get(job_id)

    def read_many(self, job_ids: Iterable[str]) -> dict[str, Progress]:
        """The progress of those of the jobs that have any, in one round trip; nothing when Redis is away."""
        ids = list(job_ids)
        if not ids or self._outage.is_fresh:
            return {}
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.time()
                for job_id in ids:
                    pipeline.hmget(progress_key(self._prefix, job_id), _FIELDS)
                (seconds, microseconds), *rows = pipeline.execute()
        except AWAY as exc:
            self._outage.begin(exc)
            return {}
        self._outage.end()
        now_ms = seconds * 1000 + microseconds // 1000
        return {job_id: _progress(row, now_ms) for job_id, row in zip(ids, rows, strict=True) if row[0] is not None}

    def drop(self, job_id: str) -> None:
        """Forget the job's progress; does nothing when Redis is away, which forgets it by itself after a day."""
        try:
            self._client.delete(progress_key(self._prefix, job_id))
        except AWAY as exc:
            self._outage.begin(exc)


def _progress(row: list[bytes | str | None], now_ms: int) -> Progress:
    files, size, rate, rate_at, seq = (None if value is None else int(value) for value in row)
    is_fresh = rate_at is not None and now_ms - rate_at < _RATE_IS_STALE_AFTER_MS
    return Progress(
        current=cast(int, files),
        bytes_done=size or 0,
        bytes_per_second=float(rate) if rate is not None and is_fresh else None,
        seq=seq or 0,
    )
