"""A job's row, its live progress and its ledger's exceptions made into what its owner sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from bulkdl.events.progress import Progress
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome, JobStatus
from bulkdl.jobs.store import records
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.view import JobView, RenamedItem, SkippedItem

ARCHIVE_TYPE = "application/zip"
SHOWN_EXCEPTIONS = 100
"""Skipped and renamed items that a job carries itself; the ledger has all of them."""


def job_views(ctx: JobContext, session: Session, jobs: Sequence[BulkDownloadJob]) -> list[JobView]:
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
    if job.status is not JobStatus.COMPLETE or is_past(job.expires_at):
        return None
    return presign(ctx, job, url_lifetime_s(ctx, job))


def presign(ctx: JobContext, job: BulkDownloadJob, lifetime_s: int) -> str:
    """A URL of the job's archive that is good for so long."""
    return ctx.store.presign(
        job.archive_bucket,
        job.archive_key,
        expires_s=lifetime_s,
        file_name=job.archive_name,
        content_type=ARCHIVE_TYPE,
    )


def url_lifetime_s(ctx: JobContext, job: BulkDownloadJob) -> int:
    """How long a URL of the archive may be good: never longer than the archive."""
    if job.expires_at is None:
        return ctx.settings.url_ttl_s
    return max(1, min(ctx.settings.url_ttl_s, int((job.expires_at - utc_now()).total_seconds())))


def is_past(moment: datetime | None) -> bool:
    """Whether the moment has come and gone."""
    return moment is not None and moment <= utc_now()
