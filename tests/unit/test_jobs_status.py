"""The life of a job as a table."""

from __future__ import annotations

import pytest

from bulkdl.jobs.status import JobStatus, may_become, predecessors


def test_a_job_that_failed_or_was_cancelled_or_expired_never_changes_again() -> None:
    for ended in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED):
        assert not any(may_become(ended, following) for following in JobStatus)


@pytest.mark.parametrize("ended", [JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED])
def test_an_ended_job_is_final(ended: JobStatus) -> None:
    assert ended.is_final
    assert not may_become(ended, JobStatus.PROCESSING)


def test_only_a_job_under_way_becomes_complete() -> None:
    assert predecessors(JobStatus.COMPLETE) == (JobStatus.PROCESSING,)


def test_only_a_complete_job_expires() -> None:
    assert predecessors(JobStatus.EXPIRED) == (JobStatus.COMPLETE,)


def test_no_status_follows_itself() -> None:
    assert not any(may_become(status, status) for status in JobStatus)
