"""Counts over everybody's jobs, for monitors."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import JobStatus


def count_by_status(session: Session) -> dict[JobStatus, int]:
    """How many jobs stand where; every status is there."""
    query = sa.select(BulkDownloadJob.status, sa.func.count()).group_by(BulkDownloadJob.status)
    return dict.fromkeys(JobStatus, 0) | {status: int(count) for status, count in session.execute(query)}


def processing_ids(session: Session, *, limit: int) -> Sequence[str]:
    """The jobs that are being worked on."""
    query = sa.select(BulkDownloadJob.id).where(BulkDownloadJob.status == JobStatus.PROCESSING).limit(limit)
    return session.scalars(query).all()
