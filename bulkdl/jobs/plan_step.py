"""Planning: look at every object, name the entries, lay out the archive, open its upload, write it all down."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bulkdl.archive.plan import Plan, make_plan
from bulkdl.errors import BuildFailed, LeaseLost, StorageError
from bulkdl.jobs.contents import Contents, contents_of, missing_text, name_items
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.keeper import LeaseKeeper
from bulkdl.jobs.look import look_at, note_look
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome, OnMissing, SkipReason
from bulkdl.jobs.store import checkpoint, leases, ledger, records
from bulkdl.jobs.store.checkpoint import PlannedRange
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.jobs.views import ARCHIVE_TYPE
from bulkdl.logs import get_logger
from bulkdl.storage import Upload

log = get_logger(__name__)

JOB_METADATA = "bulkdl-job"
"""User metadata of an archive: the job it belongs to, so that an unclear completion can be told apart."""

_PLANS_BEYOND_ITEMS = 10
"""Every plan after the first leaves out an object or replaces a lost upload; beyond this many something is wrong."""


def plan(ctx: JobContext, keeper: LeaseKeeper) -> None:
    """Plan the job, unless that was done before (the message came twice, or a worker died behind it)."""
    claim = keeper.claim
    with ctx.database.reader() as session:
        job = records.get_job(session, claim.job_id)
    if job is None:
        raise LeaseLost("the job is gone")
    if job.upload_id is not None:
        _give_lease_back(ctx, keeper)
        return
    with ctx.database.reader() as session:
        items = list(ledger.items_of(session, job.id))
    if job.plan_number > len(items) + _PLANS_BEYOND_ITEMS:
        raise BuildFailed("The archive had to be planned too often.", code="planned_too_often")
    _look_at_all(ctx, items, keeper)
    _name_all(ctx, job, items)
    contents = contents_of(job, items)
    _check_contents(ctx, contents)
    _write_down(ctx, keeper, job, items, contents)


def _give_lease_back(ctx: JobContext, keeper: LeaseKeeper) -> None:
    with ctx.database.session() as session:
        leases.release(session, keeper.claim, resend_in_s=15.0, attempt_counts=False)
        session.commit()


def _write_down(
    ctx: JobContext, keeper: LeaseKeeper, job: BulkDownloadJob, items: Sequence[LedgerItem], contents: Contents
) -> None:
    plan = make_plan(contents.layout, part_size=ctx.settings.part_size)
    upload = ctx.store.create_upload(
        job.archive_bucket,
        job.archive_key,
        file_name=job.archive_name,
        content_type=ARCHIVE_TYPE,
        metadata={JOB_METADATA: job.id},
    )
    try:
        with ctx.database.session() as session:
            if not _save(ctx, session, keeper, job, contents, plan, upload):
                raise LeaseLost("the job was taken over or ended while it was being planned")
            ledger.write_plan(session, job.id, items)
            session.commit()
    except BaseException:
        _abandon(ctx, upload)
        raise
    log.info("job planned", job_id=job.id, files=contents.file_count, size=plan.layout.size, parts=plan.part_count)


def _save(
    ctx: JobContext,
    session: Session,
    keeper: LeaseKeeper,
    job: BulkDownloadJob,
    contents: Contents,
    plan: Plan,
    upload: Upload,
) -> bool:
    return checkpoint.save_plan(
        session,
        keeper.claim,
        upload_id=upload.upload_id,
        part_size=plan.part_size,
        file_count=contents.file_count,
        bytes_total=contents.bytes_total,
        file_size=contents.layout.size,
        ranges=[PlannedRange(first, last) for first, last in plan.ranges(ctx.settings.range_size)],
        plan_number=job.plan_number + 1,
    )


def _look_at_all(ctx: JobContext, items: Sequence[LedgerItem], keeper: LeaseKeeper) -> None:
    """Look at every object and write what was found into the items (not yet into the database)."""
    wanted = [item for item in items if item.outcome is not ItemOutcome.SKIPPED]
    looks = look_at(
        ctx.store,
        wanted,
        concurrency=ctx.settings.max_concurrency,
        copied_from=ctx.settings.part_size,
        check=keeper.check,
    )
    for item, look in zip(wanted, looks, strict=True):
        note_look(item, look)


def _name_all(ctx: JobContext, job: BulkDownloadJob, items: Sequence[LedgerItem]) -> None:
    """Name what can be had; where the job insists on everything, something missing ends it."""
    missing = [item for item in items if item.outcome is ItemOutcome.SKIPPED]
    if missing and job.on_missing is OnMissing.FAIL:
        with ctx.database.session() as session:
            ledger.write_plan(session, job.id, missing)
            session.commit()
        first = missing[0].reason or SkipReason.READ_ERROR
        raise BuildFailed(missing_text(missing), code=first.value)
    name_items([item for item in items if item.outcome is not ItemOutcome.SKIPPED], job.layout)


def _check_contents(ctx: JobContext, contents: Contents) -> None:
    if not contents.file_count:
        raise BuildFailed("None of the selected files can be had.", code="no_files_available")
    size = contents.bytes_total
    if size > ctx.settings.max_bytes:
        raise BuildFailed(
            f"The files hold {size} bytes; one archive holds at most {ctx.settings.max_bytes}.", code="too_many_bytes"
        )


def _abandon(ctx: JobContext, upload: Upload) -> None:
    try:
        ctx.store.abort_upload(upload)
    except StorageError as exc:
        log.warning("upload not aborted, the sweep will", error=str(exc))
