"""Every archive is read back with Python's zipfile and compared with its sources, byte by byte."""

from __future__ import annotations

import io
import itertools
from bisect import bisect_right
from pathlib import Path
from typing import IO, Protocol
from zipfile import ZipFile

from bench import content
from bench.workloads import SourceFile, Workload
from bulkdl.storage import ObjectStore, ObjectVersion

_READ_AHEAD = 8 * 1024**2
_CHUNK = 1024**2


class NotTheArchive(Exception):
    """What was built is not an archive of the workload."""


class ReadAt(Protocol):
    """Fills the target from an offset; returns how many bytes came."""

    def __call__(self, offset: int, target: memoryview, /) -> int: ...


def check_archive(file: io.BufferedReader, workload: Workload) -> None:
    """Raise `NotTheArchive` unless it holds exactly the workload's files; zipfile compares each CRC-32 by itself."""
    wanted = {source.name: source for source in workload.files}
    with ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(names) != len(wanted) or set(names) != set(wanted):
            raise NotTheArchive(f"{workload.name}: {len(names)} members, {len(wanted)} files, not the same names")
        for member in sorted(members, key=lambda member: member.header_offset):
            with archive.open(member) as opened:
                _compare(opened, wanted[member.filename])


def _compare(member: IO[bytes], source: SourceFile) -> None:
    for chunk in content.chunks(source.key, source.size, chunk_size=_CHUNK):
        if _read_exactly(member, len(chunk)) != chunk:
            raise NotTheArchive(f"{source.name} holds other bytes than its source")
    if member.read(1):
        raise NotTheArchive(f"{source.name} is longer than its source")


def _read_exactly(member: IO[bytes], size: int) -> bytes:
    held = member.read(size)
    while len(held) < size and (more := member.read(size - len(held))):
        held += more
    return held


class RemoteFile(io.RawIOBase):
    """A file that is read by ranges from elsewhere."""

    def __init__(self, size: int, read_at: ReadAt) -> None:
        self._size = size
        self._read_at = read_at
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        view = memoryview(target)[: max(self._size - self._position, 0)]
        count = self._read_at(self._position, view) if view else 0
        self._position += count
        return count


def open_object(store: ObjectStore, version: ObjectVersion) -> io.BufferedReader:
    """An object as a file."""

    def read_at(offset: int, target: memoryview) -> int:
        return store.read_into(version, offset, target)

    return io.BufferedReader(RemoteFile(version.size, read_at), _READ_AHEAD)


def open_parts(folder: Path) -> io.BufferedReader:
    """The parts of an upload, files called by their numbers, put end to end."""
    paths = sorted(folder.iterdir(), key=lambda path: int(path.name))
    ends = list(itertools.accumulate(path.stat().st_size for path in paths))

    def read_at(offset: int, target: memoryview) -> int:
        index = bisect_right(ends, offset)
        with paths[index].open("rb") as part:
            part.seek(offset - ends[index] + paths[index].stat().st_size)
            return part.readinto(target)

    return io.BufferedReader(RemoteFile(ends[-1], read_at), _READ_AHEAD)
