"""Accepting a job: check the request, write it down, commit, and only then send."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.archive.names import archive_file_name
from bulkdl.errors import (
    AssetNotFound,
    IdempotencyConflict,
    InvalidRequest,
    QuotaExceeded,
    TooManyBytes,
    TooManyFiles,
)
from bulkdl.identity import Principal
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import Asset, BulkDownloadJob
from bulkdl.jobs.send import send_plan
from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing
from bulkdl.jobs.store import catalogue, records
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.view import JobView
from bulkdl.jobs.views import job_views
from bulkdl.logs import get_logger
from bulkdl.settings import Settings

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """What a person asks for."""

    project_id: str
    asset_ids: Sequence[str]
    """In the order the archive shall have; repetitions count once."""
    archive_name: str | None = None
    on_missing: OnMissing = OnMissing.SKIP
    layout: FolderLayout = FolderLayout.RELATIVE
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The accepted job."""

    job: JobView
    is_new: bool
    """False when the same Idempotency-Key had created it before."""


def submit(ctx: JobContext, principal: Principal, request: SubmitRequest) -> Submitted:
    """Accept a job; it will end, whatever becomes of this process or of the queue.

    Raises `PermissionDenied`, `InvalidRequest` and its leaves, `IdempotencyConflict`, `QuotaExceeded`,
    `ServiceUnavailable` (database only: without a queue the sweep sends it later).
    """
    with ctx.database.session() as session:
        earlier = _earlier(session, principal, request)
        if earlier is not None:
            return Submitted(job_views(ctx, session, [earlier])[0], is_new=False)
        assets = select_assets(session, ctx.settings, principal, request)
        if records.count_active(session, principal.user_id) >= ctx.settings.max_active_jobs:
            raise QuotaExceeded(ctx.settings.max_active_jobs)
        job = new_job(ctx.settings, principal, request, assets)
        try:
            records.add_job(session, job, new_items(job.id, assets))
            session.commit()
        except sa.exc.IntegrityError:
            # The same key was used at the same moment: the other request has won.
            session.rollback()
            earlier = _earlier(session, principal, request)
            if earlier is None:
                raise
            return Submitted(job_views(ctx, session, [earlier])[0], is_new=False)
        view = job_views(ctx, session, [job])[0]
    log.info("job accepted", job_id=job.id, files=job.total, size=job.bytes_total)
    send_plan(ctx, job.id)
    return Submitted(view, is_new=True)


def select_assets(session: Session, settings: Settings, principal: Principal, request: SubmitRequest) -> list[Asset]:
    """The requested assets in order, each once, within every limit."""
    principal.require_project(request.project_id)
    asset_ids = list(dict.fromkeys(request.asset_ids))
    if not asset_ids:
        raise InvalidRequest("Select at least one file.", field="assetIds")
    if len(asset_ids) > settings.max_files:
        raise TooManyFiles(len(asset_ids), settings.max_files)
    found = catalogue.find_assets(session, request.project_id, asset_ids)
    missing = [asset_id for asset_id in asset_ids if asset_id not in found]
    if missing:
        raise AssetNotFound(missing)
    assets = [found[asset_id] for asset_id in asset_ids]
    size = sum(asset.size for asset in assets)
    if size > settings.max_bytes:
        raise TooManyBytes(size, settings.max_bytes)
    return assets


def request_hash(request: SubmitRequest) -> str:
    """What must be equal for two requests under one Idempotency-Key to be the same."""
    asset_ids = list(dict.fromkeys(request.asset_ids))
    content = [request.project_id, asset_ids, request.archive_name, request.on_missing, request.layout]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _earlier(session: Session, principal: Principal, request: SubmitRequest) -> BulkDownloadJob | None:
    if request.idempotency_key is None:
        return None
    job = records.find_by_idempotency_key(session, principal.user_id, request.idempotency_key)
    if job is not None and job.request_hash != request_hash(request):
        raise IdempotencyConflict("This Idempotency-Key was used for another request; use a new one.")
    return job


def new_job(
    settings: Settings, principal: Principal, request: SubmitRequest, assets: Sequence[Asset]
) -> BulkDownloadJob:
    """The row of a new job, not yet in the database."""
    now = utc_now()
    job_id = secrets.token_hex(16)
    return BulkDownloadJob(
        id=job_id,
        user_id=principal.user_id,
        project_id=request.project_id,
        status=JobStatus.PENDING,
        seq=int(now.timestamp() * 1000),
        archive_name=archive_file_name(request.archive_name, default=f"{request.project_id}-{now:%Y-%m-%d}.zip"),
        on_missing=request.on_missing,
        layout=request.layout,
        idempotency_key=request.idempotency_key,
        request_hash=request_hash(request),
        total=len(assets),
        bytes_total=sum(asset.size for asset in assets),
        archive_bucket=settings.archive_bucket,
        archive_key=f"{settings.archive_prefix}{job_id}.zip",
        created_at=now,
    )


def new_items(job_id: str, assets: Sequence[Asset]) -> list[dict[str, object]]:
    """The rows of a new ledger, one for each asset, in order."""
    return [
        {
            "job_id": job_id,
            "position": position,
            "asset_id": asset.id,
            "name": asset.name,
            "bucket": asset.bucket,
            "key": asset.key,
            "size": asset.size,
            "etag": asset.etag,
            "modified_at": asset.modified_at,
            "outcome": ItemOutcome.PENDING,
        }
        for position, asset in enumerate(assets)
    ]
