"""The sweeps: send again what is stalled, tell ends nobody heard of, expire, clean, purge. Safe to run twice."""

from __future__ import annotations

from datetime import timedelta

from bulkdl.errors import StorageError
from bulkdl.jobs.announce import announce
from bulkdl.jobs.cleanup import clean_for_good
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.endings import settle
from bulkdl.jobs.send import send_finish, send_plan, send_range
from bulkdl.jobs.store import outcomes, stalled
from bulkdl.jobs.store.clock import utc_now
from bulkdl.logs import get_logger

log = get_logger(__name__)

_UNHEARD_AFTER = timedelta(seconds=3)
_ORPHAN_AFTER = timedelta(hours=1)
"""An upload that no job knows may be a second old and about to be written down; an hour is beyond doubt."""


def requeue_stalled(ctx: JobContext) -> int:
    """Send a message for all work that is due and that nobody does; how many."""
    with ctx.database.reader() as session:
        plans = stalled.jobs_to_plan(session)
        ranges = stalled.ranges_to_transfer(session)
        finishes = stalled.jobs_to_finish(session)
    for job_id, sends in plans:
        send_plan(ctx, job_id, sends=sends + 1)
    for job_id, number, sends in ranges:
        send_range(ctx, job_id, number, sends=sends + 1)
    for job_id, sends in finishes:
        send_finish(ctx, job_id, sends=sends + 1)
    count = len(plans) + len(ranges) + len(finishes)
    if count:
        log.info("stalled work sent again", plans=len(plans), ranges=len(ranges), finishes=len(finishes))
    return count


def requeue_all(ctx: JobContext) -> None:
    """The queue has lost its messages: send one for all work that nobody does."""
    with ctx.database.session() as session:
        stalled.make_all_due(session)
        session.commit()
    if requeue_stalled(ctx):
        log.warning("the queue had lost its messages, all were sent again")


def announce_ends(ctx: JobContext) -> int:
    """Publish the ends that were not published; how many."""
    with ctx.database.reader() as session:
        job_ids = stalled.jobs_to_announce(session, ended_before=utc_now() - _UNHEARD_AFTER)
    for job_id in job_ids:
        announce(ctx, job_id)
    return len(job_ids)


def expire_archives(ctx: JobContext) -> int:
    """Delete the archives that have had their time; how many."""
    with ctx.database.reader() as session:
        job_ids = stalled.jobs_to_expire(session)
    for job_id in job_ids:
        with ctx.database.session() as session:
            changed = outcomes.expire(session, job_id)
            session.commit()
        if changed:
            log.info("archive expired", job_id=job_id)
            settle(ctx, job_id)
    return len(job_ids)


def clean_ended(ctx: JobContext) -> int:
    """Make sure that the bucket holds nothing of ended jobs but the archives; how many were looked at."""
    grace = timedelta(seconds=2 * ctx.settings.lease_s)
    with ctx.database.reader() as session:
        jobs = stalled.jobs_to_clean(session, ended_before=utc_now() - grace)
    for job in jobs:
        try:
            clean_for_good(ctx, job)
        except StorageError as exc:
            log.warning("bucket not cleaned, the next sweep will", job_id=job.id, error=str(exc))
    return len(jobs)


def abort_orphans(ctx: JobContext) -> int:
    """Abort multipart uploads under our prefix that no job under way wants; how many."""
    settings, count = ctx.settings, 0
    for pending in list(ctx.store.list_uploads(settings.archive_bucket, settings.archive_prefix)):
        if pending.initiated_at > utc_now() - _ORPHAN_AFTER:
            continue
        upload = pending.upload
        with ctx.database.reader() as session:
            if stalled.is_wanted(session, upload.upload_id, upload.key):
                continue
        ctx.store.abort_upload(upload)
        count += 1
        log.info("orphaned upload aborted", key=upload.key)
    return count


def purge_records(ctx: JobContext) -> int:
    """Delete the records of jobs that ended long ago; how many."""
    with ctx.database.session() as session:
        count = stalled.purge(session, ended_before=utc_now() - timedelta(days=ctx.settings.record_days))
        session.commit()
    if count:
        log.info("old records purged", jobs=count)
    return count


def expire_lost_archives(ctx: JobContext) -> int:
    """Mark complete jobs whose archive is no longer in the bucket as expired; how many."""
    lost = 0
    with ctx.database.reader() as session:
        jobs = stalled.complete_jobs(session)
    for job in jobs:
        if any(
            info.version.key == job.archive_key for info in ctx.store.list_objects(job.archive_bucket, job.archive_key)
        ):
            continue
        with ctx.database.session() as session:
            lost += outcomes.expire(session, job.id)
            session.commit()
    return lost
