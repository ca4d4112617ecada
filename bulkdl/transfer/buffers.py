"""The memory of all transfers of a process: a fixed number of equal blocks, lent and given back.

Why jobs cannot block each other for ever. A job is admitted only when its guaranteed blocks can be
set aside for it (`_spoken_for` never exceeds the pool), so a job under its guarantee always gets a
block at once. The guarantee is enough for any job to go on alone (see `buffered` and `streamed`);
so every admitted job ends, whatever the others hold, and gives its guarantee back. Blocks beyond the
guarantee are lent only while nobody waits in line, and the line is first come, first served. The last
few are never lent that way: on a slow line all blocks of a large job come free at the same late moment,
and somebody's small job should not have to wait for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

BLOCK_SIZE = 8 * 1024**2
_FEWEST_BLOCKS = 2
_KEPT_FOR_NEWCOMERS = 2
_ENOUGH_TO_KEEP_SOME = 8
_CHECK_EVERY_S = 0.25


class BufferPool:
    """Blocks of `block_size` bytes, made when first wanted or beforehand, and used again for ever after."""

    def __init__(self, buffer_bytes: int, *, block_size: int = BLOCK_SIZE) -> None:
        self.block_size = block_size
        self.block_count = max(_FEWEST_BLOCKS, buffer_bytes // block_size)
        self._to_lend = self.block_count - (_KEPT_FOR_NEWCOMERS if self.block_count >= _ENOUGH_TO_KEEP_SOME else 0)
        """Blocks that are guaranteed or lent beyond a guarantee at most."""
        self._idle: list[memoryview] = []
        self._shares: list[Share] = []
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def lent(self) -> int:
        """Blocks that are out at this moment."""
        with self._changed:
            return sum(share.held for share in self._shares)

    def fill(self) -> None:
        """Make the blocks now that one job can have, for it would wait while memory is brought in, page by page.

        Raises `MemoryError` when there is not so much of it.
        """
        with self._changed:
            missing = self._to_lend - len(self._idle) - sum(share.held for share in self._shares)
            self._idle += [self._make() for _ in range(missing)]

    def admit(self, guaranteed: int, *, check: Callable[[], None], on_free: Callable[[], None]) -> Share:
        """Wait until so many blocks can be set aside; `check` is called meanwhile and may raise to leave the line.

        `on_free` is called, in any thread, when blocks have come free after the share was refused some.
        """
        guaranteed = min(guaranteed, self.block_count)
        place = object()
        with self._changed:
            self._line.append(place)
        try:
            while True:
                with self._changed:
                    if self._line[0] is place and self._spoken_for() + guaranteed <= self.block_count:
                        share = Share(self, guaranteed, on_free)
                        self._shares.append(share)
                        return share
                    self._changed.wait(_CHECK_EVERY_S)
                check()
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def _spoken_for(self) -> int:
        """Blocks that are lent or set aside."""
        return sum(max(share.guaranteed, share.held) for share in self._shares)

    def _make(self) -> memoryview:
        return memoryview(bytearray(self.block_size))

    def _take(self, share: Share, count: int) -> list[memoryview] | None:
        with self._changed:
            beyond = max(share.held + count - max(share.guaranteed, share.held), 0)
            if beyond and (self._line or self._spoken_for() + beyond > self._to_lend):
                share.was_refused = True
                return None
            blocks = [self._idle.pop() if self._idle else self._make() for _ in range(count)]
            share.lent += blocks
            return blocks

    def _give_back(self, share: Share, blocks: list[memoryview]) -> None:
        with self._changed:
            share.lent = [lent for lent in share.lent if not any(lent is block for block in blocks)]
            self._idle += blocks
            refused = [other for other in self._shares if other.was_refused]
            for other in refused:
                other.was_refused = False
            self._changed.notify_all()
        for other in refused:
            other.on_free()

    def _close(self, share: Share) -> None:
        self._give_back(share, share.lent)
        with self._changed:
            self._shares.remove(share)
            self._changed.notify_all()


class Share:
    """What one job has of the pool. Its blocks are taken in the job's thread and given back in any."""

    def __init__(self, pool: BufferPool, guaranteed: int, on_free: Callable[[], None]) -> None:
        self._pool = pool
        self.guaranteed = guaranteed
        self.on_free = on_free
        self.lent: list[memoryview] = []
        self.was_refused = False

    @property
    def pool_size(self) -> int:
        """Blocks that there are, for all jobs together."""
        return self._pool.block_count

    @property
    def held(self) -> int:
        """Blocks that this job has at this moment."""
        return len(self.lent)

    def take(self, count: int) -> list[memoryview] | None:
        """So many blocks, or None when they are not to be had now (never when that keeps within the guarantee)."""
        return self._pool._take(self, count)

    def give_back(self, blocks: list[memoryview]) -> None:
        """Return blocks; nothing may write to them any more."""
        self._pool._give_back(self, blocks)

    def close(self) -> None:
        """Return every block and give up the guarantee; nothing may use them any more."""
        self._pool._close(self)
