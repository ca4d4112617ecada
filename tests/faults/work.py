"""What a trial works with: jobs that take long enough to be interrupted, and who holds which lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadPart, BulkDownloadRange
from bulkdl.jobs.status import ACTIVE, JobStatus
from tests.faults.library import Media, some_sizes
from tests.faults.system import System

SLOW_BYTES_PER_S = 24_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A lease as a process held it."""

    job_id: str
    range_number: int | None
    token: int
    upload_id: str | None
    plan_number: int
    parts: frozenset[int]
    """Numbers of the parts that it had still to store, as far as was written down."""


def make_media(system: System, label: str, total: int = 16_000_000, *, seed: int = 0) -> list[Media]:
    """Small files and one that is larger than two parts, so that late parts and copies come about."""
    sizes = [*some_sizes(total - 11_000_000, seed=seed, largest=900_000), 11_000_000]
    sizes[1], sizes[-1] = sizes[-1], sizes[1]
    return system.library.add_set(label, sizes, seed=seed)


def held_leases(system: System, pids: Iterable[int] | None = None) -> list[Held]:
    """The leases that these processes hold (all that are held for None)."""
    wanted = None if pids is None else {str(pid) for pid in pids}
    with system.database.reader() as session:
        jobs = session.scalars(sa.select(BulkDownloadJob).where(BulkDownloadJob.status.in_(ACTIVE))).all()
        by_id = {job.id: job for job in jobs}
        ranges = session.scalars(sa.select(BulkDownloadRange).where(BulkDownloadRange.job_id.in_(list(by_id)))).all()
        noted = session.execute(
            sa.select(BulkDownloadPart.job_id, BulkDownloadPart.number).where(
                BulkDownloadPart.job_id.in_(list(by_id)), BulkDownloadPart.etag.is_not(None)
            )
        )
        stored = {(row.job_id, row.number) for row in noted}
    unstored: dict[tuple[str, int | None], frozenset[int]] = {}
    for row in ranges:
        numbers = {number for number in range(row.first_part, row.last_part + 1) if (row.job_id, number) not in stored}
        unstored[row.job_id, row.number] = frozenset(numbers)
        # Who finishes a job stores its late parts.
        unstored[row.job_id, None] = unstored.get((row.job_id, None), frozenset()) | numbers
    found = []
    for row in [*jobs, *ranges]:
        if row.lease_owner is None or (wanted is not None and row.lease_owner.split(":")[2] not in wanted):
            continue
        is_range = isinstance(row, BulkDownloadRange)
        job = by_id[row.job_id if isinstance(row, BulkDownloadRange) else row.id]
        number = row.number if isinstance(row, BulkDownloadRange) else None
        parts = unstored.get((job.id, number), frozenset())
        if is_range and row.done_at is not None:  # type: ignore[union-attr]
            continue
        found.append(Held(job.id, number, row.lease_token, job.upload_id, job.plan_number, parts))
    return found


def has_moved_on(system: System, held: Held) -> bool:
    """Whether somebody has taken this work since, or it is done."""
    with system.database.reader() as session:
        job = session.get(BulkDownloadJob, held.job_id)
        if job is None or job.status not in ACTIVE:
            return True
        if held.range_number is None:
            return job.lease_token > held.token or job.plan_number > held.plan_number
        work = session.get(BulkDownloadRange, (held.job_id, held.range_number))
        return work is None or work.lease_token > held.token or work.done_at is not None


def statuses(system: System, job_ids: Sequence[str]) -> list[JobStatus]:
    """Where the jobs stand."""
    with system.database.reader() as session:
        query = sa.select(BulkDownloadJob.id, BulkDownloadJob.status).where(BulkDownloadJob.id.in_(job_ids))
        by_id = {row.id: row.status for row in session.execute(query)}
    return [by_id[job_id] for job_id in job_ids]
