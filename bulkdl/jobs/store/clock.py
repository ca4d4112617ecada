"""The two clocks of the store: the database's for leases, the process's for dates that people read."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from bulkdl.jobs.models import BulkDownloadJob

RESEND_FIRST_S = 15.0
RESEND_LONGEST_S = 300.0


def utc_now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


def next_seq(now: datetime) -> sa.ColumnElement[int]:
    """The job's next `seq`: one more, or the time in milliseconds when that is more.

    So it goes on growing when Redis, which counts the events between two changes of status, was emptied.
    """
    milliseconds = int(now.timestamp() * 1000)
    return sa.case((BulkDownloadJob.seq >= milliseconds, BulkDownloadJob.seq + 1), else_=milliseconds)


def resend_delay_s(sends: int) -> float:
    """How long a message may be on its way before the sweep sends another, `sends` being out already."""
    doublings = min(max(sends - 1, 0), 10)
    return min(RESEND_FIRST_S * float(2**doublings), RESEND_LONGEST_S)
