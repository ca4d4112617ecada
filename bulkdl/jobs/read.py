"""Reading jobs as their owner sees them: the row is the truth, Redis adds what moved since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from bulkdl.errors import ArchiveExpired, JobNotFound, JobNotReady
from bulkdl.identity import Principal
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.cursor import decode_cursor, encode_cursor
from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome, JobStatus
from bulkdl.jobs.store import records
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.view import ItemView, JobView
from bulkdl.jobs.views import is_past, job_views, presign, url_lifetime_s

_ENDED_LATELY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Some lines of a ledger."""

    items: list[ItemView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ArchiveUrl:
    """Where the archive can be fetched from now."""

    url: str
    expires_at: datetime
    file_name: str
    size: int


def get_job(ctx: JobContext, principal: Principal, job_id: str) -> JobView:
    """One of the caller's jobs; `JobNotFound` for anybody else's."""
    with ctx.database.reader() as session:
        return job_views(ctx, session, [owned_job(session, principal, job_id)])[0]


def list_jobs(
    ctx: JobContext, principal: Principal, cursor: str | None, limit: int, status: JobStatus | None = None
) -> JobPage:
    """A page of the caller's jobs, newest first."""
    before = None
    if cursor is not None:
        created_at, job_id = decode_cursor(cursor, float, str)
        before = (datetime.fromtimestamp(created_at, UTC), job_id)
    with ctx.database.reader() as session:
        rows = records.page_of_jobs(session, principal.user_id, before=before, limit=limit + 1, status=status)
        page = rows[:limit]
        more = len(rows) > limit
        following = encode_cursor(page[-1].created_at.timestamp(), page[-1].id) if more else None
        return JobPage(job_views(ctx, session, page), following)


def live_jobs(ctx: JobContext, user_id: str) -> list[JobView]:
    """The person's unfinished jobs and those that ended within ten minutes: what a stream begins with."""
    with ctx.database.reader() as session:
        rows = records.live_jobs(session, user_id, ended_since=utc_now() - _ENDED_LATELY)
        return job_views(ctx, session, rows)


def active_among(ctx: JobContext, job_ids: Sequence[str]) -> set[str]:
    """Those of the jobs that have not ended, in one cheap query; the caller knows whose they are."""
    with ctx.database.reader() as session:
        return records.active_among(session, job_ids)


def list_items(
    ctx: JobContext,
    principal: Principal,
    job_id: str,
    cursor: str | None,
    limit: int,
    outcome: ItemOutcome | None = None,
) -> ItemPage:
    """A page of the ledger of one of the caller's jobs."""
    after = None if cursor is None else decode_cursor(cursor, int)[0]
    with ctx.database.reader() as session:
        owned_job(session, principal, job_id)
        rows = records.page_of_items(session, job_id, after=after, limit=limit + 1, outcome=outcome)
    page = rows[:limit]
    return ItemPage([_item_view(row) for row in page], encode_cursor(page[-1].position) if len(rows) > limit else None)


def archive_url(ctx: JobContext, principal: Principal, job_id: str) -> ArchiveUrl:
    """A fresh presigned URL of the archive; `JobNotReady` or `ArchiveExpired` when there is none."""
    with ctx.database.reader() as session:
        job = owned_job(session, principal, job_id)
    if job.status is JobStatus.EXPIRED or is_past(job.expires_at):
        raise ArchiveExpired("The archive has been deleted at its time; start the download again.", job_id=job_id)
    if job.status is not JobStatus.COMPLETE:
        raise JobNotReady(f"The archive is not there: the job is {job.status.value}.", job_id=job_id)
    lifetime_s = url_lifetime_s(ctx, job)
    return ArchiveUrl(
        url=presign(ctx, job, lifetime_s),
        expires_at=utc_now() + timedelta(seconds=lifetime_s),
        file_name=job.archive_name,
        size=job.file_size or 0,
    )


def owned_job(session: Session, principal: Principal, job_id: str) -> BulkDownloadJob:
    """The row of one of the caller's jobs; `JobNotFound` for anybody else's."""
    job = records.get_job(session, job_id)
    if job is None or job.user_id != principal.user_id:
        raise JobNotFound(job_id)
    return job


def _item_view(item: BulkDownloadItem) -> ItemView:
    return ItemView(
        position=item.position,
        asset_id=item.asset_id,
        name=item.name,
        archive_name=item.archive_name,
        size=item.size,
        crc32=item.crc32,
        outcome=item.outcome,
        reason=item.reason,
    )
