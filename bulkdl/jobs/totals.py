"""Figures over all jobs, for whoever watches the system."""

from __future__ import annotations

from bulkdl.jobs.context import JobContext
from bulkdl.jobs.store import totals

_WATCHED = 1000


def count_by_status(ctx: JobContext) -> dict[str, int]:
    """How many jobs there are in each status; every status is there."""
    with ctx.database.reader() as session:
        return {status.value: count for status, count in totals.count_by_status(session).items()}


def bytes_per_second(ctx: JobContext) -> float:
    """How fast all jobs under way are read together."""
    with ctx.database.reader() as session:
        job_ids = totals.processing_ids(session, limit=_WATCHED)
    return sum(progress.bytes_per_second or 0.0 for progress in ctx.progress.read_many(job_ids).values())
