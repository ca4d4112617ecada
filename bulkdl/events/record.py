"""What streams ask of the jobs' record, arranged so that thousands of them may ask at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from bulkdl.errors import BulkdlError, ServiceUnavailable
from bulkdl.events.stacks import on_other_stack

# Any: a job as the wire has it (DESIGN §8).
Job = dict[str, Any]

ReadJobs = Callable[[str, str | None], list[Job]]
"""A person's live jobs, or the one that is named; raises `JobNotFound` when that is not theirs."""

ReadActive = Callable[[Sequence[str]], set[str]]
"""Those of the jobs that have not ended."""

_TIMEOUT_S = 10.0


class JobRecord:
    """The record of the jobs, as streams read it. Both methods raise `ServiceUnavailable` when it is out of reach."""

    def __init__(
        self, read_jobs: ReadJobs, read_active: ReadActive, *, at_once: int = 8, gather_s: float = 0.1
    ) -> None:
        """`at_once` snapshots are read side by side; what is asked within `gather_s` is asked in one query."""
        self._read_jobs = read_jobs
        self._read_active = read_active
        self._turns = threading.Semaphore(at_once)
        self._gather_s = gather_s
        self._lock = threading.Lock()
        self._gathering: _Question | None = None

    def jobs(self, user_id: str, job_id: str | None) -> list[Job]:
        """What a snapshot holds. A few at a time: when Redis comes back, every stream wants one."""
        if not self._turns.acquire(timeout=_TIMEOUT_S):
            raise ServiceUnavailable("list of jobs")
        try:
            return self._read_jobs(user_id, job_id)
        finally:
            self._turns.release()

    def ended_among(self, job_ids: set[str]) -> set[str]:
        """Those of the jobs that have ended, or are gone. Whoever asks first asks for all that come soon after."""
        with self._lock:
            question = self._gathering
            is_first = question is None
            if question is None:
                question = self._gathering = _Question()
            question.job_ids |= job_ids
        if is_first:
            time.sleep(self._gather_s)
            with self._lock:
                self._gathering = None
            question.ask(self._read_active)
        return job_ids - question.answer()


class _Question:
    """Which of these jobs are active: asked once, for several streams."""

    def __init__(self) -> None:
        self.job_ids: set[str] = set()
        self._active: set[str] | None = None
        self._is_answered = threading.Event()

    def ask(self, read_active: ReadActive) -> None:
        try:
            self._active = on_other_stack(lambda: read_active(sorted(self.job_ids)))
        except BulkdlError:
            self._active = None
        finally:
            self._is_answered.set()

    def answer(self) -> set[str]:
        if not self._is_answered.wait(_TIMEOUT_S) or self._active is None:
            raise ServiceUnavailable("list of jobs")
        return self._active
