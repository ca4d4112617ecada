"""The workers' end of the events: progress as often as it is worth telling, an end always.

Nothing here raises when Redis is away. Progress is then not told; an end is in the row, and
`announce` says that it was not told, so that a sweep can tell it later.
"""

from __future__ import annotations

import threading
import time

import redis

from bulkdl.events.outage import AWAY, Outage
from bulkdl.events.progress import PUBLISH_INTERVAL_MS, ProgressStore, ProgressUpdate
from bulkdl.events.scripts import DAY_S, events_channel, load_script, progress_key
from bulkdl.events.types import Event
from bulkdl.events.wire import encode_event

# A little more than Redis waits between two tellings: of equal intervals it would let pass every other.
_REPORT_INTERVAL_S = PUBLISH_INTERVAL_MS / 1000 + 0.005


class Publisher:
    """Publishes to the streams of a job's owner; shared by all threads of a process."""

    def __init__(self, client: redis.Redis, prefix: str = "bulkdl") -> None:
        self._client = client
        self._prefix = prefix
        self._store = ProgressStore(client, prefix)
        self._announce = load_script(client, "announce")
        self._outage = Outage("publishing events")

    def progress(self, update: ProgressUpdate) -> None:
        """Note the progress and perhaps publish it. Left out for a second after a failure, unless forced."""
        if self._outage.is_fresh and not update.is_forced:
            return
        try:
            self._store.write(update)
        except AWAY as exc:
            self._outage.begin(exc)
        else:
            self._outage.end()

    def announce(self, event: Event) -> bool:
        """Publish a change of the job's status, above all its end; after that no progress is published any more.

        Returns False when Redis is away and nothing was published. Safe to repeat: an end is told once.
        """
        try:
            self._announce(
                keys=[progress_key(self._prefix, event.job_id)],
                args=[
                    events_channel(self._client, self._prefix, event.user_id),
                    encode_event(event),
                    event.seq,
                    int(event.is_end),
                    DAY_S,
                ],
            )
        except AWAY as exc:
            self._outage.begin(exc)
            return False
        self._outage.end()
        return True


class ProgressReporter:
    """Counts what one range has done, in whichever threads, and reports it about four times a second."""

    def __init__(
        self,
        publisher: Publisher,
        job_id: str,
        user_id: str,
        range_number: int,
        total: int,
        bytes_total: int,
        files: int = 0,
        size: int = 0,
    ) -> None:
        """`files` and `size` are what the range had done before; `total` and `bytes_total` are the whole job's."""
        self._publisher = publisher
        self._job_id = job_id
        self._user_id = user_id
        self._range_number = range_number
        self._total = total
        self._bytes_total = bytes_total
        self._files = files
        self._size = size
        self._lock = threading.Lock()
        self._due = 0.0
        self._is_reporting = False

    def add(self, files: int, size: int) -> None:
        """Count files that are done, and bytes. Most calls only add: one thread at a time talks to Redis."""
        with self._lock:
            self._files += files
            self._size += size
            now = time.monotonic()
            if self._is_reporting or now < self._due:
                return
            self._is_reporting = True
            self._due = now + _REPORT_INTERVAL_S
            update = self._update(is_forced=False)
        try:
            self._publisher.progress(update)
        finally:
            self._is_reporting = False

    def flush(self) -> None:
        """Report what has been counted, now."""
        with self._lock:
            update = self._update(is_forced=True)
        self._publisher.progress(update)

    def _update(self, *, is_forced: bool) -> ProgressUpdate:
        return ProgressUpdate(
            job_id=self._job_id,
            user_id=self._user_id,
            range_number=self._range_number,
            files=self._files,
            size=self._size,
            total=self._total,
            bytes_total=self._bytes_total,
            is_forced=is_forced,
        )
