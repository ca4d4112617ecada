"""Stopping a job, or deleting its finished archive, at the wish of its owner."""

from __future__ import annotations

from bulkdl.identity import Principal
from bulkdl.jobs import read
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.endings import settle
from bulkdl.jobs.store import outcomes
from bulkdl.jobs.view import JobView
from bulkdl.logs import get_logger

log = get_logger(__name__)


def cancel(ctx: JobContext, principal: Principal, job_id: str) -> JobView:
    """Cancel the caller's job, or delete its archive; a job that has ended otherwise stays as it is.

    The status changes at once and makes every claim void: workers stop within about half a second. The
    bucket is cleaned here and again by a worker that was in the middle of it; the sweep makes sure.
    """
    with ctx.database.session() as session:
        before = read.owned_job(session, principal, job_id)
        was = before.status
        changed = outcomes.cancel(session, job_id)
        session.commit()
    if changed:
        log.info("job cancelled", job_id=job_id, was=was.value)
        settle(ctx, job_id)
    return read.get_job(ctx, principal, job_id)
