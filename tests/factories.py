"""What tests make: assets, jobs, principals, files; each a function with sensible values and overrides."""

from __future__ import annotations

import io
import random
import secrets
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bulkdl.database import Database
from bulkdl.identity import Principal
from bulkdl.jobs.models import Asset, BulkDownloadJob
from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing
from bulkdl.jobs.store import records
from bulkdl.jobs.store.clock import utc_now

PROJECT = "demo"
NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


def make_principal(user_id: str = "ann", projects: Sequence[str] = (PROJECT,), **more: Any) -> Principal:
    """A caller who may see the demo project."""
    return Principal(user_id=user_id, project_ids=frozenset(projects), **more)


def make_asset(**overrides: Any) -> Asset:
    """A catalogue entry; nothing stands behind it in a bucket."""
    asset_id = overrides.get("id", secrets.token_hex(8))
    values: dict[str, Any] = {
        "id": asset_id,
        "project_id": PROJECT,
        "name": f"{asset_id}.jpg",
        "bucket": "media",
        "key": f"originals/{asset_id}",
        "size": 1000,
        "etag": None,
        "content_type": "image/jpeg",
        "modified_at": NOON,
        "created_at": NOON,
    }
    return Asset(**values | overrides)


def make_job(**overrides: Any) -> BulkDownloadJob:
    """A pending job of one asset."""
    job_id = overrides.get("id", secrets.token_hex(16))
    values: dict[str, Any] = {
        "id": job_id,
        "user_id": "ann",
        "project_id": PROJECT,
        "status": JobStatus.PENDING,
        "seq": 1,
        "archive_name": "archive.zip",
        "on_missing": OnMissing.SKIP,
        "layout": FolderLayout.RELATIVE,
        "request_hash": "",
        "total": 1,
        "bytes_total": 1000,
        "archive_bucket": "archives",
        "archive_key": f"bulk-downloads/{job_id}.zip",
        "created_at": utc_now(),
    }
    return BulkDownloadJob(**values | overrides)


def make_item_row(job_id: str, position: int = 0, **overrides: Any) -> dict[str, Any]:
    """A line of the ledger, as columns."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "position": position,
        "asset_id": f"asset-{position}",
        "name": f"{position}.jpg",
        "bucket": "media",
        "key": f"originals/{position}",
        "size": 1000,
        "etag": '"etag"',
        "modified_at": NOON,
        "outcome": ItemOutcome.PENDING,
    }
    return values | overrides


def save_job(database: Database, items: int = 1, **overrides: Any) -> BulkDownloadJob:
    """Write a job and its ledger into the database."""
    job = make_job(total=items, **overrides)
    with database.session() as session:
        records.add_job(session, job, [make_item_row(job.id, position) for position in range(items)])
        session.commit()
    return job


def make_files(count: int, size: int, *, seed: int = 1) -> dict[str, bytes]:
    """Files of `size` random bytes by their names, all in one folder; the same seed makes the same."""
    dice = random.Random(seed)
    return {f"folder/file-{number:03d}.jpg": dice.randbytes(size) for number in range(count)}


def members(archive: bytes) -> dict[str, bytes]:
    """What an archive holds, by name, every CRC-32 checked."""
    with zipfile.ZipFile(io.BytesIO(archive)) as reader:
        return {info.filename: reader.read(info) for info in reader.infolist()}
