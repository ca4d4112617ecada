"""What an archive would be, without building it: exact size, names, what is missing, which limits hold."""

from __future__ import annotations

from dataclasses import dataclass

from bulkdl.archive.plan import make_plan
from bulkdl.identity import Principal
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.selection import look_ahead
from bulkdl.jobs.status import ItemOutcome
from bulkdl.jobs.submit import SubmitRequest
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
    selection = look_ahead(ctx, ctx.settings, principal, request)
    contents, kept = selection.contents, selection.kept
    plan = make_plan(contents.layout, part_size=ctx.settings.part_size)
    return Preview(
        archive_name=selection.job.archive_name,
        file_count=len(kept),
        bytes_total=contents.bytes_total,
        file_size=contents.layout.size if kept else 0,
        part_count=plan.part_count if kept else 0,
        skipped=tuple(SkippedItem(item.asset_id, item.name, item.reason) for item in selection.missing if item.reason),
        renamed=tuple(
            RenamedItem(item.asset_id, item.name, item.archive_name or "")
            for item in kept
            if item.outcome is ItemOutcome.RENAMED
        ),
        max_files=ctx.settings.max_files,
        max_bytes=ctx.settings.max_bytes,
        fits=bool(kept) and contents.bytes_total <= ctx.settings.max_bytes,
    )
