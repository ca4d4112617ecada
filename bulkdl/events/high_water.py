"""How far each job was when a stream of this process was last told: nobody is told of less afterwards.

Redis counts progress and may lose it, or be away while a snapshot is read; the row, which is then all there
is, lags behind by a checkpoint. Neither is a reason for a bar to go back.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bulkdl.events.wire import Message

_MOST_JOBS = 20_000
"""Beyond that the job that was heard of longest ago is forgotten."""

_ACTIVE = frozenset({"pending", "processing"})


class Mark(NamedTuple):
    """Where a job stood."""

    seq: int
    percent: int
    current: int
    bytes_done: int
    whole: tuple[int, int]
    """Files and bytes that there are to do. When they change, what is done is counted anew."""

    def is_below(self, other: Mark) -> bool:
        """Whether somebody who was told of the other would see this one as a step back."""
        if self.percent < other.percent:
            return True
        return self.whole == other.whole and (self.current < other.current or self.bytes_done < other.bytes_done)


class HighWater:
    """The marks of all jobs that streams of this process have heard of. Safe to share between threads."""

    def __init__(self) -> None:
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._lock = threading.Lock()

    def admits(self, message: Message) -> bool:
        """Whether a message may be told: an end always, progress unless more was told before."""
        with self._lock:
            if message.is_end:
                self._marks.pop(message.job_id, None)
                return True
            if message.mark is None:
                return True
            known = self._marks.get(message.job_id)
            if known is not None and message.mark.is_below(known):
                return False
            self._keep(message.job_id, message.mark)
            return True

    def raised(self, job: dict[str, Any]) -> dict[str, Any]:  # Any: a job as the wire has it
        """The job as a snapshot may tell it: not below what was told before."""
        if job["status"] not in _ACTIVE:
            return job
        with self._lock:
            mark = mark_of(job)
            known = self._marks.get(job["jobId"])
            if known is not None:
                mark = _higher(mark, known)
            self._keep(job["jobId"], mark)
        return job | {
            "seq": mark.seq,
            "percent": mark.percent,
            "current": mark.current,
            "bytesDone": mark.bytes_done,
        }

    def _keep(self, job_id: str, mark: Mark) -> None:
        self._marks[job_id] = mark
        self._marks.move_to_end(job_id)
        if len(self._marks) > _MOST_JOBS:
            self._marks.popitem(last=False)


def mark_of(data: Any) -> Mark:  # Any: a JSON object of the wire
    """Where the job stood by this progress event, or this job. Raises `KeyError` when it does not say."""
    whole = (data["total"], data["bytesTotal"])
    return Mark(data["seq"], data["percent"], data["current"], data["bytesDone"], whole)


def _higher(mark: Mark, known: Mark) -> Mark:
    is_same_whole = mark.whole == known.whole
    return Mark(
        seq=max(mark.seq, known.seq),
        percent=max(mark.percent, known.percent),
        current=max(mark.current, known.current) if is_same_whole else mark.current,
        bytes_done=max(mark.bytes_done, known.bytes_done) if is_same_whole else mark.bytes_done,
        whole=mark.whole,
    )
