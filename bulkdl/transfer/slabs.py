"""The bytes of a part while they are in memory: a slab is what one block of the pool holds of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from bulkdl.archive.crc32 import EntryChecksums, combine, crc32
from bulkdl.archive.layout import Crc32s
from bulkdl.archive.plan import DirectorySlice, HeaderSlice, Piece, Plan, Segment


def _cut(segment: Segment, most: int) -> Iterator[Segment]:
    """A piece of more than `most` bytes as several of about the same size; anything else as it is."""
    if not isinstance(segment, Piece) or segment.size <= most:
        yield segment
        return
    step = -(-segment.size // -(-segment.size // most))
    for position in range(0, segment.size, step):
        yield Piece(segment.entry, segment.offset + position, min(step, segment.size - position))


class Slab:
    """Bytes `start` to `stop` of the archive in one block; they lie in one part, and no piece is above `most` bytes."""

    def __init__(self, plan: Plan, start: int, stop: int, block: memoryview, *, most: int) -> None:
        self._layout = plan.layout
        self.block = block
        self.view = block[: stop - start]
        self.needs = plan.needs(start, stop)
        """Entries whose CRC-32 must be known to render it: by local headers, by the directory."""
        self._segments = [fine for segment in plan.segments(start, stop) for fine in _cut(segment, most)]
        self.pieces = [segment for segment in self._segments if isinstance(segment, Piece)]
        self.crc32s = [0] * len(self.pieces)
        """Of each piece, once it has arrived."""
        self._missing = len(self.pieces)
        self._lock = threading.Lock()

    @property
    def is_read(self) -> bool:
        """True when every piece has arrived."""
        return self._missing == 0

    def targets(self) -> Iterator[memoryview]:
        """Where each piece belongs, in order."""
        position = 0
        for segment in self._segments:
            if isinstance(segment, Piece):
                yield self.view[position : position + segment.size]
            position += segment.size

    def arrived(self, index: int, value: int) -> bool:
        """A piece with this CRC-32 is in its place, told by any thread; True when it was the last one."""
        with self._lock:
            self.crc32s[index] = value
            self._missing -= 1
            return self._missing == 0

    def can_render(self, checksums: EntryChecksums) -> bool:
        """True when everything arrived and every CRC-32 that stands in it is known."""
        return self.is_read and all(checksums.knows(entries) for entries in self.needs)

    def render(self, checksums: EntryChecksums) -> int:
        """Write headers and directory into their places; return the CRC-32 of the whole slab."""
        position, whole, values = 0, 0, iter(self.crc32s)
        for segment in self._segments:
            if isinstance(segment, Piece):
                whole = combine(whole, next(values), segment.size)
            else:
                record = self._record(segment, checksums)
                self.view[position : position + segment.size] = record
                whole = crc32(record, whole)
            position += segment.size
        return whole

    def _record(self, segment: HeaderSlice | DirectorySlice, crc32s: Crc32s) -> bytes:
        if isinstance(segment, DirectorySlice):
            return self._layout.directory(segment.start, segment.stop, crc32s)
        return self._layout.header(segment.entry, crc32s[segment.entry])[segment.start : segment.stop]


class PieceSums:
    """CRC-32 of every piece of one part, from the slabs that it was read in, in whatever order they come."""

    def __init__(self, plan: Plan, number: int, checksums: EntryChecksums) -> None:
        self._plan = plan
        self._number = number
        self._checksums = checksums
        self._whole: dict[int, int] = {}
        self._split: dict[int, list[tuple[int, int, int]]] = {}

    def add(self, slab: Slab) -> None:
        """Take in a slab that is read; every piece that is whole by now goes to the checksums."""
        for piece, value in zip(slab.pieces, slab.crc32s, strict=True):
            size = self._plan.piece_size(piece.entry, self._number)
            if piece.size == size:
                self._settle(piece.entry, value)
            else:
                self._collect(piece, value, size)

    def _collect(self, piece: Piece, value: int, size: int) -> None:
        split = self._split.setdefault(piece.entry, [])
        split.append((piece.offset, value, piece.size))
        if sum(part[2] for part in split) == size:
            whole = 0
            for _, crc, length in sorted(self._split.pop(piece.entry)):
                whole = combine(whole, crc, length)
            self._settle(piece.entry, whole)

    def _settle(self, entry: int, value: int) -> None:
        self._whole[entry] = value
        self._checksums.add_piece(self._number, entry, value)

    def crc32s(self) -> tuple[int, ...]:
        """Of every piece in the part's order, once all slabs were added."""
        return tuple(self._whole[entry] for entry in sorted(self._whole))
