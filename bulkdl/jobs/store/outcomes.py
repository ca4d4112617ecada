"""The transitions that end a job, each one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import JobStatus, predecessors
from bulkdl.jobs.store.clock import next_seq, utc_now
from bulkdl.jobs.store.leases import Claim, changed_one, holds


def complete(session: Session, claim: Claim, *, expires_at: datetime) -> bool:
    """The archive stands: processing → complete, if the claim is still good."""
    return _become(
        session, claim.job_id, JobStatus.COMPLETE, where=[holds(claim)], expires_at=expires_at, upload_id=None
    )


def fail(session: Session, job_id: str, *, error: str, code: str, claim: Claim | None = None) -> bool:
    """It cannot be built: → failed; under a claim only while the claim is good."""
    where = [holds(claim)] if claim is not None and claim.range_number is None else []
    return _become(session, job_id, JobStatus.FAILED, where=where, error=error, error_code=code)


def cancel(session: Session, job_id: str) -> bool:
    """The person stops it, or deletes the finished archive: → cancelled. Workers see their claims void."""
    return _become(session, job_id, JobStatus.CANCELLED, cleaned_at=None)


def expire(session: Session, job_id: str) -> bool:
    """The archive's time is over: complete → expired."""
    return _become(session, job_id, JobStatus.EXPIRED, cleaned_at=None)


def note_announced(session: Session, job_id: str) -> None:
    """The end has been published."""
    session.execute(sa.update(BulkDownloadJob).where(BulkDownloadJob.id == job_id).values(announced_at=utc_now()))


def note_cleaned(session: Session, job_id: str, status: JobStatus) -> None:
    """The bucket holds nothing of the job that it should not, as of this status."""
    session.execute(
        sa.update(BulkDownloadJob)
        .where(BulkDownloadJob.id == job_id, BulkDownloadJob.status == status)
        .values(cleaned_at=utc_now(), upload_id=None)
    )


def _become(
    session: Session,
    job_id: str,
    status: JobStatus,
    *,
    where: Sequence[sa.ColumnElement[bool]] = (),
    **values: object,
) -> bool:
    now = utc_now()
    if status is not JobStatus.EXPIRED:
        values["finished_at"] = now
    statement = (
        sa.update(BulkDownloadJob)
        .where(BulkDownloadJob.id == job_id, BulkDownloadJob.status.in_(predecessors(status)), *where)
        .values(
            status=status,
            seq=next_seq(now),
            lease_until=None,
            lease_owner=None,
            announced_at=None,
            **values,
        )
        .execution_options(synchronize_session=False)
    )
    return changed_one(session, statement)
