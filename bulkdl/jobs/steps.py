"""Carrying out one step of a job under its lease, and settling every way in which it can end.

A step is planning, the transfer of one range, or finishing. Whatever happens, the job stays able to
go on: either the step succeeded, or it was given back with a time at which the sweep sends it again,
or the job has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bulkdl.errors import (
    ArchiveError,
    BuildFailed,
    LeaseLost,
    Located,
    MadeRoom,
    ObjectUnreadable,
    ServiceUnavailable,
    StorageError,
    StorageRefused,
    StorageUnavailable,
    UploadNotFound,
    WorkerStopping,
)
from bulkdl.jobs import endings
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.keeper import LeaseKeeper, keep_lease
from bulkdl.jobs.send import send_plan, send_range
from bulkdl.jobs.status import JobStatus, OnMissing, SkipReason
from bulkdl.jobs.store import checkpoint, leases, ledger, records
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.store.leases import Claim
from bulkdl.logs import get_logger
from bulkdl.storage import Upload

log = get_logger(__name__)

WAIT_FOR_SERVICE_S = 5.0
"""How long a job rests when the bucket or the database cannot be reached."""

_TRIES_OF_ONE_OBJECT = 3
"""Claims that fail on one object, while the store answers otherwise, before the object counts as unreadable."""


def run_step(ctx: JobContext, claim: Claim, work: Callable[[LeaseKeeper], None]) -> bool:
    """Do the work under the claim's lease; True when it was done.

    Errors that another try may mend, that concern one object or that end the job are settled here.
    Any other error is a defect: the step is given back, and the error goes on to the queue's retries.
    """
    if claim.attempts > ctx.settings.max_attempts:
        endings.fail(ctx, claim.job_id, _gave_up(ctx), code="too_many_attempts")
        return False
    try:
        with keep_lease(ctx, claim) as keeper:
            work(keeper)
    except LeaseLost:
        log.info("work is no longer ours", job_id=claim.job_id, range=claim.range_number)
        endings.settle(ctx, claim.job_id)
    except (WorkerStopping, MadeRoom) as exc:
        _hand_back(ctx, claim, exc)
    except ObjectUnreadable as exc:
        _leave_out(ctx, claim, exc)
    except UploadNotFound:
        log.warning("upload is gone, planning anew", job_id=claim.job_id)
        _plan_anew(ctx, claim)
    except StorageUnavailable as exc:
        _wait_for_store(ctx, claim, exc)
    except ServiceUnavailable as exc:
        log.warning("step waits", job_id=claim.job_id, service=exc.service, error=str(exc))
        _give_back(ctx, claim, resend_in_s=WAIT_FOR_SERVICE_S, attempt_counts=False)
    except StorageRefused as exc:
        _try_again(ctx, claim, exc)
    except (BuildFailed, ArchiveError) as exc:
        endings.fail(ctx, claim.job_id, str(exc), code=exc.code)
    except Exception:
        _give_back(ctx, claim, resend_in_s=30.0, attempt_counts=True)
        raise
    else:
        return True
    return False


def _gave_up(ctx: JobContext) -> str:
    return f"The archive could not be built in {ctx.settings.max_attempts} attempts."


def _hand_back(ctx: JobContext, claim: Claim, exc: WorkerStopping | MadeRoom) -> None:
    """Somebody else, or somebody later, goes on from the checkpoint; no attempt is counted."""
    _give_back(ctx, claim, resend_in_s=0.0, attempt_counts=False)
    log.info("work handed back", job_id=claim.job_id, range=claim.range_number, why=str(exc))
    if claim.range_number is None:
        send_plan(ctx, claim.job_id)
    else:
        send_range(ctx, claim.job_id, claim.range_number)


def _leave_out(ctx: JobContext, claim: Claim, exc: ObjectUnreadable) -> None:
    """An object cannot be had: by the job's policy the archive is planned without it, or not at all."""
    reason = SkipReason(exc.code)
    upload: Upload | None = None
    with ctx.database.session() as session:
        job = records.get_job(session, claim.job_id)
        if job is None or not leases.is_held(session, claim):
            return
        ledger.skip_object(session, job.id, exc.bucket, exc.key, reason)
        if job.on_missing is OnMissing.SKIP and job.upload_id is not None:
            upload = Upload(job.archive_bucket, job.archive_key, job.upload_id)
            checkpoint.void_plan(session, job.id, job.upload_id)
        session.commit()
    log.warning("object left out", job_id=claim.job_id, reason=reason.value, error=str(exc))
    if job.on_missing is OnMissing.FAIL:
        endings.fail(ctx, claim.job_id, f"A file cannot be read ({reason.value}).", code=reason.value)
        return
    _abort(ctx, upload)
    send_plan(ctx, claim.job_id)


def _plan_anew(ctx: JobContext, claim: Claim) -> None:
    with ctx.database.session() as session:
        job = records.get_job(session, claim.job_id)
        if job is None or job.upload_id is None or not leases.is_held(session, claim):
            return
        checkpoint.void_plan(session, job.id, job.upload_id)
        session.commit()
    send_plan(ctx, claim.job_id)


def _wait_for_store(ctx: JobContext, claim: Claim, exc: StorageUnavailable) -> None:
    """The store does not answer: wait for it, unless it answers for everything but one object."""
    with ctx.database.reader() as session:
        job = records.get_job(session, claim.job_id)
    if job is None or job.status is not JobStatus.PROCESSING:
        return
    if utc_now() > job.created_at + timedelta(hours=ctx.settings.expiry_hours):
        endings.fail(ctx, job.id, "The object store could not be reached for too long.", code=exc.code)
        return
    is_one_object = exc.source is not None and not exc.throttled and _answers(ctx, exc.source)
    if is_one_object and exc.source is not None and claim.attempts >= _TRIES_OF_ONE_OBJECT:
        _leave_out(ctx, claim, ObjectUnreadable(str(exc), bucket=exc.source.bucket, key=exc.source.key))
        return
    log.warning("step waits", job_id=claim.job_id, service="object store", error=str(exc))
    wait_s = 1.0 if is_one_object else max(WAIT_FOR_SERVICE_S, exc.retry_after_s or 0.0)
    _give_back(ctx, claim, resend_in_s=wait_s, attempt_counts=is_one_object)


def _try_again(ctx: JobContext, claim: Claim, exc: StorageError) -> None:
    """The store refuses: a person may mend that, so try as often as any step is tried."""
    if claim.attempts >= ctx.settings.max_attempts:
        endings.fail(ctx, claim.job_id, str(exc), code=exc.code)
        return
    log.error("store refuses", job_id=claim.job_id, attempt=claim.attempts, error=str(exc))
    _give_back(ctx, claim, resend_in_s=WAIT_FOR_SERVICE_S * claim.attempts, attempt_counts=True)


def _give_back(ctx: JobContext, claim: Claim, *, resend_in_s: float, attempt_counts: bool) -> None:
    try:
        with ctx.database.session() as session:
            leases.release(session, claim, resend_in_s=resend_in_s, attempt_counts=attempt_counts)
            session.commit()
    except ServiceUnavailable as exc:
        # Without a database nothing can be written; the lease runs out by itself and the sweep goes on.
        log.warning("lease not given back, it will run out", job_id=claim.job_id, error=str(exc))


def _answers(ctx: JobContext, source: Located) -> bool:
    try:
        ctx.store.head(source.bucket, source.key)
    except StorageError:
        return False
    return True


def _abort(ctx: JobContext, upload: Upload | None) -> None:
    if upload is None:
        return
    try:
        ctx.store.abort_upload(upload)
    except StorageError as exc:
        log.warning("upload not aborted, the sweep will", error=str(exc))
