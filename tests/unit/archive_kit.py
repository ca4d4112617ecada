"""What the tests of the archive share: entries, an archive read byte by byte from its layout, and the oracle."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

from bulkdl.archive.crc32 import combine
from bulkdl.archive.layout import Entry, Layout

WHEN = datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)


def make_entry(name: str = "a.jpg", size: int = 3, modified_at: datetime = WHEN) -> Entry:
    return Entry(name, size, modified_at)


def render(layout: Layout, data: Sequence[bytes]) -> bytes:
    """The whole archive in memory."""
    crc32s = [zlib.crc32(content) for content in data]
    parts = [layout.header(index, crc32s[index]) + content for index, content in enumerate(data)]
    return b"".join(parts) + layout.directory(0, layout.directory_size, crc32s)


def zeros_crc32(size: int) -> int:
    """CRC-32 of so many zero bytes, by doubling."""
    whole, block, block_size = 0, zlib.crc32(b"\0"), 1
    while size:
        if size & 1:
            whole = combine(whole, block, block_size)
        block, block_size, size = combine(block, block, block_size), 2 * block_size, size >> 1
    return whole


class OracleInfo(zipfile.ZipInfo):
    """An entry as this system writes it, for Python's own writer: always UTF-8, mtime in 0x5455, mode 0644, Unix."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, entry.modified_at.astimezone(UTC).timetuple()[:6])
        self.create_system = 3
        self.external_attr = 0o100644 << 16
        self.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(entry.modified_at.timestamp()))

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 — the name of the method that it replaces
        return self.filename.encode(), self.flag_bits | 0x800


def oracle(entries: Sequence[Entry], data: Sequence[bytes]) -> bytes:
    """The archive that Python's zipfile writes of the same entries."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for entry, content in zip(entries, data, strict=True):
            archive.writestr(OracleInfo(entry), content)
    return target.getvalue()


class _FarFile(io.BytesIO):
    """A file of which only what lies behind `start` is kept."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def seek(self, offset: int, whence: int = 0) -> int:
        return super().seek(offset - self._start if whence == 0 else offset, whence) + self._start

    def tell(self) -> int:
        return super().tell() + self._start


def oracle_directory(layout: Layout, crc32s: Sequence[int]) -> bytes:
    """Central directory and end records that Python's zipfile writes for entries of any size, without their data."""
    target = _FarFile(layout.directory_offset)
    target.seek(layout.directory_offset)
    archive = zipfile.ZipFile(target, "w")
    for index, entry in enumerate(layout.entries):
        info = OracleInfo(entry)
        info.CRC, info.file_size, info.compress_size = crc32s[index], entry.size, entry.size
        info.header_offset, info.flag_bits = layout.header_offset(index), 0
        archive.filelist.append(info)
    archive.start_dir = layout.directory_offset  # type: ignore[attr-defined]
    archive._didModify = True  # type: ignore[attr-defined]
    archive.close()
    return target.getvalue()


class ZerosArchive(io.RawIOBase):
    """An archive of any size whose entries hold zeros, made while it is read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._crc32s = [zeros_crc32(entry.size) for entry in layout.entries]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._layout.size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, target: bytearray) -> int:  # type: ignore[override]
        chunk = self._chunk(len(target))
        target[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def _chunk(self, size: int) -> bytes:
        layout, start = self._layout, self._position
        stop = min(start + size, layout.size)
        if start >= layout.directory_offset:
            directory = layout.directory_offset
            return layout.directory(start - directory, stop - directory, self._crc32s) if start < stop else b""
        entry = layout.entry_at(start)
        data_start = layout.data_offset(entry)
        if start < data_start:
            header_start = layout.header_offset(entry)
            return layout.header(entry, self._crc32s[entry])[start - header_start : stop - header_start]
        return bytes(min(stop, layout.header_offset(entry + 1)) - start)
