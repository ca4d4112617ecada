"""Ending a job: the row first, then the streams are told and the bucket is cleaned."""

from __future__ import annotations

from bulkdl.errors import ServiceUnavailable, StorageError
from bulkdl.jobs.announce import announce
from bulkdl.jobs.cleanup import clean
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.store import outcomes
from bulkdl.logs import get_logger

log = get_logger(__name__)


def fail(ctx: JobContext, job_id: str, error: str, *, code: str) -> bool:
    """End the job as failed; False when it had ended already."""
    with ctx.database.session() as session:
        changed = outcomes.fail(session, job_id, error=error, code=code)
        session.commit()
    if changed:
        log.error("job failed", job_id=job_id, error=error, code=code)
        settle(ctx, job_id)
    return changed


def settle(ctx: JobContext, job_id: str) -> None:
    """Tell the streams and clean the bucket, if the job has ended; what fails here the sweep makes up for."""
    try:
        announce(ctx, job_id)
        clean(ctx, job_id)
    except (StorageError, ServiceUnavailable) as exc:
        log.warning("ended job not settled yet, the sweep will", job_id=job_id, error=str(exc))
