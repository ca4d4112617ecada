"""The tables: the catalogue, the job, its ledger, its ranges and its checkpoint."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bulkdl.database import Base, UtcDateTime
from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing, SkipReason

_ID = sa.String(64)
_BUCKET = sa.String(255)
_KEY = sa.String(1024)
_ETAG = sa.String(255)
_NAME = sa.String(1024)


def _word(words: type) -> sa.Enum:
    """A wire word kept as text: additive changes need no ALTER TYPE."""
    return sa.Enum(words, native_enum=False, length=32, values_callable=lambda e: [m.value for m in e])


class Asset(Base):
    """One file of a media library and where its bytes lie."""

    __tablename__ = "assets"
    __table_args__ = (sa.Index("ix_assets_project_id_name", "project_id", "name"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    project_id: Mapped[str] = mapped_column(_ID)
    name: Mapped[str] = mapped_column(_NAME)
    """Display name; `/` separates folders."""
    bucket: Mapped[str] = mapped_column(_BUCKET)
    key: Mapped[str] = mapped_column(_KEY)
    size: Mapped[int] = mapped_column(sa.BigInteger)
    """Bytes, as last seen; the look at build time decides."""
    etag: Mapped[str | None] = mapped_column(_ETAG)
    content_type: Mapped[str | None] = mapped_column(sa.String(255))
    modified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    thumbnail_key: Mapped[str | None] = mapped_column(_KEY)
    """A small picture of it, in the same bucket; NULL: an image stands for itself."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Leased:
    """Columns of work that one worker at a time may do: a fencing token, a deadline, a count of attempts."""

    lease_token: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """Grows with every claim; a write that names an older token changes nothing."""
    lease_until: Mapped[float | None] = mapped_column(sa.Double)
    """Seconds since 1970 by the database's clock; NULL when nobody holds it."""
    lease_owner: Mapped[str | None] = mapped_column(sa.String(128))
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    """Claims since the work last moved on, counted before it starts: a job that kills its worker still ends."""
    resend_at: Mapped[float] = mapped_column(sa.Double, default=0.0)
    """From when on the sweep sends its message (again) if nobody holds the lease; seconds since 1970."""
    sends: Mapped[int] = mapped_column(sa.Integer, default=0)
    """Messages sent since somebody last began the work: the sweep waits longer each time."""


class BulkDownloadJob(Leased, Base):
    """One request for an archive. Its lease covers planning and finishing; ranges carry their own."""

    __tablename__ = "bulk_download_jobs"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "idempotency_key"),
        sa.Index("ix_bulk_download_jobs_user_id_created_at", "user_id", "created_at"),
        sa.Index("ix_bulk_download_jobs_status", "status"),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.String(255))
    project_id: Mapped[str] = mapped_column(_ID)
    status: Mapped[JobStatus] = mapped_column(_word(JobStatus))
    seq: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """Of the last change of status; see `events.progress` for how it grows."""
    archive_name: Mapped[str] = mapped_column(sa.String(255))
    on_missing: Mapped[OnMissing] = mapped_column(_word(OnMissing))
    layout: Mapped[FolderLayout] = mapped_column(_word(FolderLayout))
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(255))
    request_hash: Mapped[str] = mapped_column(sa.String(64))

    total: Mapped[int] = mapped_column(sa.Integer)
    """Requested files."""
    file_count: Mapped[int | None] = mapped_column(sa.Integer)
    """Files in the archive, once planned."""
    bytes_total: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """Bytes of the files; the catalogue's figure until the look."""
    file_size: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Bytes of the archive, exact once planned."""
    archive_bucket: Mapped[str] = mapped_column(_BUCKET)
    archive_key: Mapped[str] = mapped_column(_KEY)
    upload_id: Mapped[str | None] = mapped_column(sa.String(1024))
    """The open multipart upload: set when planned, NULL when none is open."""
    part_size: Mapped[int | None] = mapped_column(sa.BigInteger)
    plan_number: Mapped[int] = mapped_column(sa.Integer, default=0)
    """Grows when the plan is made anew (a source changed); checkpoints of older plans are void."""

    error: Mapped[str | None] = mapped_column(sa.Text)
    error_code: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    announced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the end was published; the sweep publishes what is missing here."""
    cleaned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When upload and (unless complete) archive were seen to be gone from the bucket."""


class BulkDownloadItem(Base):
    """A line of the ledger: one asset as one job asked for it, and what became of it."""

    __tablename__ = "bulk_download_items"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("bulk_download_jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    """Order of the request, and of the entries in the archive."""
    asset_id: Mapped[str] = mapped_column(_ID)
    name: Mapped[str] = mapped_column(_NAME)
    """As the catalogue had it."""
    archive_name: Mapped[str | None] = mapped_column(_NAME)
    """As the archive has it; NULL until planned or when skipped."""
    bucket: Mapped[str] = mapped_column(_BUCKET)
    key: Mapped[str] = mapped_column(_KEY)
    size: Mapped[int] = mapped_column(sa.BigInteger)
    etag: Mapped[str | None] = mapped_column(_ETAG)
    modified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    crc32: Mapped[int | None] = mapped_column(sa.BigInteger)
    outcome: Mapped[ItemOutcome] = mapped_column(_word(ItemOutcome), default=ItemOutcome.PENDING)
    reason: Mapped[SkipReason | None] = mapped_column(_word(SkipReason))


class BulkDownloadRange(Leased, Base):
    """Consecutive parts that one worker transfers; the unit of fan-out."""

    __tablename__ = "bulk_download_ranges"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("bulk_download_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    """From 0."""
    first_part: Mapped[int] = mapped_column(sa.Integer)
    last_part: Mapped[int] = mapped_column(sa.Integer)
    """Part numbers as S3 counts them, from 1, both ends included."""
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    files_done: Mapped[int] = mapped_column(sa.Integer, default=0)
    bytes_done: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """Of the files, as of the last checkpoint."""


class BulkDownloadPart(Base):
    """The checkpoint: one part that has been read, and stored unless it waits as a late part."""

    __tablename__ = "bulk_download_parts"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("bulk_download_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    """As S3 counts them, from 1."""
    etag: Mapped[str | None] = mapped_column(_ETAG)
    """NULL: its pieces were read and its CRC-32s are known, but it could not be stored yet."""
    crc32s: Mapped[bytes] = mapped_column(sa.LargeBinary)
    """CRC-32 of each piece of the part, in the part's order, 4 bytes little-endian each."""


class ObjectChecksum(Base):
    """The CRC-32 of an object, learnt once; the ETag binds it to the bytes."""

    __tablename__ = "object_checksums"

    bucket: Mapped[str] = mapped_column(_BUCKET, primary_key=True)
    key: Mapped[str] = mapped_column(_KEY, primary_key=True)
    etag: Mapped[str] = mapped_column(_ETAG, primary_key=True)
    size: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    crc32: Mapped[int] = mapped_column(sa.BigInteger)
