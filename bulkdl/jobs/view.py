"""A job as its owner sees it: the row, the live progress and the ledger's exceptions in one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing, SkipReason


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """A requested asset that is not in the archive."""

    asset_id: str
    name: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class RenamedItem:
    """An asset that is in the archive under another name than the catalogue's."""

    asset_id: str
    name: str
    archive_name: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """One line of the ledger."""

    position: int
    asset_id: str
    name: str
    archive_name: str | None
    size: int
    crc32: int | None
    outcome: ItemOutcome
    reason: SkipReason | None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job, ready to be written to any wire. Sizes in bytes, times aware UTC."""

    job_id: str
    user_id: str
    project_id: str
    status: JobStatus
    seq: int
    current: int
    """Files done."""
    total: int
    """Files requested, less those skipped."""
    percent: int
    """0 to 100, by bytes; 100 only when complete."""
    bytes_done: int
    bytes_total: int
    bytes_per_second: float | None
    eta_seconds: float | None
    file_count: int | None
    file_size: int | None
    archive_name: str
    layout: FolderLayout
    on_missing: OnMissing
    download_url: str | None
    """Presigned, made for this answer; only when complete."""
    expires_at: datetime | None
    error: str | None
    error_code: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    skipped: tuple[SkippedItem, ...] = field(default=())
    """The first of them; the ledger has all."""
    skipped_count: int = 0
    renamed: tuple[RenamedItem, ...] = field(default=())
    renamed_count: int = 0
