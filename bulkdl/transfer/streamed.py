"""Parts too large to be held in memory: sent block by block while the next blocks are read.

Archives of hundreds of gigabytes have parts of 50 MiB and more. Blocks are opened in the order of the
archive. A block can be sent when it is read and every CRC-32 that stands in it is known, so the blocks
behind it are read ahead as far as the guaranteed blocks reach. A part with a header whose object ends
farther away is first read for its CRC-32s alone, and stored when they are known: at the end of this
work or in a later one. A request that failed cannot be taken up in the middle: everything open is
dropped then and begun anew.

Why this cannot get stuck. The oldest block in memory is being read, or can be sent, or waits for an
object that ends within the guaranteed blocks from it on; blocks are opened in order, and each is given
back once it is sent.
"""

from __future__ import annotations

import time
from functools import partial

from bulkdl.errors import ArchiveError, StorageUnavailable
from bulkdl.storage import UploadedPart
from bulkdl.transfer.retries import Stopped
from bulkdl.transfer.run import Run
from bulkdl.transfer.slabs import Slab
from bulkdl.transfer.stream import Stream

WINDOW = 4
"""Blocks that such a job is guaranteed."""


class StreamedParts:
    """Takes every part."""

    def __init__(self, run: Run, block_size: int) -> None:
        self._run = run
        self._block_size = block_size
        self._streams: dict[int, Stream] = {}
        """The open parts, in the order of opening; of the last, not all blocks need be open."""
        self._failures: dict[int, int] = {}
        self._is_draining = False
        """True from a failed request until nothing moves any more and all can be begun anew."""
        self._resume_at = 0.0

    def takes(self, number: int) -> bool:
        """Whatever no other way takes."""
        return True

    def open(self, number: int) -> bool:
        """Take one more block for the part; it stays the first to do until its last block is open."""
        run = self._run
        if self._is_draining or time.monotonic() < self._resume_at or self._must_wait(number):
            return False
        blocks = run.share.take(1)
        if blocks is None:
            return False
        stream = self._streams.get(number) or self._start(number)
        begin = stream.position
        slab = run.slab(begin, min(begin + self._block_size, stream.stop), blocks[0])
        stream.open(slab)
        if stream.is_open_to_its_end:
            run.begin(number)
        run.fetch(number, slab, partial(self._slab_read, stream, slab))
        return True

    def go_on(self) -> None:
        """Give the requests what can be sent."""
        if not self._is_draining:
            for stream in self._streams.values():
                stream.feed(self._run.work.checksums)

    def unblock(self) -> bool:
        """Nothing can be mended: see above why this does not happen."""
        return False

    def stop(self) -> None:
        """End the requests that wait for blocks."""
        for stream in self._streams.values():
            stream.abandon()

    def _must_wait(self, number: int) -> bool:
        """A part that was read before, for its CRC-32s, waits for the parts that bring the others."""
        was_read = number not in self._streams and self._run.tally.is_repeated(number)
        return was_read and bool(self._streams) and not self._can_stream(number)

    def _can_stream(self, number: int) -> bool:
        return self._run.outlook.can_stream(number, self._block_size, self._run.share.guaranteed)

    def _start(self, number: int) -> Stream:
        run = self._run
        if run.work.is_last and not run.outlook.can_store(number):
            raise ArchiveError(f"part {number} needs a CRC-32 that no part brings")
        stream = Stream(run.plan, number, run.work.checksums, post=run.post, on_sent=self._sent)
        self._streams[number] = stream
        if self._can_stream(number):
            stream.is_sending = True
            run.queue.spawn(partial(self._send, stream))
        return stream

    def _send(self, stream: Stream) -> None:
        """In a thread of its own, for it waits until the blocks are ready."""
        run = self._run
        try:
            uploaded = run.store.put_part(run.work.upload, stream.number, stream)
        except Stopped:
            run.post(partial(self._ended, stream))
        except StorageUnavailable as exc:
            run.post(partial(self._failed, stream, exc))
        except Exception as exc:
            run.fail(exc)
        else:
            run.post(partial(self._stored, stream, uploaded))

    # --- steps ---

    def _slab_read(self, stream: Stream, slab: Slab) -> None:
        stream.note_read(slab)
        if self._is_draining:
            self._restart_when_quiet()
            return
        if not stream.is_sending:
            self._run.share.give_back(stream.take_out(slab))
            if stream.is_empty:
                self._close_unsent(stream)

    def _close_unsent(self, stream: Stream) -> None:
        """The part was read for its CRC-32s alone."""
        del self._streams[stream.number]
        if self._run.outlook.can_store(stream.number):
            self._run.put_off(stream.number)
        else:
            self._run.finish(stream.number, None, stream.sums.crc32s())

    def _sent(self, stream: Stream, slab: Slab) -> None:
        self._run.share.give_back(stream.take_out(slab))

    def _stored(self, stream: Stream, uploaded: UploadedPart) -> None:
        if uploaded.crc32 not in (None, stream.crc32):
            self._failed(stream, StorageUnavailable(f"part {stream.number} was stored with another CRC-32"))
            return
        stream.is_sending = False
        del self._streams[stream.number]
        self._run.share.give_back(stream.take_out_all())
        self._run.finish(stream.number, uploaded.etag, stream.sums.crc32s())
        if self._is_draining:
            self._restart_when_quiet()

    def _failed(self, stream: Stream, error: StorageUnavailable) -> None:
        failures = self._failures[stream.number] = self._failures.get(stream.number, 0) + 1
        self._resume_at = time.monotonic() + self._run.retries.delay(failures, error)
        self._is_draining = True
        self.stop()
        self._ended(stream)

    def _ended(self, stream: Stream) -> None:
        stream.is_sending = False
        if self._is_draining:
            self._restart_when_quiet()

    def _restart_when_quiet(self) -> None:
        streams = self._streams.values()
        if any(stream.is_sending or stream.is_reading for stream in streams):
            return
        for stream in streams:
            self._run.share.give_back(stream.take_out_all())
        self._run.redo([stream.number for stream in streams])
        self._streams.clear()
        self._is_draining = False
