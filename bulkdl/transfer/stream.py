"""One large part on its way: the blocks that are open, and the body of its request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue

from bulkdl.archive.crc32 import EntryChecksums, combine
from bulkdl.archive.plan import Plan
from bulkdl.transfer.retries import Stopped
from bulkdl.transfer.slabs import PieceSums, Slab


class Stream:
    """A part sent while it is read. Only its iterator, the body of the request, runs in another thread."""

    def __init__(
        self,
        plan: Plan,
        number: int,
        checksums: EntryChecksums,
        *,
        post: Callable[[Callable[[], None]], None],
        on_sent: Callable[[Stream, Slab], None],
    ) -> None:
        self.number = number
        self.position, self.stop = plan.bounds(number)
        """Where the next block begins, and where the part ends."""
        self.size = self.stop - self.position
        self.sums = PieceSums(plan, number, checksums)
        self.crc32 = 0
        """Of what was fed so far."""
        self.is_sending = False
        """True while its request is under way."""
        self._post = post
        self._on_sent = on_sent
        self._in_memory: list[Slab] = []
        self._unfed: deque[Slab] = deque()
        self._unread = 0
        self._ready: SimpleQueue[Slab | None] = SimpleQueue()

    def open(self, slab: Slab) -> None:
        """The next block is to be read."""
        self._in_memory.append(slab)
        self._unfed.append(slab)
        self._unread += 1
        self.position += len(slab.view)

    @property
    def is_open_to_its_end(self) -> bool:
        """True when there is no further block to open."""
        return self.position == self.stop

    def note_read(self, slab: Slab) -> None:
        """Every byte of the slab has arrived."""
        self._unread -= 1
        self.sums.add(slab)

    @property
    def is_reading(self) -> bool:
        """True while bytes are on their way into a block."""
        return self._unread > 0

    @property
    def is_empty(self) -> bool:
        """True when all of it went through memory."""
        return self.is_open_to_its_end and not self._in_memory

    def feed(self, checksums: EntryChecksums) -> None:
        """Give the request every block whose turn it is and that can be sent."""
        while self.is_sending and self._unfed and self._unfed[0].can_render(checksums):
            slab = self._unfed.popleft()
            self.crc32 = combine(self.crc32, slab.render(checksums), len(slab.view))
            self._ready.put(slab)

    def abandon(self) -> None:
        """End the request at its next block."""
        self._ready.put(None)

    def take_out(self, slab: Slab) -> list[memoryview]:
        """The slab's block, which is not used any more; nothing when it was taken out before."""
        if slab not in self._in_memory:
            return []
        self._in_memory.remove(slab)
        return [slab.block]

    def take_out_all(self) -> list[memoryview]:
        """Every block."""
        blocks = [slab.block for slab in self._in_memory]
        self._in_memory.clear()
        return blocks

    def __iter__(self) -> Iterator[memoryview]:
        """The body, block by block; a block is free when the next one is asked for."""
        sent = 0
        while sent < self.size:
            slab = self._ready.get()
            if slab is None:
                raise Stopped
            yield slab.view
            sent += len(slab.view)
            self._post(partial(self._on_sent, self, slab))
