"""What a sweep looks for: work that nobody does, ends nobody heard of, archives past their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.database import now_epoch
from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import ACTIVE, JobStatus
from bulkdl.jobs.store.clock import next_seq, utc_now

_BATCH = 500
_FINAL = tuple(status for status in JobStatus if status.is_final)


def _is_due(model: type[BulkDownloadJob] | type[BulkDownloadRange]) -> sa.ColumnElement[bool]:
    is_free = sa.or_(model.lease_until.is_(None), model.lease_until < now_epoch())
    return sa.and_(is_free, model.resend_at <= now_epoch())


def jobs_to_plan(session: Session) -> Sequence[tuple[str, int]]:
    """Jobs without a plan whose message is due: (job id, messages sent so far)."""
    query = sa.select(BulkDownloadJob.id, BulkDownloadJob.sends).where(
        BulkDownloadJob.status.in_(ACTIVE), BulkDownloadJob.upload_id.is_(None), _is_due(BulkDownloadJob)
    )
    return [(job_id, sends) for job_id, sends in session.execute(query.limit(_BATCH))]


def ranges_to_transfer(session: Session) -> Sequence[tuple[str, int, int]]:
    """Ranges that are not done and whose message is due: (job id, number, messages sent so far)."""
    query = (
        sa.select(BulkDownloadRange.job_id, BulkDownloadRange.number, BulkDownloadRange.sends)
        .join(BulkDownloadJob, BulkDownloadJob.id == BulkDownloadRange.job_id)
        .where(
            BulkDownloadJob.status == JobStatus.PROCESSING,
            BulkDownloadRange.done_at.is_(None),
            _is_due(BulkDownloadRange),
        )
    )
    return [(job_id, number, sends) for job_id, number, sends in session.execute(query.limit(_BATCH))]


def jobs_to_finish(session: Session) -> Sequence[tuple[str, int]]:
    """Planned jobs with every range done that nobody finishes: (job id, messages sent so far)."""
    undone = (
        sa.select(sa.literal(1))
        .where(BulkDownloadRange.job_id == BulkDownloadJob.id, BulkDownloadRange.done_at.is_(None))
        .exists()
    )
    query = sa.select(BulkDownloadJob.id, BulkDownloadJob.sends).where(
        BulkDownloadJob.status == JobStatus.PROCESSING,
        BulkDownloadJob.upload_id.is_not(None),
        ~undone,
        _is_due(BulkDownloadJob),
    )
    return [(job_id, sends) for job_id, sends in session.execute(query.limit(_BATCH))]


def make_all_due(session: Session) -> None:
    """Redis has lost all it held: whatever waits for a message is due at once, and `seq` is counted on from here."""
    session.execute(
        sa.update(BulkDownloadJob)
        .where(BulkDownloadJob.status == JobStatus.PROCESSING)
        .values(seq=next_seq(utc_now()))
        .execution_options(synchronize_session=False)
    )
    for model in (BulkDownloadJob, BulkDownloadRange):
        session.execute(
            sa.update(model)
            .where(sa.or_(model.lease_until.is_(None), model.lease_until < now_epoch()), model.sends > 0)
            .values(resend_at=now_epoch(), sends=0)
            .execution_options(synchronize_session=False)
        )


def jobs_to_expire(session: Session) -> Sequence[str]:
    """Complete jobs whose archive has had its time."""
    query = sa.select(BulkDownloadJob.id).where(
        BulkDownloadJob.status == JobStatus.COMPLETE, BulkDownloadJob.expires_at <= utc_now()
    )
    return session.scalars(query.limit(_BATCH)).all()


def jobs_to_clean(session: Session, *, ended_before: datetime) -> Sequence[BulkDownloadJob]:
    """Ended jobs of which the bucket may still hold something."""
    query = sa.select(BulkDownloadJob).where(
        BulkDownloadJob.status.in_(_FINAL),
        BulkDownloadJob.cleaned_at.is_(None),
        BulkDownloadJob.finished_at <= ended_before,
    )
    return session.scalars(query.limit(_BATCH)).all()


def jobs_to_announce(session: Session, *, ended_before: datetime) -> Sequence[str]:
    """Jobs that ended lately and whose end was not published."""
    query = sa.select(BulkDownloadJob.id).where(
        BulkDownloadJob.status.in_((JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.CANCELLED)),
        BulkDownloadJob.announced_at.is_(None),
        BulkDownloadJob.finished_at.between(ended_before - timedelta(days=1), ended_before),
    )
    return session.scalars(query.limit(_BATCH)).all()


def is_wanted(session: Session, upload_id: str, key: str) -> bool:
    """Whether an upload belongs to a job under way, or may: its job is being planned and has not said yet."""
    query = sa.select(sa.literal(1)).where(
        BulkDownloadJob.status.in_(ACTIVE),
        sa.or_(
            BulkDownloadJob.upload_id == upload_id,
            sa.and_(BulkDownloadJob.archive_key == key, BulkDownloadJob.upload_id.is_(None)),
        ),
    )
    return session.execute(query).first() is not None


def purge(session: Session, *, ended_before: datetime) -> int:
    """Delete the records of jobs that ended before then and left nothing in the bucket; how many."""
    old = sa.select(BulkDownloadJob.id).where(
        BulkDownloadJob.status.in_((JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED)),
        BulkDownloadJob.finished_at < ended_before,
        BulkDownloadJob.cleaned_at.is_not(None),
    )
    ids = session.scalars(old.limit(_BATCH)).all()
    for job_id in ids:
        session.execute(sa.delete(BulkDownloadJob).where(BulkDownloadJob.id == job_id))
    return len(ids)


def complete_jobs(session: Session) -> Sequence[BulkDownloadJob]:
    """Every job that says its archive stands."""
    return session.scalars(sa.select(BulkDownloadJob).where(BulkDownloadJob.status == JobStatus.COMPLETE)).all()
