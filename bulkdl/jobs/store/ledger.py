"""The ledger: what became of every requested asset, and what is known of its bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bulkdl.jobs.models import BulkDownloadItem, ObjectChecksum
from bulkdl.jobs.status import ItemOutcome, SkipReason
from bulkdl.storage import ObjectVersion

_CHUNK = 200
_FETCH = 1000


@dataclass(slots=True)
class LedgerItem:
    """One line of the ledger as planning works on it: a job may have 100,000, so it is kept small."""

    position: int
    asset_id: str
    name: str
    archive_name: str | None
    bucket: str
    key: str
    size: int
    etag: str | None
    modified_at: datetime | None
    crc32: int | None
    outcome: ItemOutcome
    reason: SkipReason | None


def items_of(session: Session, job_id: str) -> Iterator[LedgerItem]:
    """The ledger of a job, line by line, in order; to be read before the session ends."""
    columns = [getattr(BulkDownloadItem, column.name) for column in fields(LedgerItem)]
    query = sa.select(*columns).where(BulkDownloadItem.job_id == job_id).order_by(BulkDownloadItem.position)
    rows = session.execute(query.execution_options(stream_results=True, yield_per=_FETCH))
    return (_compact(LedgerItem(*row)) for row in rows)


def _compact(item: LedgerItem) -> LedgerItem:
    item.bucket = sys.intern(item.bucket)
    if item.archive_name == item.name:
        item.archive_name = item.name
    return item


def write_plan(session: Session, job_id: str, items: Iterable[LedgerItem]) -> None:
    """Write down what looking and naming made of the items."""
    _write(
        session,
        job_id,
        (
            {
                "line": item.position,
                "archive_name": item.archive_name,
                "size": item.size,
                "etag": item.etag,
                "modified_at": item.modified_at,
                "crc32": item.crc32,
                "outcome": item.outcome,
                "reason": item.reason,
            }
            for item in items
        ),
    )


def write_crc32s(session: Session, job_id: str, crc32s: Iterable[tuple[int, int]]) -> None:
    """Write down the CRC-32 of items, each as (position, CRC-32)."""
    _write(session, job_id, ({"line": position, "crc32": crc32} for position, crc32 in crc32s))


def _write(session: Session, job_id: str, rows: Iterable[dict[str, object]]) -> None:
    """Set the named columns of the items at `line`. Not by the ORM's bulk update, which takes twice the time."""
    table = cast(sa.Table, BulkDownloadItem.__table__)
    update = sa.update(table).where(table.c.job_id == job_id, table.c.position == sa.bindparam("line"))
    remaining = iter(rows)
    while chunk := list(islice(remaining, _FETCH)):
        session.execute(update, chunk)


def skip_object(session: Session, job_id: str, bucket: str, key: str, reason: SkipReason) -> int:
    """Mark every item of the job that reads this object as skipped; how many there were."""
    statement = (
        sa.update(BulkDownloadItem)
        .where(
            BulkDownloadItem.job_id == job_id,
            BulkDownloadItem.bucket == bucket,
            BulkDownloadItem.key == key,
            BulkDownloadItem.outcome != ItemOutcome.SKIPPED,
        )
        .values(outcome=ItemOutcome.SKIPPED, reason=reason, archive_name=None)
        .execution_options(synchronize_session=False)
    )
    result = session.execute(statement)
    return result.rowcount if isinstance(result, sa.CursorResult) else 0


def known_checksums(session: Session, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, int]:
    """The CRC-32s that were learnt earlier, of those objects for which there is one."""
    known: dict[ObjectVersion, int] = {}
    for start in range(0, len(versions), _CHUNK):
        chunk = versions[start : start + _CHUNK]
        wanted = sa.tuple_(ObjectChecksum.bucket, ObjectChecksum.key, ObjectChecksum.etag, ObjectChecksum.size)
        query = sa.select(ObjectChecksum).where(wanted.in_([(v.bucket, v.key, v.etag, v.size) for v in chunk]))
        for row in session.scalars(query):
            known[ObjectVersion(bucket=row.bucket, key=row.key, size=row.size, etag=row.etag)] = row.crc32
    return known


def remember_checksums(session: Session, learnt: Iterable[tuple[ObjectVersion, int]]) -> None:
    """Keep CRC-32s for the next archive that holds these objects."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(ObjectChecksum).on_conflict_do_nothing()
    remaining = iter(learnt)
    while chunk := list(islice(remaining, _FETCH)):
        rows = [
            {"bucket": version.bucket, "key": version.key, "etag": version.etag, "size": version.size, "crc32": crc32}
            for version, crc32 in chunk
        ]
        session.execute(insert, rows)
