"""How an archive is cut into the equal parts of a multipart upload, by arithmetic, part by part on demand.

A part is a sequence of segments: bytes of a local header, bytes of an object (a piece), bytes of
the directory. Nothing is kept per part, so a plan of 10,000 parts costs no more than its layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bulkdl.archive.layout import Layout
from bulkdl.errors import ArchiveError

MIB = 1024**2
PART_SIZE = 8 * MIB
LARGEST_PART = 5 * 1024**3
"""S3: Amazon S3 multipart upload limits; the same on R2, B2, MinIO and Ceph."""
MOST_PARTS = 10_000


# Segments are tuples, not dataclasses: a part of small files holds thousands of them.
class HeaderSlice(NamedTuple):
    """Bytes `start` to `stop` of the local header of an entry."""

    entry: int
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


class Piece(NamedTuple):
    """Bytes of one object inside one part."""

    entry: int
    offset: int
    """In the object."""
    size: int


class DirectorySlice(NamedTuple):
    """Bytes `start` to `stop` of the directory (central headers and end records)."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


Segment = HeaderSlice | Piece | DirectorySlice


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the upload: the archive's bytes from `offset` on."""

    number: int
    """From 1, as S3 counts."""
    offset: int
    size: int
    segments: tuple[Segment, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What has to be fetched for it, in order; at most one of an entry."""
        return tuple(segment for segment in self.segments if isinstance(segment, Piece))

    @property
    def is_copy(self) -> bool:
        """True when the part lies wholly inside one object."""
        return len(self.segments) == 1 and isinstance(self.segments[0], Piece)

    @property
    def header_entries(self) -> tuple[int, ...]:
        """Entries whose local header lies here, wholly or in part: their CRC-32 must be known to store the part."""
        return tuple(segment.entry for segment in self.segments if isinstance(segment, HeaderSlice))

    @property
    def holds_directory(self) -> bool:
        """True when bytes of the directory lie here."""
        return isinstance(self.segments[-1], DirectorySlice)


@dataclass(frozen=True, slots=True)
class Plan:
    """A layout cut into parts of `part_size` bytes; only the last may be shorter."""

    layout: Layout
    part_size: int

    @property
    def part_count(self) -> int:
        return -(-self.layout.size // self.part_size)

    def part(self, number: int) -> Part:
        """The part with this number, from 1 to `part_count`."""
        start, stop = self.bounds(number)
        return Part(number, start, stop - start, tuple(self.segments(start, stop)))

    def bounds(self, number: int) -> tuple[int, int]:
        """Where the part begins and ends in the archive."""
        if not 1 <= number <= self.part_count:
            raise ValueError(f"this plan has parts 1 to {self.part_count}, not {number}")
        start = (number - 1) * self.part_size
        return start, min(start + self.part_size, self.layout.size)

    def lone_piece(self, number: int) -> Piece | None:
        """The piece that is the whole part, where it lies wholly inside one object."""
        start, stop = self.bounds(number)
        entry = self.layout.entry_at(start)
        if stop > self.layout.directory_offset or entry != self.layout.entry_at(stop - 1):
            return None
        offset = start - self.layout.data_offset(entry)
        return Piece(entry, offset, stop - start) if offset >= 0 else None

    def segments(self, start: int, stop: int) -> list[Segment]:
        """What bytes `start` to `stop` of the archive are made of, in order."""
        layout = self.layout
        segments: list[Segment] = []
        for entry in self._entries_in(start, stop):
            header_start, data_start = layout.header_offset(entry), layout.data_offset(entry)
            if start < data_start:
                segments.append(HeaderSlice(entry, max(start - header_start, 0), min(data_start, stop) - header_start))
            piece_start, piece_stop = max(start, data_start), min(stop, layout.header_offset(entry + 1))
            if piece_start < piece_stop:
                segments.append(Piece(entry, piece_start - data_start, piece_stop - piece_start))
        if stop > layout.directory_offset:
            segments.append(DirectorySlice(max(start - layout.directory_offset, 0), stop - layout.directory_offset))
        return segments

    def needs(self, start: int, stop: int) -> tuple[range, range]:
        """The entries whose CRC-32 stands in these bytes: in local headers, in the directory."""
        layout = self.layout
        headers = self._entries_in(start, stop)
        if headers and start >= layout.data_offset(headers.start):
            headers = headers[1:]
        directory = layout.directory_offset
        return headers, layout.directory_entries(max(start - directory, 0), max(stop - directory, 0))

    def _entries_in(self, start: int, stop: int) -> range:
        """The entries whose header or data these bytes hold."""
        stop = min(stop, self.layout.directory_offset)
        if start >= stop:
            return range(0)
        return range(self.layout.entry_at(start), self.layout.entry_at(stop - 1) + 1)

    def entries_ending(self, number: int) -> range:
        """The entries whose last byte lies in this part (of an empty one: the last byte of its header)."""
        start, stop = self.bounds(number)
        if start >= self.layout.directory_offset:
            return range(0)
        return range(self.layout.entry_at(start), self.layout.entry_at(stop))

    def parts_of(self, entry: int) -> range:
        """Numbers of the parts that hold data of the entry; empty when it has none."""
        start, stop = self.layout.data_offset(entry), self.layout.header_offset(entry + 1)
        if start == stop:
            return range(0)
        return range(start // self.part_size + 1, (stop - 1) // self.part_size + 2)

    def piece_size(self, entry: int, number: int) -> int:
        """Bytes of the entry's data in one of its parts."""
        start, stop = self.bounds(number)
        return min(self.layout.header_offset(entry + 1), stop) - max(self.layout.data_offset(entry), start)

    def ranges(self, range_size: int) -> list[tuple[int, int]]:
        """First and last part number of each range: consecutive parts of about `range_size` bytes together."""
        step = max(1, range_size // self.part_size)
        count = self.part_count
        return [(first, min(first + step - 1, count)) for first in range(1, count + 1, step)]


def make_plan(layout: Layout, *, part_size: int = PART_SIZE, most_parts: int = MOST_PARTS) -> Plan:
    """Cut the archive into parts of `part_size`, or of more where there would be more than `most_parts`.

    Raises ArchiveError when that takes parts larger than S3 stores.
    """
    needed = -(-layout.size // most_parts)
    if needed > part_size:
        part_size = -(-needed // MIB) * MIB
    if part_size > LARGEST_PART:
        most = most_parts * LARGEST_PART
        raise ArchiveError(f"The archive would have {layout.size} bytes; a multipart upload holds at most {most}.")
    return Plan(layout, part_size)
