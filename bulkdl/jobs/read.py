"""Reading jobs as their owner sees them: the row is the truth, Redis adds what moved since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from bulkdl.errors import ArchiveExpired, JobNotFound, JobNotReady
from bulkdl.events.progress import Progress
from bulkdl.identity import Principal
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.cursor import decode_cursor, encode_cursor
from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome, JobStatus
from bulkdl.jobs.store import records
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.view import ItemView, JobView, RenamedItem, SkippedItem

SHOWN_EXCEPTIONS = 100
"""Skipped and renamed items that a job carries itself; the ledger has all of them."""

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
        return views(ctx, session, [owned_job(session, principal, job_id)])[0]


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
        return JobPage(views(ctx, session, page), following)


def live_jobs(ctx: JobContext, user_id: str) -> list[JobView]:
    """The person's unfinished jobs and those that ended within ten minutes: what a stream begins with."""
    with ctx.database.reader() as session:
        rows = records.live_jobs(session, user_id, ended_since=utc_now() - _ENDED_LATELY)
        return views(ctx, session, rows)


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
    if job.status is JobStatus.EXPIRED or _is_past(job.expires_at):
        raise ArchiveExpired("The archive has been deleted at its time; start the download again.", job_id=job_id)
    if job.status is not JobStatus.COMPLETE:
        raise JobNotReady(f"The archive is not there: the job is {job.status.value}.", job_id=job_id)
    lifetime_s = _url_lifetime_s(ctx, job)
    return ArchiveUrl(
        url=_presign(ctx, job, lifetime_s),
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


def views(ctx: JobContext, session: Session, jobs: Sequence[BulkDownloadJob]) -> list[JobView]:
    """The jobs as their owner sees them, in the same order, with a bounded number of queries."""
    ids = [job.id for job in jobs]
    if not ids:
        return []
    running = [job.id for job in jobs if job.status is JobStatus.PROCESSING]
    live = ctx.progress.read_many(running) if running else {}
    done = records.done_by_job(session, ids)
    counts = records.outcome_counts(session, ids)
    # Most jobs have neither, and thousands of streams ask.
    skipped, renamed = (
        records.exceptions_by_job(
            session, [job_id for job_id in ids if (job_id, outcome) in counts], outcome=outcome, limit=SHOWN_EXCEPTIONS
        )
        for outcome in (ItemOutcome.SKIPPED, ItemOutcome.RENAMED)
    )
    return [
        _job_view(
            ctx,
            job,
            live.get(job.id),
            done.get(job.id, (0, 0)),
            skipped=skipped.get(job.id, []),
            skipped_count=counts.get((job.id, ItemOutcome.SKIPPED), 0),
            renamed=renamed.get(job.id, []),
            renamed_count=counts.get((job.id, ItemOutcome.RENAMED), 0),
        )
        for job in jobs
    ]


def _job_view(
    ctx: JobContext,
    job: BulkDownloadJob,
    live: Progress | None,
    done: tuple[int, int],
    *,
    skipped: Sequence[BulkDownloadItem],
    skipped_count: int,
    renamed: Sequence[BulkDownloadItem],
    renamed_count: int,
) -> JobView:
    total = job.total - skipped_count
    is_complete = job.status in (JobStatus.COMPLETE, JobStatus.EXPIRED)
    current = total if is_complete else min(max(done[0], live.current if live else 0), total)
    bytes_done = job.bytes_total if is_complete else min(max(done[1], live.bytes_done if live else 0), job.bytes_total)
    rate = live.bytes_per_second if live and job.status is JobStatus.PROCESSING else None
    return JobView(
        job_id=job.id,
        user_id=job.user_id,
        project_id=job.project_id,
        status=job.status,
        seq=max(job.seq, live.seq if live else 0),
        current=current,
        total=total,
        percent=100 if is_complete else percent(current, total, bytes_done, job.bytes_total),
        bytes_done=bytes_done,
        bytes_total=job.bytes_total,
        bytes_per_second=rate,
        eta_seconds=(job.bytes_total - bytes_done) / rate if rate else None,
        file_count=job.file_count,
        file_size=job.file_size,
        archive_name=job.archive_name,
        layout=job.layout,
        on_missing=job.on_missing,
        download_url=_download_url(ctx, job),
        expires_at=job.expires_at,
        error=job.error,
        error_code=job.error_code,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        skipped=tuple(SkippedItem(item.asset_id, item.name, item.reason) for item in skipped if item.reason),
        skipped_count=skipped_count,
        renamed=tuple(RenamedItem(item.asset_id, item.name, item.archive_name or "") for item in renamed),
        renamed_count=renamed_count,
    )


def percent(current: int, total: int, bytes_done: int, bytes_total: int) -> int:
    """Whole percent by bytes (by files when there are none), at most 99: 100 is for the finished archive."""
    done, whole = (bytes_done, bytes_total) if bytes_total else (current, total)
    return min(99, done * 100 // whole) if whole else 0


def _download_url(ctx: JobContext, job: BulkDownloadJob) -> str | None:
    if job.status is not JobStatus.COMPLETE or _is_past(job.expires_at):
        return None
    return _presign(ctx, job, _url_lifetime_s(ctx, job))


def _presign(ctx: JobContext, job: BulkDownloadJob, lifetime_s: int) -> str:
    return ctx.store.presign(
        job.archive_bucket,
        job.archive_key,
        expires_s=lifetime_s,
        file_name=job.archive_name,
        content_type="application/zip",
    )


def _url_lifetime_s(ctx: JobContext, job: BulkDownloadJob) -> int:
    if job.expires_at is None:
        return ctx.settings.url_ttl_s
    return max(1, min(ctx.settings.url_ttl_s, int((job.expires_at - utc_now()).total_seconds())))


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= utc_now()


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
