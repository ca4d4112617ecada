"""Where every byte of an archive lies, known from names and sizes alone.

The archive is: header 0, data 0, header 1, data 1, …, then the directory: one central header per
entry and the end records. Offsets are kept in flat arrays (16 bytes an entry), records are
rendered on demand. Sizes and offsets are in bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bulkdl.archive import records
from bulkdl.errors import ArchiveError

_LARGEST = 2**63
"""Beyond it common readers, which count in signed 64-bit numbers, are lost."""
_LONGEST_NAME = 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One file inside the archive."""

    name: str
    """As `archive.names` made it: unique, `/` between folders."""
    size: int
    modified_at: datetime
    """Aware."""


class Crc32s(Protocol):
    """The CRC-32 of each entry by its index: a list, an array, or something that looks it up."""

    def __getitem__(self, entry: int, /) -> int: ...


class Layout:
    """The arithmetic of one archive. Raises ArchiveError for entries that no ZIP can hold."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self._header_offsets = array("Q", [0])
        self._central_offsets = array("Q", [0])
        for entry in entries:
            self._add(entry)
        self._end_records = records.end_records(len(entries), self._central_offsets[-1], self.directory_offset)
        self.directory_size = self._central_offsets[-1] + len(self._end_records)
        """Central headers and end records."""
        self.size = self.directory_offset + self.directory_size
        """Of the whole archive."""

    def _add(self, entry: Entry) -> None:
        name_size = len(_encode(entry))
        header_offset = self._header_offsets[-1]
        following = header_offset + records.local_header_size(name_size, entry.size) + entry.size
        if entry.size < 0 or following > _LARGEST:
            raise ArchiveError(f"{entry.name!r} cannot have {entry.size} bytes in this archive.")
        self._header_offsets.append(following)
        central_size = records.central_header_size(name_size, entry.size, header_offset)
        self._central_offsets.append(self._central_offsets[-1] + central_size)

    @property
    def directory_offset(self) -> int:
        """Where the data ends and the central directory begins."""
        return self._header_offsets[-1]

    @property
    def end_records_offset(self) -> int:
        """Where the central headers end."""
        return self.directory_offset + self._central_offsets[-1]

    def header_offset(self, entry: int) -> int:
        """Where the entry's local header begins."""
        return self._header_offsets[entry]

    def header_size(self, entry: int) -> int:
        """Length of the entry's local header."""
        return self.data_offset(entry) - self._header_offsets[entry]

    def data_offset(self, entry: int) -> int:
        """Where the entry's own bytes begin."""
        return self._header_offsets[entry + 1] - self.entries[entry].size

    def entry_at(self, offset: int) -> int:
        """Index of the entry to whose header or data the byte at `offset` belongs; behind them all, their number."""
        return bisect_right(self._header_offsets, offset) - 1

    def header(self, entry: int, crc32: int) -> bytes:
        """The entry's local header."""
        it = self.entries[entry]
        return records.local_header(_encode(it), it.size, it.modified_at, crc32)

    def end_records(self) -> bytes:
        """What follows the central headers; depends on no CRC-32."""
        return self._end_records

    def directory_entries(self, start: int, stop: int) -> range:
        """The entries whose CRC-32 is needed for this slice of the directory (see `directory`)."""
        stop = min(stop, self._central_offsets[-1])
        if start >= stop:
            return range(0)
        return range(bisect_right(self._central_offsets, start) - 1, bisect_right(self._central_offsets, stop - 1))

    def directory(self, start: int, stop: int, crc32s: Crc32s) -> bytes:
        """Bytes `start` to `stop` of the directory, counted from `directory_offset`; only that slice is rendered."""
        entries = self.directory_entries(start, stop)
        first_offset = self._central_offsets[entries.start] if entries else self._central_offsets[-1]
        rendered = b"".join(self._central_headers(entries, crc32s)) + self._end_records
        return rendered[start - first_offset : stop - first_offset]

    def _central_headers(self, entries: range, crc32s: Crc32s) -> Iterator[bytes]:
        for index in entries:
            entry = self.entries[index]
            offset = self._header_offsets[index]
            yield records.central_header(_encode(entry), entry.size, entry.modified_at, crc32s[index], offset)


def _encode(entry: Entry) -> bytes:
    try:
        name = entry.name.encode()
    except UnicodeEncodeError as exc:
        raise ArchiveError(f"{entry.name!r} cannot be written in UTF-8.") from exc
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ArchiveError(f"A name of {len(name)} bytes cannot stand in a ZIP.")
    return name
