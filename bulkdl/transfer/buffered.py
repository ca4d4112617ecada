"""Parts that are put together in memory and stored whole: the usual way.

Parts are opened in ascending order, as many as there are blocks for; their pieces arrive in any order;
each is stored as soon as it is read and every CRC-32 that stands in it is known.

Why this cannot get stuck with blocks for two parts, which every job of two or more is guaranteed. An open
part that is read waits only for CRC-32s. If the parts that bring them are open too, they come by themselves. If not,
these parts are opened next: that takes one part's blocks, which are free unless two parts wait in this
manner (a local header can lie across the edge of two parts). When nothing moves any more, one of the
waiting parts is therefore put off: its blocks go to the next, and it is read again at the end.
"""

from __future__ import annotations

from functools import partial

from bulkdl.archive.crc32 import combine
from bulkdl.errors import ArchiveError, StorageUnavailable
from bulkdl.storage import UploadedPart
from bulkdl.transfer.run import Run
from bulkdl.transfer.slabs import PieceSums, Slab


class _Part:
    """A part in memory."""

    def __init__(self, number: int, slabs: list[Slab], sums: PieceSums, *, can_store: bool) -> None:
        self.number = number
        self.slabs = slabs
        self.unread = len(slabs)
        self.sums = sums
        self.can_store = can_store


class BufferedParts:
    """Takes every part."""

    def __init__(self, run: Run, block_size: int) -> None:
        self._run = run
        self._block_size = block_size
        self._waiting: dict[int, _Part] = {}
        """Read, and waiting for CRC-32s."""

    def takes(self, number: int) -> bool:
        """Whatever no other way takes."""
        return True

    def open(self, number: int) -> bool:
        """Take blocks for the whole part and have its pieces fetched."""
        run = self._run
        start, stop = run.plan.bounds(number)
        starts = range(start, stop, self._block_size)
        blocks = run.share.take(len(starts))
        if blocks is None:
            return False
        run.begin(number)
        slabs = [
            run.slab(begin, min(begin + self._block_size, stop), block)
            for begin, block in zip(starts, blocks, strict=True)
        ]
        can_store = run.outlook.can_store(number)
        if run.work.is_last and not can_store:
            raise ArchiveError(f"part {number} needs a CRC-32 that no part brings")
        part = _Part(number, slabs, PieceSums(run.plan, number, run.work.checksums), can_store=can_store)
        for slab in slabs:
            run.fetch(number, slab, partial(self._slab_read, part, slab))
        return True

    def go_on(self) -> None:
        """Have every part stored that can be."""
        checksums = self._run.work.checksums
        for part in list(self._waiting.values()):
            if all(slab.can_render(checksums) for slab in part.slabs):
                del self._waiting[part.number]
                self._run.queue.push_first(self._run.task(partial(self._store, part), partial(self._stored, part)))

    def unblock(self) -> bool:
        """Put off a part that waits for parts not yet open."""
        if not self._waiting or not self._run.todo:
            return False
        number = min(self._waiting)
        self._give_back(self._waiting.pop(number))
        self._run.put_off(number)
        return True

    def stop(self) -> None:
        """Nothing waits here but memory, which the run gives back."""

    def _slab_read(self, part: _Part, slab: Slab) -> None:
        part.sums.add(slab)
        part.unread -= 1
        if part.unread:
            return
        if part.can_store:
            self._waiting[part.number] = part
        else:
            self._give_back(part)
            self._run.finish(part.number, None, part.sums.crc32s())

    def _store(self, part: _Part) -> UploadedPart:
        crc32 = 0
        for slab in part.slabs:
            crc32 = combine(crc32, slab.render(self._run.work.checksums), len(slab.view))
        return self._run.retries.call(partial(self._put, part, crc32))

    def _put(self, part: _Part, crc32: int) -> UploadedPart:
        body = [slab.view for slab in part.slabs]
        uploaded = self._run.store.put_part(self._run.work.upload, part.number, body, crc32=crc32)
        if uploaded.crc32 not in (None, crc32):
            raise StorageUnavailable(f"part {part.number} was stored with another CRC-32 than it was sent with")
        return uploaded

    def _stored(self, part: _Part, uploaded: UploadedPart) -> None:
        self._give_back(part)
        self._run.finish(part.number, uploaded.etag, part.sums.crc32s())

    def _give_back(self, part: _Part) -> None:
        self._run.share.give_back([slab.block for slab in part.slabs])
