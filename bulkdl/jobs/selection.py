"""What a request selects: looked at, named and laid out as an archive, with nothing written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bulkdl.identity import Principal
from bulkdl.jobs.contents import Contents, contents_of, name_items
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.look import look_at, note_look
from bulkdl.jobs.models import Asset, BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.jobs.submit import SubmitRequest, new_job, select_assets
from bulkdl.settings import Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """A job as it would be planned now."""

    job: BulkDownloadJob
    """As `submit` would write it; it is not in the database."""
    items: Sequence[LedgerItem]
    """Its ledger, in order: all that was asked for, with what is known of each."""
    contents: Contents

    @property
    def kept(self) -> list[LedgerItem]:
        """What would be in the archive."""
        return [item for item in self.items if item.outcome is not ItemOutcome.SKIPPED]

    @property
    def missing(self) -> list[LedgerItem]:
        """What would be left out."""
        return [item for item in self.items if item.outcome is ItemOutcome.SKIPPED]


def look_ahead(ctx: JobContext, settings: Settings, principal: Principal, request: SubmitRequest) -> Selection:
    """Look at every selected object. The limits are those of `settings`; raises what `submit` raises for the same
    request, and `StorageUnavailable`."""
    with ctx.database.reader() as session:
        assets = select_assets(session, settings, principal, request)
    job = new_job(settings, principal, request, assets)
    items = [_line(position, asset) for position, asset in enumerate(assets)]
    looks = look_at(
        ctx.store, items, concurrency=settings.max_concurrency, copied_from=settings.part_size, check=_go_on
    )
    for item, look in zip(items, looks, strict=True):
        note_look(item, look)
    name_items([item for item in items if item.outcome is not ItemOutcome.SKIPPED], job.layout)
    return Selection(job, items, contents_of(job, items))


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
    """Nothing stops a look but its own errors."""
