"""Claim, renew and give back work: one conditional UPDATE each, by the database's clock.

A claim makes the fencing token grow. Every later write of its holder names the token, and changes
nothing once somebody else has claimed the work or the job has ended.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.database import now_epoch
from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import ACTIVE, JobStatus
from bulkdl.jobs.store.clock import next_seq, resend_delay_s, utc_now

APART_S = 8.0
"""By how much the next tries of work that died together are spread, for each death."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one piece of work, until the lease runs out."""

    job_id: str
    range_number: int | None
    """None: the job's own lease, for planning and finishing."""
    token: int
    attempts: int
    """This one included."""


def claim_job(session: Session, job_id: str, *, owner: str, lease_s: float) -> Claim | None:
    """Take the job's lease for planning or finishing; None when it is held, or the job has ended."""
    now = utc_now()
    row = session.execute(
        sa.update(BulkDownloadJob)
        .where(BulkDownloadJob.id == job_id, BulkDownloadJob.status.in_(ACTIVE), _is_free(BulkDownloadJob))
        .values(
            status=JobStatus.PROCESSING,
            seq=next_seq(now),
            started_at=sa.func.coalesce(BulkDownloadJob.started_at, sa.literal(now, BulkDownloadJob.started_at.type)),
            **_taken(BulkDownloadJob, owner, lease_s),
        )
        .returning(BulkDownloadJob.lease_token, BulkDownloadJob.attempts)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Claim(job_id, None, row.lease_token, row.attempts)


def claim_range(session: Session, job_id: str, number: int, *, owner: str, lease_s: float) -> Claim | None:
    """Take the lease of one range; None when it is held or done, or the job is not being processed."""
    row = session.execute(
        sa.update(BulkDownloadRange)
        .where(
            BulkDownloadRange.job_id == job_id,
            BulkDownloadRange.number == number,
            BulkDownloadRange.done_at.is_(None),
            _is_free(BulkDownloadRange),
            _job_is_processing(job_id),
        )
        .values(**_taken(BulkDownloadRange, owner, lease_s))
        .returning(BulkDownloadRange.lease_token, BulkDownloadRange.attempts)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Claim(job_id, number, row.lease_token, row.attempts)


def holds(claim: Claim) -> sa.ColumnElement[bool]:
    """The WHERE of a write under this claim, on the table that carries its lease; one given back holds nothing."""
    if claim.range_number is None:
        return sa.and_(
            BulkDownloadJob.id == claim.job_id,
            BulkDownloadJob.lease_token == claim.token,
            BulkDownloadJob.lease_until.is_not(None),
            BulkDownloadJob.status == JobStatus.PROCESSING,
        )
    return sa.and_(
        BulkDownloadRange.job_id == claim.job_id,
        BulkDownloadRange.number == claim.range_number,
        BulkDownloadRange.lease_token == claim.token,
        BulkDownloadRange.lease_until.is_not(None),
        BulkDownloadRange.done_at.is_(None),
        _job_is_processing(claim.job_id),
    )


def is_held(session: Session, claim: Claim) -> bool:
    """Whether the claim is still good: nobody else took the work and the job has not ended."""
    return session.execute(sa.select(sa.literal(1)).where(holds(claim))).first() is not None


def renew(session: Session, claim: Claim, *, lease_s: float) -> bool:
    """Push the deadline out; False when the claim is no longer good."""
    return _update_held(session, claim, lease_until=now_epoch() + lease_s)


def release(session: Session, claim: Claim, *, resend_in_s: float, attempt_counts: bool) -> bool:
    """Give the work back unfinished; the sweep sends its message after `resend_in_s`."""
    model = BulkDownloadJob if claim.range_number is None else BulkDownloadRange
    given_back = 0 if attempt_counts else 1
    return _update_held(
        session,
        claim,
        lease_until=None,
        lease_owner=None,
        attempts=model.attempts - given_back,
        resend_at=now_epoch() + resend_in_s,
    )


def note_sent(session: Session, job_id: str, range_number: int | None, *, sends: int) -> None:
    """Write down that a message is on its way, `sends` since somebody last began the work."""
    values = {"sends": sends, "resend_at": now_epoch() + resend_delay_s(sends)}
    if range_number is None:
        session.execute(sa.update(BulkDownloadJob).where(BulkDownloadJob.id == job_id).values(**values))
        return
    where = (BulkDownloadRange.job_id == job_id, BulkDownloadRange.number == range_number)
    session.execute(sa.update(BulkDownloadRange).where(*where).values(**values))


def _update_held(session: Session, claim: Claim, **values: object) -> bool:
    model = BulkDownloadJob if claim.range_number is None else BulkDownloadRange
    statement = sa.update(model).where(holds(claim)).values(**values).execution_options(synchronize_session=False)
    return changed_one(session, statement)


def changed_one(session: Session, statement: sa.Update) -> bool:
    """Run a conditional UPDATE; True when its condition held for a row."""
    result = session.execute(statement)
    return isinstance(result, sa.CursorResult) and result.rowcount == 1


def _is_free(model: type[BulkDownloadJob] | type[BulkDownloadRange]) -> sa.ColumnElement[bool]:
    return sa.or_(model.lease_until.is_(None), model.lease_until < now_epoch())


def _taken(model: type[BulkDownloadJob] | type[BulkDownloadRange], owner: str, lease_s: float) -> dict[str, object]:
    return {
        "lease_token": model.lease_token + 1,
        "lease_until": now_epoch() + lease_s,
        "lease_owner": owner,
        "attempts": model.attempts + 1,
        # Should the holder die, the sweep sends as soon as the lease has run out, but for work that was cut off
        # before: what dies together because one of it is poison must not be taken up together for ever.
        "resend_at": now_epoch() + sa.case((model.attempts == 0, 0.0), else_=lease_s + _apart_s() * model.attempts),
        "sends": 0,
    }


def _apart_s() -> float:
    return random.uniform(0, APART_S)


def _job_is_processing(job_id: str) -> sa.ColumnElement[bool]:
    return (
        sa.select(sa.literal(1))
        .where(BulkDownloadJob.id == job_id, BulkDownloadJob.status == JobStatus.PROCESSING)
        .exists()
    )
