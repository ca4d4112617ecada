"""The plan of a job as it is written down, and how far each range has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bulkdl.database import now_epoch
from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadPart, BulkDownloadRange
from bulkdl.jobs.store.clock import resend_delay_s, utc_now
from bulkdl.jobs.store.leases import Claim, changed_one, holds

_TOKENS_PER_PLAN = 1 << 32
"""A new plan's ranges begin with a token above all that an older plan can have given out."""


@dataclass(frozen=True, slots=True)
class PlannedRange:
    """Consecutive parts for one worker, both ends included, counted from 1."""

    first_part: int
    last_part: int


@dataclass(frozen=True, slots=True)
class SavedPart:
    """A part as the checkpoint holds it; `etag` None: read but not stored yet (a late part)."""

    number: int
    etag: str | None
    crc32s: bytes


def save_plan(
    session: Session,
    claim: Claim,
    *,
    upload_id: str,
    part_size: int,
    file_count: int,
    bytes_total: int,
    file_size: int,
    ranges: Sequence[PlannedRange],
    plan_number: int,
) -> bool:
    """Write down the plan and its ranges in place of any older one, and give the job's lease back.

    False, and nothing written, when the claim is no longer good.
    """
    statement = (
        sa.update(BulkDownloadJob)
        .where(holds(claim))
        .values(
            upload_id=upload_id,
            part_size=part_size,
            file_count=file_count,
            bytes_total=bytes_total,
            file_size=file_size,
            plan_number=plan_number,
            attempts=0,
            lease_until=None,
            lease_owner=None,
            resend_at=now_epoch() + resend_delay_s(1),
        )
        .execution_options(synchronize_session=False)
    )
    if not changed_one(session, statement):
        return False
    _drop_ranges(session, claim.job_id)
    rows = [
        {
            "job_id": claim.job_id,
            "number": number,
            "first_part": planned.first_part,
            "last_part": planned.last_part,
            "lease_token": plan_number * _TOKENS_PER_PLAN,
        }
        for number, planned in enumerate(ranges)
    ]
    session.execute(sa.insert(BulkDownloadRange), rows)
    # Their messages are about to be sent; should that fail, the sweep does it.
    session.execute(
        sa.update(BulkDownloadRange)
        .where(BulkDownloadRange.job_id == claim.job_id)
        .values(resend_at=now_epoch() + resend_delay_s(1), sends=1)
    )
    return True


def void_plan(session: Session, job_id: str, upload_id: str) -> bool:
    """Forget the plan that belongs to this upload, so that the job is planned anew; False when it is another's."""
    statement = (
        sa.update(BulkDownloadJob)
        .where(BulkDownloadJob.id == job_id, BulkDownloadJob.upload_id == upload_id)
        .values(upload_id=None, part_size=None, resend_at=now_epoch(), lease_until=None, lease_owner=None)
        .execution_options(synchronize_session=False)
    )
    if not changed_one(session, statement):
        return False
    _drop_ranges(session, job_id)
    return True


def ranges_of(session: Session, job_id: str) -> Sequence[BulkDownloadRange]:
    """The ranges of a job, in order."""
    query = sa.select(BulkDownloadRange).where(BulkDownloadRange.job_id == job_id).order_by(BulkDownloadRange.number)
    return session.scalars(query).all()


def get_range(session: Session, job_id: str, number: int) -> BulkDownloadRange | None:
    """One range of a job."""
    return session.get(BulkDownloadRange, (job_id, number))


def all_ranges_done(session: Session, job_id: str) -> bool:
    """Whether nothing but finishing is left; the count is read, never kept."""
    done = sa.func.count(BulkDownloadRange.done_at)
    total, finished = session.execute(sa.select(sa.func.count(), done).where(BulkDownloadRange.job_id == job_id)).one()
    return int(total) > 0 and int(total) == int(finished)


def parts_of(session: Session, job_id: str, first: int = 1, last: int = 10_000) -> list[SavedPart]:
    """The checkpointed parts from `first` to `last`, by number."""
    query = (
        sa.select(BulkDownloadPart.number, BulkDownloadPart.etag, BulkDownloadPart.crc32s)
        .where(BulkDownloadPart.job_id == job_id, BulkDownloadPart.number.between(first, last))
        .order_by(BulkDownloadPart.number)
    )
    return [SavedPart(number, etag, crc32s) for number, etag, crc32s in session.execute(query)]


def save_parts(
    session: Session, claim: Claim, parts: Iterable[SavedPart], *, files_done: int, bytes_done: int, lease_s: float
) -> bool:
    """Checkpoint parts and renew the lease with them; False, and nothing written, when the claim is void."""
    rows: list[dict[str, object]] = [
        {"job_id": claim.job_id, "number": part.number, "etag": part.etag, "crc32s": part.crc32s} for part in parts
    ]
    values: dict[str, object] = {"lease_until": now_epoch() + lease_s}
    if rows:
        # Work that moves on is no poison: it may only have stood beside some when its worker was killed.
        values["attempts"] = 1
    model = BulkDownloadJob if claim.range_number is None else BulkDownloadRange
    if claim.range_number is not None:
        values |= {"files_done": files_done, "bytes_done": bytes_done}
    statement = sa.update(model).where(holds(claim)).values(**values).execution_options(synchronize_session=False)
    if not changed_one(session, statement):
        return False
    if rows:
        _put_parts(session, rows)
    return True


def finish_range(session: Session, claim: Claim, *, files_done: int, bytes_done: int) -> bool:
    """Mark the range as done; False when the claim is void."""
    statement = (
        sa.update(BulkDownloadRange)
        .where(holds(claim))
        .values(done_at=utc_now(), lease_until=None, lease_owner=None, files_done=files_done, bytes_done=bytes_done)
        .execution_options(synchronize_session=False)
    )
    return changed_one(session, statement)


def _put_parts(session: Session, rows: list[dict[str, object]]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(BulkDownloadPart)
    statement = insert.on_conflict_do_update(
        index_elements=["job_id", "number"],
        set_={"etag": insert.excluded.etag, "crc32s": insert.excluded.crc32s},
    )
    session.execute(statement, rows)


def _drop_ranges(session: Session, job_id: str) -> None:
    session.execute(sa.delete(BulkDownloadPart).where(BulkDownloadPart.job_id == job_id))
    session.execute(sa.delete(BulkDownloadRange).where(BulkDownloadRange.job_id == job_id))
