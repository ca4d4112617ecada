"""Parts that the store copies by itself: those that lie wholly inside one object.

A copy is of use only when the piece's CRC-32 can be had without reading: the object's is known, or the
store tells the copied part's. Where a store refuses, or keeps the CRC-32 to itself, the part is read.
"""

from __future__ import annotations

from functools import partial

import structlog

from bulkdl.archive.plan import Piece
from bulkdl.errors import StorageRefused, StorageUnavailable
from bulkdl.storage import ObjectVersion, UploadedPart
from bulkdl.transfer.run import Run

log = structlog.get_logger()


class CopiedParts:
    """Takes the parts that can be copied."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._can_copy = run.store.provider.copies_ranges
        self._tells_crc32 = run.store.provider.copies_with_crc32
        self._under_way = 0

    def takes(self, number: int) -> bool:
        """Whether the part is a slice of one object and its CRC-32 need not be read."""
        piece = self._run.plan.lone_piece(number) if self._can_copy else None
        if piece is None or not isinstance(self._run.work.sources[piece.entry], ObjectVersion):
            return False
        return self._tells_crc32 or self._is_known(piece)

    def open(self, number: int) -> bool:
        """Have the part copied, unless enough copies are in line."""
        run = self._run
        piece = run.plan.lone_piece(number)
        if piece is None or self._under_way >= 2 * run.queue.lanes.limit:
            return False
        run.begin(number)
        self._under_way += 1
        run.queue.push([run.task(partial(self._copy, number, piece), partial(self._copied, number, piece), piece.size)])
        return True

    def go_on(self) -> None:
        """Copies need no CRC-32."""

    def unblock(self) -> bool:
        """Copies wait for nothing."""
        return False

    def stop(self) -> None:
        """Copies under way end by themselves."""

    def _copy(self, number: int, piece: Piece) -> UploadedPart | None:
        """The copied part; None when the store refuses to copy."""
        run = self._run
        source = run.work.sources[piece.entry]
        assert isinstance(source, ObjectVersion)  # noqa: S101 — `takes` saw to it
        try:
            return run.retries.call(
                partial(run.store.copy_part, run.work.upload, number, source, piece.offset, piece.size)
            )
        except StorageRefused as exc:
            log.warning("copy refused, reading instead", key=source.key, error=str(exc))
            return None
        except StorageUnavailable as exc:
            exc.source = source
            raise

    def _copied(self, number: int, piece: Piece, uploaded: UploadedPart | None) -> None:
        run = self._run
        self._under_way -= 1
        if uploaded is None:
            self._can_copy = False
            run.redo([number])
        elif uploaded.crc32 is not None:
            run.work.checksums.add_piece(number, piece.entry, uploaded.crc32)
            run.finish(number, uploaded.etag, (uploaded.crc32,), was_copied=True)
        elif self._is_known(piece):
            run.finish(number, uploaded.etag, (), was_copied=True)
        else:
            self._tells_crc32 = False
            run.redo([number])

    def _is_known(self, piece: Piece) -> bool:
        return self._run.work.checksums.known(piece.entry) is not None
