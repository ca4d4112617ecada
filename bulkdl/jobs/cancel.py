"""Stopping a job, or deleting its finished archive, at the wish of its owner."""

from __future__ import annotations

import structlog

from bulkdl.errors import ServiceUnavailable, StorageError
from bulkdl.identity import Principal
from bulkdl.jobs import read
from bulkdl.jobs.announce import announce
from bulkdl.jobs.cleanup import clean
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store import outcomes
from bulkdl.jobs.view import JobView

log = structlog.get_logger()


def cancel(ctx: JobContext, principal: Principal, job_id: str) -> JobView:
    """Cancel the caller's job, or delete its archive; a job that has ended otherwise stays as it is.

    The status changes at once and makes every claim void, so the workers stop within half a second and
    the bucket is cleaned by them; a job that no worker holds is cleaned here, or by the sweep.
    """
    with ctx.database.session() as session:
        before = read.owned_job(session, principal, job_id)
        was, was_held = before.status, before.upload_id is not None
        changed = outcomes.cancel(session, job_id)
        session.commit()
    if changed:
        log.info("job cancelled", job_id=job_id, was=was.value)
        _settle(ctx, job_id, clean_here=was is JobStatus.COMPLETE or not was_held)
    return read.get_job(ctx, principal, job_id)


def _settle(ctx: JobContext, job_id: str, *, clean_here: bool) -> None:
    try:
        announce(ctx, job_id)
        if clean_here:
            clean(ctx, job_id)
    except (StorageError, ServiceUnavailable) as exc:
        log.warning("cancelled job not settled yet, the sweep will", job_id=job_id, error=str(exc))
