"""Building the archive in three steps: plan it, transfer its ranges, finish it.

Each step claims its work, may be repeated after any crash, and leaves the next one ready in the
database before its message is sent. A small job takes all three steps in one go, and so does a larger one
in an idle process.
"""

from __future__ import annotations

from bulkdl.errors import LeaseLost
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.finish_step import finish
from bulkdl.jobs.plan_step import plan
from bulkdl.jobs.prepared import Prepared, load_prepared
from bulkdl.jobs.send import send_range
from bulkdl.jobs.steps import run_step
from bulkdl.jobs.store import checkpoint, leases
from bulkdl.jobs.transfer_step import transfer
from bulkdl.logs import get_logger

log = get_logger(__name__)

SMALL_SIZE = 32 * 1024**2
"""An archive up to this size is built by whoever planned it; a larger one only where nothing is kept waiting by it."""


def plan_download(ctx: JobContext, job_id: str) -> None:
    """Look at the objects and plan the archive; then transfer and finish it, or send its ranges to the workers."""
    with ctx.database.session() as session:
        claim = leases.claim_job(session, job_id, owner=ctx.owner, lease_s=ctx.settings.lease_s)
        session.commit()
    if claim is None:
        log.debug("nothing to plan", job_id=job_id)
        return
    if run_step(ctx, claim, lambda keeper: plan(ctx, keeper)):
        _go_on(ctx, job_id)


def transfer_range(ctx: JobContext, job_id: str, number: int, *, prepared: Prepared | None = None) -> None:
    """Transfer the parts of one range that are not done yet; whoever does a job's last range finishes the job."""
    with ctx.database.session() as session:
        claim = leases.claim_range(session, job_id, number, owner=ctx.owner, lease_s=ctx.settings.lease_s)
        session.commit()
    if claim is None:
        log.debug("nothing to transfer", job_id=job_id, range=number)
    else:
        run_step(ctx, claim, lambda keeper: transfer(ctx, keeper, number, prepared or load_prepared(ctx, job_id)))
    finish_download(ctx, job_id, prepared=prepared)


def finish_download(ctx: JobContext, job_id: str, *, prepared: Prepared | None = None) -> None:
    """Store the late parts, complete the upload, verify the archive and end the job."""
    if not _all_done(ctx, job_id):
        log.debug("nothing to finish", job_id=job_id)
        return
    with ctx.database.session() as session:
        claim = leases.claim_job(session, job_id, owner=ctx.owner, lease_s=ctx.settings.lease_s)
        session.commit()
    if claim is not None:
        run_step(ctx, claim, lambda keeper: finish(ctx, keeper, prepared or load_prepared(ctx, job_id)))


def _go_on(ctx: JobContext, job_id: str) -> None:
    with ctx.database.reader() as session:
        ranges = checkpoint.ranges_of(session, job_id)
    if len(ranges) > 1:
        for number in [work.number for work in ranges if work.done_at is None]:
            send_range(ctx, job_id, number)
        return
    try:
        prepared = load_prepared(ctx, job_id)
    except LeaseLost:
        log.info("work is no longer ours", job_id=job_id)
        return
    if prepared.plan.layout.size > SMALL_SIZE and not ctx.has_room():
        send_range(ctx, job_id, 0)
        return
    transfer_range(ctx, job_id, 0, prepared=prepared)


def _all_done(ctx: JobContext, job_id: str) -> bool:
    with ctx.database.reader() as session:
        return checkpoint.all_ranges_done(session, job_id)
