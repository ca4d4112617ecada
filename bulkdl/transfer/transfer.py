"""The transfer of a process: threads, memory and pace, shared by every job that it works on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from queue import SimpleQueue

from bulkdl.storage import ObjectStore
from bulkdl.transfer.buffered import BufferedParts
from bulkdl.transfer.buffers import BLOCK_SIZE, BufferPool
from bulkdl.transfer.copied import CopiedParts
from bulkdl.transfer.lanes import Lanes
from bulkdl.transfer.pace import Pace
from bulkdl.transfer.retries import BASE_S, Retries
from bulkdl.transfer.run import FINEST_PIECE, Run, Step, Way
from bulkdl.transfer.streamed import WINDOW, StreamedParts
from bulkdl.transfer.work import Work, never


class Transfer:
    """Carries out works, any number at a time, each in the thread of its caller.

    `buffer_bytes` bounds the memory of all works together, whatever the size of files and parts.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        concurrency: int,
        max_concurrency: int,
        buffer_bytes: int,
        server_side_copy: bool = True,
        block_size: int = BLOCK_SIZE,
        finest_piece: int = FINEST_PIECE,
        retry_base_s: float = BASE_S,
    ) -> None:
        self._store = store
        self._server_side_copy = server_side_copy
        self._finest_piece = finest_piece
        self._retry_base_s = retry_base_s
        self._lanes = Lanes(Pace(concurrency, max_concurrency))
        self.buffers = BufferPool(buffer_bytes, block_size=block_size)

    def run(self, work: Work) -> bool:
        """Store the parts of a work, or raise: what its callbacks raise, or the store's error after the retries.

        True when every part is done; False when `should_yield` ended the work before.

        Parts told to `on_part` with an ETag are stored whatever happens then. After an error nothing is
        begun any more; requests under way have ended, or end within their own time-outs.
        """
        if not work.parts:
            return True
        steps: SimpleQueue[Step] = SimpleQueue()
        is_buffered, guaranteed = self._memory_for(work)
        if not is_buffered:
            # A streamed part may wait for parts that are not begun yet, so it cannot stop half-way.
            work = replace(work, should_yield=never)
        share = self.buffers.admit(guaranteed, check=work.check, on_free=partial(steps.put, _look_again))
        retries = Retries(base_s=self._retry_base_s, on_throttled=self._lanes.throttled)
        run = Run(work, self._store, self._lanes.open_queue(), share, retries, steps, finest_piece=self._finest_piece)
        ways: list[Way] = [CopiedParts(run)] if self._server_side_copy else []
        reading = BufferedParts if is_buffered else StreamedParts
        return run.carry_out([*ways, reading(run, self.buffers.block_size)])

    def _memory_for(self, work: Work) -> tuple[bool, int]:
        """Whether its parts are put together in memory, and the blocks without which it cannot go on."""
        part_size = min(work.plan.part_size, work.plan.layout.size)
        open_parts = min(2, len(work.parts)) * -(-part_size // self.buffers.block_size)
        if open_parts <= self.buffers.block_count:
            return True, open_parts
        return False, min(WINDOW, self.buffers.block_count)

    @property
    def limit(self) -> int:
        """Requests that may run at once at this moment, over all works."""
        return self._lanes.limit

    def close(self) -> None:
        """Let the threads end."""
        self._lanes.close()


def _look_again() -> None:
    """The step that only wakes a loop: blocks have come free."""
