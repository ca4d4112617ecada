"""The records of a ZIP archive as bytes: one function per record of APPNOTE.TXT 6.3.10.

Every entry is STORED, its name UTF-8, its sizes and CRC-32 in the local header (no data
descriptors: Java's ZipInputStream and streaming bsdtar cannot read a STORED entry with one).
ZIP64 appears only where a value does not fit. Sizes and offsets are in bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from struct import Struct

SIZE_LIMIT = 0xFFFFFFFF
"""From here on a size or offset needs ZIP64: the greatest 4-byte value is the sentinel (4.4.8, 4.4.9)."""
COUNT_LIMIT = 0xFFFF
"""From here on a number of entries needs ZIP64 (4.4.21, 4.4.22)."""

_LOCAL_HEADER_SIGNATURE = 0x04034B50
_CENTRAL_HEADER_SIGNATURE = 0x02014B50
_ZIP64_END_SIGNATURE = 0x06064B50
_ZIP64_LOCATOR_SIGNATURE = 0x07064B50
_END_SIGNATURE = 0x06054B50

_ZIP64_EXTRA_ID = 0x0001
_TIMESTAMP_EXTRA_ID = 0x5455
_TIMESTAMP_HAS_MTIME = 0x01

_VERSION_STORED = 20
_VERSION_ZIP64 = 45
_MADE_BY_UNIX = 3 << 8
_FLAG_UTF8 = 1 << 11
_METHOD_STORED = 0
_REGULAR_FILE_0644 = 0o100644 << 16

_LOCAL_HEADER = Struct("<IHHHHHIIIHH")
_CENTRAL_HEADER = Struct("<IHHHHHHIIIHHHHHII")
_ZIP64_SIZES = Struct("<HHQQ")
_TIMESTAMP = Struct("<HHBi")
_ZIP64_END = Struct("<IQHHIIQQQQ")
_ZIP64_LOCATOR = Struct("<IIQI")
_END = Struct("<IHHHHIIH")

_DOS_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_DOS_LATEST = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
_TIMESTAMP_LATEST = 0x7FFFFFFF


def local_header_size(name_size: int, size: int) -> int:
    """Length of `local_header` for an entry of `size` bytes whose name takes `name_size` bytes."""
    zip64 = _ZIP64_SIZES.size if size >= SIZE_LIMIT else 0
    return _LOCAL_HEADER.size + name_size + zip64 + _TIMESTAMP.size


def central_header_size(name_size: int, size: int, header_offset: int) -> int:
    """Length of `central_header` for such an entry whose local header begins at `header_offset`."""
    return _CENTRAL_HEADER.size + name_size + _central_zip64_size(size, header_offset) + _TIMESTAMP.size


def local_header(name: bytes, size: int, modified_at: datetime, crc32: int) -> bytes:
    """Local file header (4.3.7), the ZIP64 extra field (4.5.3) first where there is one."""
    is_zip64 = size >= SIZE_LIMIT
    zip64 = _ZIP64_SIZES.pack(_ZIP64_EXTRA_ID, 16, size, size) if is_zip64 else b""
    extra = zip64 + _timestamp(modified_at)
    time, date = _dos_time(modified_at)
    fixed = _LOCAL_HEADER.pack(
        _LOCAL_HEADER_SIGNATURE,
        _VERSION_ZIP64 if is_zip64 else _VERSION_STORED,  # version needed to extract (4.4.3)
        _FLAG_UTF8,  # general purpose bit flag (4.4.4)
        _METHOD_STORED,  # compression method (4.4.5)
        time,  # last mod file time (4.4.6)
        date,  # last mod file date (4.4.6)
        crc32,  # crc-32 (4.4.7)
        min(size, SIZE_LIMIT),  # compressed size (4.4.8)
        min(size, SIZE_LIMIT),  # uncompressed size (4.4.9)
        len(name),  # file name length (4.4.10)
        len(extra),  # extra field length (4.4.11)
    )
    return fixed + name + extra


def central_header(name: bytes, size: int, modified_at: datetime, crc32: int, header_offset: int) -> bytes:
    """Central directory header (4.3.12), the ZIP64 extra field first where there is one."""
    zip64 = _central_zip64(size, header_offset)
    version = _VERSION_ZIP64 if zip64 else _VERSION_STORED
    extra = zip64 + _timestamp(modified_at)
    time, date = _dos_time(modified_at)
    fixed = _CENTRAL_HEADER.pack(
        _CENTRAL_HEADER_SIGNATURE,
        _MADE_BY_UNIX | version,  # version made by (4.4.2)
        version,  # version needed to extract (4.4.3)
        _FLAG_UTF8,  # general purpose bit flag (4.4.4)
        _METHOD_STORED,  # compression method (4.4.5)
        time,  # last mod file time (4.4.6)
        date,  # last mod file date (4.4.6)
        crc32,  # crc-32 (4.4.7)
        min(size, SIZE_LIMIT),  # compressed size (4.4.8)
        min(size, SIZE_LIMIT),  # uncompressed size (4.4.9)
        len(name),  # file name length (4.4.10)
        len(extra),  # extra field length (4.4.11)
        0,  # file comment length (4.4.12)
        0,  # disk number start (4.4.13)
        0,  # internal file attributes (4.4.14)
        _REGULAR_FILE_0644,  # external file attributes (4.4.15)
        min(header_offset, SIZE_LIMIT),  # relative offset of local header (4.4.16)
    )
    return fixed + name + extra


def end_records(count: int, directory_size: int, directory_offset: int) -> bytes:
    """What follows the central directory: the ZIP64 records where a value needs them, then the end record."""
    needs_zip64 = count >= COUNT_LIMIT or directory_size >= SIZE_LIMIT or directory_offset >= SIZE_LIMIT
    end = end_of_directory(count, directory_size, directory_offset)
    if not needs_zip64:
        return end
    zip64_end = zip64_end_of_directory(count, directory_size, directory_offset)
    return zip64_end + zip64_locator(directory_offset + directory_size) + end


def zip64_end_of_directory(count: int, directory_size: int, directory_offset: int) -> bytes:
    """Zip64 end of central directory record (4.3.14)."""
    return _ZIP64_END.pack(
        _ZIP64_END_SIGNATURE,
        _ZIP64_END.size - 12,  # size of the rest of this record (4.3.14.1)
        _VERSION_ZIP64,  # version made by
        _VERSION_ZIP64,  # version needed to extract
        0,  # number of this disk
        0,  # disk with the start of the central directory
        count,  # entries on this disk
        count,  # entries in all
        directory_size,  # size of the central directory
        directory_offset,  # offset of the central directory
    )


def zip64_locator(zip64_end_offset: int) -> bytes:
    """Zip64 end of central directory locator (4.3.15)."""
    return _ZIP64_LOCATOR.pack(
        _ZIP64_LOCATOR_SIGNATURE,
        0,  # disk with the zip64 end of central directory
        zip64_end_offset,  # offset of the zip64 end of central directory record
        1,  # number of disks
    )


def end_of_directory(count: int, directory_size: int, directory_offset: int) -> bytes:
    """End of central directory record (4.3.16); a value that does not fit is its sentinel."""
    return _END.pack(
        _END_SIGNATURE,
        0,  # number of this disk (4.4.19)
        0,  # disk with the start of the central directory (4.4.20)
        min(count, COUNT_LIMIT),  # entries on this disk (4.4.21)
        min(count, COUNT_LIMIT),  # entries in all (4.4.22)
        min(directory_size, SIZE_LIMIT),  # size of the central directory (4.4.23)
        min(directory_offset, SIZE_LIMIT),  # offset of the central directory (4.4.24)
        0,  # comment length (4.4.25)
    )


def _central_zip64(size: int, header_offset: int) -> bytes:
    """Zip64 extended information (4.5.3): only the values that do not fit, in the order of the specification."""
    values = []
    if size >= SIZE_LIMIT:
        values += [size, size]
    if header_offset >= SIZE_LIMIT:
        values.append(header_offset)
    if not values:
        return b""
    return Struct(f"<HH{len(values)}Q").pack(_ZIP64_EXTRA_ID, 8 * len(values), *values)


def _central_zip64_size(size: int, header_offset: int) -> int:
    value_count = 2 * (size >= SIZE_LIMIT) + (header_offset >= SIZE_LIMIT)
    return 4 + 8 * value_count if value_count else 0


def _timestamp(modified_at: datetime) -> bytes:
    """Extended timestamp (Info-ZIP, 4.6 id 0x5455): the modification time in UTC seconds, alike in both headers."""
    seconds = min(max(int(modified_at.timestamp()), 0), _TIMESTAMP_LATEST)
    return _TIMESTAMP.pack(_TIMESTAMP_EXTRA_ID, 5, _TIMESTAMP_HAS_MTIME, seconds)


def _dos_time(modified_at: datetime) -> tuple[int, int]:
    """MS-DOS time and date (4.4.6), in UTC and steps of two seconds, for readers that know no 0x5455."""
    at = min(max(modified_at, _DOS_EARLIEST), _DOS_LATEST).astimezone(UTC)
    return at.hour << 11 | at.minute << 5 | at.second >> 1, (at.year - 1980) << 9 | at.month << 5 | at.day
