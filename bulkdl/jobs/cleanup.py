"""Leaving nothing behind: after its end the bucket holds of a job its archive, if it is complete, and nothing else."""

from __future__ import annotations

from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store import outcomes, records
from bulkdl.logs import get_logger

log = get_logger(__name__)


def clean(ctx: JobContext, job_id: str) -> None:
    """Abort the ended job's uploads and, unless it is complete, delete its archive. Safe to repeat.

    Raises `StorageError` when the bucket does not answer: the sweep tries again.
    """
    with ctx.database.reader() as session:
        job = records.get_job(session, job_id)
    if job is not None and job.status.is_final:
        _remove(ctx, job)


def clean_for_good(ctx: JobContext, job: BulkDownloadJob) -> None:
    """The same once every lease of the job has run out, so that no worker can add anything later."""
    _remove(ctx, job)
    with ctx.database.session() as session:
        outcomes.note_cleaned(session, job.id, job.status)
        session.commit()
    log.debug("job cleaned", job_id=job.id, status=job.status.value)


def _remove(ctx: JobContext, job: BulkDownloadJob) -> None:
    # The uploads are listed, not remembered: one may have been opened by a worker that died before it said so.
    for pending in list(ctx.store.list_uploads(job.archive_bucket, job.archive_key)):
        if pending.upload.key == job.archive_key:
            ctx.store.abort_upload(pending.upload)
    if job.status is not JobStatus.COMPLETE:
        ctx.store.delete(job.archive_bucket, job.archive_key)
