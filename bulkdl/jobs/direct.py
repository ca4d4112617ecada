"""A few files as a ZIP in the answer itself: the deprecated way, for callers that know nothing of jobs.

It is byte for byte the archive that a job would build. Nothing is written down and nothing is kept. A local
header carries the CRC-32 of what follows it, so each file is fetched whole before its first byte is passed on;
that, and the time for which servers and proxies let an answer last, is why only a few may be asked for.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile

from bulkdl.archive.crc32 import combine, crc32
from bulkdl.errors import BulkdlError, FilesUnavailable, ObjectUnreadable, TooManyBytes
from bulkdl.identity import Principal
from bulkdl.jobs.contents import Contents, Source, missing_text
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.selection import look_ahead
from bulkdl.jobs.status import OnMissing
from bulkdl.jobs.submit import SubmitRequest
from bulkdl.logs import get_logger
from bulkdl.settings import MIB
from bulkdl.storage import ObjectStore
from bulkdl.transfer.fetch import fetch
from bulkdl.transfer.retries import Retries

log = get_logger(__name__)

MAX_FILES = 19
MAX_BYTES = 256 * MIB

_FETCHED = 8 * MIB
"""Bytes that one request asks the store for."""
_SENT = MIB // 4
"""Bytes that are passed on at a time."""
_IN_MEMORY = 4 * MIB
"""Of a file that waits for its CRC-32; a larger one waits on disk."""


@dataclass(frozen=True, slots=True)
class DirectArchive:
    """An archive that is made while it is read."""

    file_name: str
    size: int
    """In bytes, exact."""
    skipped_count: int
    chunks: Generator[bytes]
    """Raises when an object cannot be read any more: what was read is then no archive."""


def build_directly(ctx: JobContext, principal: Principal, request: SubmitRequest) -> DirectArchive:
    """Begin an archive of at most `MAX_FILES` files and `MAX_BYTES`; its first file has been read on return.

    Raises what `submit` raises for the same request, `FilesUnavailable` and the store's errors.
    """
    limits = replace(
        ctx.settings, max_files=min(ctx.settings.max_files, MAX_FILES), max_bytes=min(ctx.settings.max_bytes, MAX_BYTES)
    )
    selection = look_ahead(ctx, limits, principal, request)
    contents, missing = selection.contents, selection.missing
    if missing and (request.on_missing is OnMissing.FAIL or not selection.kept):
        raise FilesUnavailable(missing_text(missing))
    if contents.bytes_total > limits.max_bytes:
        raise TooManyBytes(contents.bytes_total, limits.max_bytes)
    chunks = _chunks(ctx.store, contents)
    try:
        next(chunks)
    except ObjectUnreadable as exc:
        raise FilesUnavailable("One of the selected files changed or went while it was read; ask again.") from exc
    log.info("archive sent directly", files=contents.file_count, size=contents.layout.size, skipped=len(missing))
    return DirectArchive(
        file_name=selection.job.archive_name,
        size=contents.layout.size,
        skipped_count=len(missing),
        chunks=chunks,
    )


def _chunks(store: ObjectStore, contents: Contents) -> Generator[bytes]:
    """The archive's bytes; the first chunk is empty, and comes when the first file is there."""
    layout, crc32s = contents.layout, list[int]()
    try:
        for entry, source in enumerate(contents.sources):
            with SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
                crc32s.append(_hold(store, source, held))
                if entry == 0:
                    yield b""
                yield layout.header(entry, crc32s[-1])
                held.seek(0)
                while chunk := held.read(_SENT):
                    yield chunk
    except BulkdlError as exc:
        log.warning("archive broken off", code=exc.code, error=str(exc), files_done=max(0, len(crc32s) - 1))
        raise
    yield layout.directory(0, layout.directory_size, crc32s)


def _hold(store: ObjectStore, source: Source, held: SpooledTemporaryFile[bytes]) -> int:
    """Copy the source's bytes into the file; return their CRC-32."""
    if isinstance(source, bytes):
        held.write(source)
        return crc32(source)
    buffer = memoryview(bytearray(min(source.size, _FETCHED)))
    retries, value = Retries(), 0
    for offset in range(0, source.size, _FETCHED):
        piece = buffer[: source.size - offset]
        value = combine(value, fetch(store, source, offset, piece, retries), len(piece))
        held.write(piece)
    return value
