"""From the ledger to the archive: which entries it has, where their bytes come from, what was left out. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bulkdl.archive.layout import Entry, Layout
from bulkdl.archive.names import archive_names, flat_names
from bulkdl.archive.plan import Plan
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import FolderLayout, ItemOutcome
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.storage import ObjectVersion

NOTICE_NAME = "_skipped_files.txt"
"""The entry that lists what the archive does not hold; last, and there only when something is missing."""

Source = ObjectVersion | bytes
"""Where an entry's bytes come from: an object, or the bytes themselves."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds, entry by entry; `sources` runs beside `layout.entries`."""

    positions: array[int]
    """In the ledger, of each entry; the notice, which is last, has none."""
    sources: tuple[Source, ...]
    layout: Layout
    stored_crc32s: dict[int, int]
    """By entry, where the store keeps one."""

    @property
    def file_count(self) -> int:
        """Files, the notice not counted."""
        return len(self.positions)

    @property
    def bytes_total(self) -> int:
        """Bytes of all files, the notice not counted."""
        return sum(source.size for source in self.sources if isinstance(source, ObjectVersion))

    def plan(self, part_size: int) -> Plan:
        """The plan for a part size that was chosen before."""
        return Plan(self.layout, part_size)


def name_items(items: Sequence[LedgerItem], layout: FolderLayout) -> None:
    """Give every item its name in the archive and say whether that renames it."""
    wished = [item.name for item in items]
    if layout is FolderLayout.FLAT:
        wished = flat_names(wished)
    for item, wish, name in zip(items, wished, archive_names(wished), strict=True):
        item.archive_name = wish if name == wish else name
        item.outcome = ItemOutcome.INCLUDED if name == wish else ItemOutcome.RENAMED
        item.reason = None


def contents_of(job: BulkDownloadJob, items: Iterable[LedgerItem]) -> Contents:
    """The archive of a ledger whose items have been looked at and named.

    The same ledger gives the same archive, byte for byte, on any worker and at any time.
    """
    positions, entries, skipped = array("I"), list[Entry](), list[LedgerItem]()
    sources: list[Source] = []
    stored_crc32s: dict[int, int] = {}
    for item in items:
        if item.outcome is ItemOutcome.SKIPPED:
            skipped.append(item)
            continue
        if item.crc32 is not None:
            stored_crc32s[len(entries)] = item.crc32
        positions.append(item.position)
        entries.append(Entry(item.archive_name or "", item.size, item.modified_at or job.created_at))
        sources.append(version_of(item))
    if skipped and entries:
        notice = _notice(skipped)
        name = archive_names([*(entry.name for entry in entries), NOTICE_NAME])[-1]
        entries.append(Entry(name, len(notice), job.created_at))
        sources.append(notice)
    return Contents(positions, tuple(sources), Layout(entries), stored_crc32s)


def version_of(item: LedgerItem) -> ObjectVersion:
    """The version of its object that an item was planned with."""
    return ObjectVersion(bucket=item.bucket, key=item.key, size=item.size, etag=item.etag or "")


def missing_text(missing: Sequence[LedgerItem]) -> str:
    """What cannot be had and why, for a person: the first three by name."""
    shown = ", ".join(f"{item.name} ({item.reason.value if item.reason else ''})" for item in missing[:3])
    return f"{len(missing)} of the selected files cannot be had: {shown}{' …' if len(missing) > 3 else ''}"


def _notice(skipped: Sequence[LedgerItem]) -> bytes:
    lines = ["These files were selected and are not in this archive.", ""]
    lines += [f"{_one_line(item.name)}\t{item.reason.value if item.reason else 'read_error'}" for item in skipped]
    # CR LF and a byte order mark: the file is read on Windows too, by programs that guess.
    return "\ufeff".encode() + "\r\n".join([*lines, ""]).encode("utf-8", "replace")


def _one_line(name: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
