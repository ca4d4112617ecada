"""What an archive would be, without building it: exact size, names, what is missing, which limits hold."""

from __future__ import annotations

from dataclasses import dataclass

from bulkdl.archive.plan import make_plan
from bulkdl.identity import Principal
from bulkdl.jobs.contents import contents_of, name_items
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.look import look_at
from bulkdl.jobs.models import Asset
from bulkdl.jobs.plan_step import note_look
from bulkdl.jobs.status import ItemOutcome
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.jobs.submit import SubmitRequest, new_job, select_assets
from bulkdl.jobs.view import RenamedItem, SkippedItem


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan of an archive that nobody builds."""

    archive_name: str
    file_count: int
    bytes_total: int
    """Of the files."""
    file_size: int
    """Of the archive, exact."""
    part_count: int
    skipped: tuple[SkippedItem, ...]
    renamed: tuple[RenamedItem, ...]
    max_files: int
    max_bytes: int
    fits: bool
    """Whether the job would be accepted and built as far as its size goes."""


def preview(ctx: JobContext, principal: Principal, request: SubmitRequest) -> Preview:
    """Look at every object and plan; nothing is written. Raises what `submit` raises for the same request."""
    with ctx.database.reader() as session:
        assets = select_assets(session, ctx.settings, principal, request)
    job = new_job(ctx.settings, principal, request, assets)
    items = [_line(position, asset) for position, asset in enumerate(assets)]
    for item, look in zip(
        items,
        look_at(
            ctx.store,
            items,
            concurrency=ctx.settings.max_concurrency,
            copied_from=ctx.settings.part_size,
            check=_go_on,
        ),
        strict=True,
    ):
        note_look(item, look)
    kept = [item for item in items if item.outcome is not ItemOutcome.SKIPPED]
    name_items(kept, job.layout)
    contents = contents_of(job, items)
    plan = make_plan(contents.layout, part_size=ctx.settings.part_size)
    return Preview(
        archive_name=job.archive_name,
        file_count=len(kept),
        bytes_total=contents.bytes_total,
        file_size=contents.layout.size if kept else 0,
        part_count=plan.part_count if kept else 0,
        skipped=tuple(SkippedItem(item.asset_id, item.name, item.reason) for item in items if item.reason),
        renamed=tuple(
            RenamedItem(item.asset_id, item.name, item.archive_name or "")
            for item in kept
            if item.outcome is ItemOutcome.RENAMED
        ),
        max_files=ctx.settings.max_files,
        max_bytes=ctx.settings.max_bytes,
        fits=bool(kept) and contents.bytes_total <= ctx.settings.max_bytes,
    )


def _line(position: int, asset: Asset) -> LedgerItem:
    return LedgerItem(
        position=position,
        asset_id=asset.id,
        name=asset.name,
        archive_name=None,
        bucket=asset.bucket,
        key=asset.key,
        size=asset.size,
        etag=asset.etag,
        modified_at=asset.modified_at,
        crc32=None,
        outcome=ItemOutcome.PENDING,
        reason=None,
    )


def _go_on() -> None:
    """Nothing stops a preview but its own errors."""
