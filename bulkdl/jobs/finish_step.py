"""Finishing: late parts, completion, proof that the archive stands, and the end of the job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bulkdl.archive.crc32 import archive_crc32
from bulkdl.archive.plan import Plan
from bulkdl.errors import (
    BuildFailed,
    LeaseLost,
    ObjectChanged,
    ObjectNotFound,
    StorageUnavailable,
    UploadNotFound,
)
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.endings import settle
from bulkdl.jobs.keeper import LeaseKeeper
from bulkdl.jobs.plan_step import JOB_METADATA
from bulkdl.jobs.prepared import Prepared, add_saved
from bulkdl.jobs.store import checkpoint, ledger, outcomes
from bulkdl.jobs.store.checkpoint import SavedPart
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.transfer_step import Checkpoint
from bulkdl.logs import get_logger
from bulkdl.storage import ObjectVersion, UploadedPart
from bulkdl.transfer import Work

log = get_logger(__name__)


def finish(ctx: JobContext, keeper: LeaseKeeper, prepared: Prepared) -> None:
    """Make the object out of the parts, verify it, and end the job as complete."""
    try:
        parts = _store_missing_parts(ctx, keeper, prepared)
        _check_copied_sources(ctx, prepared)
        keeper.check()
        _complete(ctx, prepared, parts)
    except (UploadNotFound, StorageUnavailable):
        # The answer to an earlier completion may have been lost on its way: the object itself tells.
        if not _stands(ctx, prepared):
            raise
    else:
        if not _stands(ctx, prepared):
            raise BuildFailed("The finished archive is not what was planned.", code="archive_verification_failed")
    _commit(ctx, keeper, prepared)
    settle(ctx, prepared.job.id)


def _store_missing_parts(ctx: JobContext, keeper: LeaseKeeper, prepared: Prepared) -> list[UploadedPart]:
    """Store the late parts, and whatever the store does not hold as the checkpoint says; all parts as it holds them."""
    with ctx.database.reader() as session:
        saved = checkpoint.parts_of(session, prepared.job.id)
    add_saved(prepared.checksums, saved)
    held = list(ctx.store.list_parts(prepared.upload))
    missing = _missing_parts(prepared.plan, saved, held)
    if not missing:
        return held
    log.debug("storing late parts", job_id=prepared.job.id, parts=len(missing))
    record = Checkpoint(ctx, keeper, prepared, files=0, size=0)
    ctx.require_transfer().run(
        Work(
            plan=prepared.plan,
            sources=prepared.contents.sources,
            upload=prepared.upload,
            parts=missing,
            checksums=prepared.checksums,
            on_part=record.take,
            on_bytes=_ignore,
            check=record.check,
            is_last=True,
        )
    )
    record.save()
    return list(ctx.store.list_parts(prepared.upload))


def _missing_parts(plan: Plan, saved: Sequence[SavedPart], held: Sequence[UploadedPart]) -> list[int]:
    """Numbers of the parts that are not both written down and there."""
    by_number = {part.number: part for part in held}
    stored = {part.number for part in saved if _is_held(plan, part, by_number.get(part.number))}
    return [number for number in range(1, plan.part_count + 1) if number not in stored]


def _is_held(plan: Plan, part: SavedPart, held: UploadedPart | None) -> bool:
    return held is not None and part.etag == held.etag and held.size == _size_of(plan, part.number)


def _size_of(plan: Plan, number: int) -> int:
    start, stop = plan.bounds(number)
    return stop - start


def _ignore(size: int, files: int) -> None:
    """Bytes that are read a second time are no progress."""


def _check_copied_sources(ctx: JobContext, prepared: Prepared) -> None:
    """Where a copy cannot insist on a version, make sure that no copied object has changed since the look."""
    if ctx.settings.server_side_copy == "never" or not ctx.store.provider.copies_ranges:
        return
    if ctx.store.provider.copies_if_match:
        return
    for source in prepared.contents.sources:
        if not isinstance(source, ObjectVersion) or source.size < prepared.plan.part_size:
            continue
        if ctx.store.head(source.bucket, source.key).version != source:
            raise ObjectChanged("the object changed while it was copied", bucket=source.bucket, key=source.key)


def _complete(ctx: JobContext, prepared: Prepared, parts: Sequence[UploadedPart]) -> None:
    plan = prepared.plan
    is_whole = len(parts) == plan.part_count and all(
        part.number == number and part.size == _size_of(plan, number) for number, part in enumerate(parts, 1)
    )
    if not is_whole:
        raise StorageUnavailable("the store does not hold every part of the upload as planned")
    crc32 = archive_crc32(plan.layout, prepared.checksums)
    ctx.store.complete_upload(prepared.upload, parts, size=plan.layout.size, crc32=crc32)


def _stands(ctx: JobContext, prepared: Prepared) -> bool:
    """Whether the object under the job's key is this archive: owner, size, and its end records byte for byte."""
    job, layout = prepared.job, prepared.plan.layout
    try:
        info = ctx.store.head(job.archive_bucket, job.archive_key)
    except ObjectNotFound:
        return False
    if info.version.size != layout.size or info.metadata.get(JOB_METADATA) != job.id:
        return False
    wanted = layout.end_records()
    tail = bytearray(len(wanted))
    filled = 0
    while filled < len(tail):
        filled += ctx.store.read_into(info.version, layout.end_records_offset + filled, memoryview(tail)[filled:])
    return bytes(tail) == wanted


def _by_position(prepared: Prepared) -> Iterator[tuple[int, int]]:
    for entry, position in enumerate(prepared.contents.positions):
        yield position, prepared.checksums[entry]


def _commit(ctx: JobContext, keeper: LeaseKeeper, prepared: Prepared) -> None:
    job, crc32s = prepared.job, prepared.checksums
    learnt = (
        (source, crc32s[entry])
        for entry, source in enumerate(prepared.contents.sources)
        if isinstance(source, ObjectVersion) and source.size >= prepared.plan.part_size
    )
    with ctx.database.session() as session:
        expires_at = utc_now() + timedelta(hours=ctx.settings.expiry_hours)
        if not outcomes.complete(session, keeper.claim, expires_at=expires_at):
            raise LeaseLost("the job was cancelled or taken over before its archive was announced")
        ledger.write_crc32s(session, job.id, _by_position(prepared))
        ledger.remember_checksums(session, learnt)
        session.commit()
    log.info("job complete", job_id=job.id, files=prepared.contents.file_count, size=prepared.plan.layout.size)
