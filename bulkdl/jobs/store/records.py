"""Jobs as they are written down and read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import ACTIVE, ItemOutcome, JobStatus

_CHUNK = 500
"""Ids in one query: databases bound the number of parameters."""


def add_job(session: Session, job: BulkDownloadJob, items: Sequence[dict[str, object]]) -> None:
    """Write down a new job and its ledger, a row of column values for each requested asset."""
    session.add(job)
    session.flush()
    session.execute(sa.insert(BulkDownloadItem), items)


def get_job(session: Session, job_id: str) -> BulkDownloadJob | None:
    """The job's row, as it is now."""
    return session.get(BulkDownloadJob, job_id, populate_existing=True)


def find_by_idempotency_key(session: Session, user_id: str, key: str) -> BulkDownloadJob | None:
    """The caller's job that was created under this Idempotency-Key."""
    return session.scalars(
        sa.select(BulkDownloadJob).where(BulkDownloadJob.user_id == user_id, BulkDownloadJob.idempotency_key == key)
    ).one_or_none()


def count_active(session: Session, user_id: str) -> int:
    """How many unfinished jobs the person has."""
    query = sa.select(sa.func.count()).where(BulkDownloadJob.user_id == user_id, BulkDownloadJob.status.in_(ACTIVE))
    return session.scalars(query).one()


def page_of_jobs(
    session: Session,
    user_id: str | None,
    *,
    before: tuple[datetime, str] | None,
    limit: int,
    status: JobStatus | None = None,
) -> Sequence[BulkDownloadJob]:
    """Up to `limit` jobs, newest first, behind the position `before`; of everybody when `user_id` is None."""
    query = sa.select(BulkDownloadJob)
    if user_id is not None:
        query = query.where(BulkDownloadJob.user_id == user_id)
    if status is not None:
        query = query.where(BulkDownloadJob.status == status)
    if before is not None:
        created_at, job_id = before
        query = query.where(
            sa.or_(
                BulkDownloadJob.created_at < created_at,
                sa.and_(BulkDownloadJob.created_at == created_at, BulkDownloadJob.id < job_id),
            )
        )
    return session.scalars(
        query.order_by(BulkDownloadJob.created_at.desc(), BulkDownloadJob.id.desc()).limit(limit)
    ).all()


def live_jobs(session: Session, user_id: str, *, ended_since: datetime) -> Sequence[BulkDownloadJob]:
    """The person's unfinished jobs, and those that ended since then, newest first."""
    query = (
        sa.select(BulkDownloadJob)
        .where(
            BulkDownloadJob.user_id == user_id,
            sa.or_(BulkDownloadJob.status.in_(ACTIVE), BulkDownloadJob.finished_at >= ended_since),
        )
        .order_by(BulkDownloadJob.created_at.desc())
        .limit(100)
    )
    return session.scalars(query).all()


def active_among(session: Session, job_ids: Sequence[str]) -> set[str]:
    """Those of the jobs that are there and have not ended."""
    active: set[str] = set()
    for start in range(0, len(job_ids), _CHUNK):
        chunk = job_ids[start : start + _CHUNK]
        query = sa.select(BulkDownloadJob.id).where(BulkDownloadJob.id.in_(chunk), BulkDownloadJob.status.in_(ACTIVE))
        active.update(session.scalars(query))
    return active


def done_by_job(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Files and bytes done as of the last checkpoint, by job."""
    query = (
        sa.select(
            BulkDownloadRange.job_id,
            sa.func.sum(BulkDownloadRange.files_done),
            sa.func.sum(BulkDownloadRange.bytes_done),
        )
        .where(BulkDownloadRange.job_id.in_(job_ids))
        .group_by(BulkDownloadRange.job_id)
    )
    return {job_id: (int(files), int(size)) for job_id, files, size in session.execute(query)}


def exceptions_by_job(
    session: Session, job_ids: Sequence[str], *, outcome: ItemOutcome, limit: int
) -> dict[str, list[BulkDownloadItem]]:
    """The first items of each job that had this outcome, in the ledger's order."""
    if not job_ids:
        return {}
    place = sa.func.row_number().over(partition_by=BulkDownloadItem.job_id, order_by=BulkDownloadItem.position)
    ranked = (
        sa.select(BulkDownloadItem.job_id, BulkDownloadItem.position, place.label("place"))
        .where(BulkDownloadItem.job_id.in_(job_ids), BulkDownloadItem.outcome == outcome)
        .subquery()
    )
    query = (
        sa.select(BulkDownloadItem)
        .join(
            ranked,
            sa.and_(BulkDownloadItem.job_id == ranked.c.job_id, BulkDownloadItem.position == ranked.c.position),
        )
        .where(ranked.c.place <= limit)
        .order_by(BulkDownloadItem.job_id, BulkDownloadItem.position)
    )
    grouped: dict[str, list[BulkDownloadItem]] = {}
    for item in session.scalars(query):
        grouped.setdefault(item.job_id, []).append(item)
    return grouped


def outcome_counts(session: Session, job_ids: Sequence[str]) -> dict[tuple[str, ItemOutcome], int]:
    """How many items of each job had which outcome."""
    query = (
        sa.select(BulkDownloadItem.job_id, BulkDownloadItem.outcome, sa.func.count())
        .where(BulkDownloadItem.job_id.in_(job_ids))
        .group_by(BulkDownloadItem.job_id, BulkDownloadItem.outcome)
    )
    return {(job_id, outcome): int(count) for job_id, outcome, count in session.execute(query)}


def page_of_items(
    session: Session, job_id: str, *, after: int | None, limit: int, outcome: ItemOutcome | None
) -> Sequence[BulkDownloadItem]:
    """Up to `limit` lines of the ledger behind the position `after`."""
    query = sa.select(BulkDownloadItem).where(BulkDownloadItem.job_id == job_id)
    if after is not None:
        query = query.where(BulkDownloadItem.position > after)
    if outcome is not None:
        query = query.where(BulkDownloadItem.outcome == outcome)
    return session.scalars(query.order_by(BulkDownloadItem.position).limit(limit)).all()
