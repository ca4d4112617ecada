"""The ledger: what became of every requested asset, and what is known of its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bulkdl.jobs.models import BulkDownloadItem, ObjectChecksum
from bulkdl.jobs.status import ItemOutcome, SkipReason
from bulkdl.storage import ObjectVersion

_CHUNK = 200


def items_of(session: Session, job_id: str) -> Sequence[BulkDownloadItem]:
    """The whole ledger of a job, in order."""
    query = sa.select(BulkDownloadItem).where(BulkDownloadItem.job_id == job_id).order_by(BulkDownloadItem.position)
    return session.scalars(query).all()


def write_items(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Set columns of items; each row carries `job_id` and `position` beside the columns it sets."""
    if rows:
        session.execute(sa.update(BulkDownloadItem), [dict(row) for row in rows])


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
    rows = [
        {"bucket": version.bucket, "key": version.key, "etag": version.etag, "size": version.size, "crc32": crc32}
        for version, crc32 in dict(learnt).items()
    ]
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(ObjectChecksum).on_conflict_do_nothing(), rows)
