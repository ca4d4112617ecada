"""One work being carried out: the loop in the caller's thread, and what the ways of storing a part share.

Requests run in the lanes. What follows from their answers (the next step of a part, every callback of
the work) happens here, in one thread, so nothing but slabs and the tally is touched by two.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import Protocol, TypeVar

from bulkdl.archive.crc32 import crc32
from bulkdl.archive.plan import Piece
from bulkdl.storage import ObjectStore, ObjectVersion
from bulkdl.transfer.buffers import Share
from bulkdl.transfer.fetch import fetch
from bulkdl.transfer.lanes import Task, TaskQueue
from bulkdl.transfer.outlook import Outlook
from bulkdl.transfer.retries import Retries, Stopped
from bulkdl.transfer.slabs import Slab
from bulkdl.transfer.tally import Tally
from bulkdl.transfer.work import PartResult, Work, count_part

T = TypeVar("T")
Step = Callable[[], None]

FINEST_PIECE = 1024**2
"""Bytes below which an object is not cut any finer: a request has its price."""
_CHECK_EVERY_S = 0.25
_ENOUGH_WAITING = 4096
"""Fetches in line beyond which no part is opened: parts of tiny files have thousands of them."""
_REQUESTS_A_LANE = 2
"""Fetches for every one that may run: half of the blocks are being stored meanwhile."""
_GRACE_S = 2.0
"""How long a stopped work waits for requests under way. Later ones give their blocks back all the same."""


class Way(Protocol):
    """A way of getting parts stored."""

    def takes(self, number: int) -> bool:
        """Whether this part is to be stored in this way."""
        ...

    def open(self, number: int) -> bool:
        """Begin, or go on, with this part, the first to do; False when that must wait."""
        ...

    def go_on(self) -> None:
        """CRC-32s may have become known, by whatever way: go on with the parts that waited for them."""
        ...

    def unblock(self) -> bool:
        """Nothing moves and a part is waiting: do something about it; False when there is nothing to do."""
        ...

    def stop(self) -> None:
        """Let go whatever waits; nothing will be stored any more."""
        ...


class Run:
    """The state of one work. `todo` are the parts not begun, `open` those begun and not done."""

    def __init__(
        self,
        work: Work,
        store: ObjectStore,
        queue: TaskQueue,
        share: Share,
        retries: Retries,
        steps: SimpleQueue[Step],
        *,
        finest_piece: int,
    ) -> None:
        self.work = work
        self.plan = work.plan
        self.store = store
        self.queue = queue
        self.share = share
        self.retries = retries
        self.outlook = Outlook(work)
        self.tally = Tally(work.on_bytes)
        self.todo = deque(work.parts)
        self.open: set[int] = set()
        self._steps = steps
        self._finest_piece = finest_piece
        self._checked_at = float("-inf")
        self._yields = False

    def carry_out(self, ways: list[Way]) -> bool:
        """Bring every part to its end, or stop everything and raise what went wrong.

        False when the work was asked to make room before it had begun with every part.
        """
        try:
            while self.open or (self.todo and not self._yields):
                self._check()
                self._open_parts(ways)
                self._take_steps()
                for way in ways:
                    way.go_on()
                self.tally.report()
        finally:
            self._stop(ways)
        return not self.todo

    def _check(self) -> None:
        if time.monotonic() - self._checked_at >= _CHECK_EVERY_S:
            self.work.check()
            self._yields = self._yields or self.work.should_yield()
            self._checked_at = time.monotonic()

    def _open_parts(self, ways: list[Way]) -> None:
        while self._open_next(ways) or (self._is_still() and self._unblock(ways)):
            pass

    def _open_next(self, ways: list[Way]) -> bool:
        if not self.todo or self._yields or self.queue.waiting >= _ENOUGH_WAITING:
            return False
        number = self.todo[0]
        return next(way for way in ways if way.takes(number)).open(number)

    def _is_still(self) -> bool:
        """Parts are open and nothing moves. The order matters: an idle queue has posted all its steps."""
        return bool(self.open) and self.queue.is_idle and self._steps.empty()

    def _unblock(self, ways: list[Way]) -> bool:
        if any(way.unblock() for way in ways):
            return True
        raise RuntimeError(f"parts {sorted(self.open)} wait for what nobody brings")

    def _take_steps(self) -> None:
        try:
            self._steps.get(timeout=_CHECK_EVERY_S)()
        except Empty:
            return
        for _ in range(self._steps.qsize()):
            self._steps.get_nowait()()

    def _stop(self, ways: list[Way]) -> None:
        self.retries.stop()
        for way in ways:
            way.stop()
        is_idle = Event()

        def on_idle() -> None:
            self.share.close()
            is_idle.set()

        self.queue.close(on_idle)
        is_idle.wait(_GRACE_S)

    # --- for the ways ---

    def post(self, step: Step) -> None:
        """Have a step taken in the thread of the work. From any thread."""
        self._steps.put(step)

    def begin(self, number: int) -> None:
        """The first part to do is open now, wholly."""
        self.todo.popleft()
        self.open.add(number)

    def put_off(self, number: int) -> None:
        """Close an open part and do it again, last of all."""
        self.open.discard(number)
        self.todo.append(number)
        self.tally.repeat(number)

    def redo(self, numbers: list[int]) -> None:
        """Close parts, open or just being opened, and do them again before all others."""
        for number in sorted(numbers, reverse=True):
            if number in self.open:
                self.open.discard(number)
                self.todo.appendleft(number)
            self.tally.repeat(number)

    def finish(self, number: int, etag: str | None, crc32s: tuple[int, ...], *, was_copied: bool = False) -> None:
        """The part is done with."""
        self.open.discard(number)
        start, stop = self.plan.bounds(number)
        self.tally.settle(number, *count_part(self.plan, self.work.sources, number))
        self.work.on_part(PartResult(number, etag, crc32s, stop - start, was_copied))

    def task(self, request: Callable[[], T], then: Callable[[T], None], size: int = 0) -> Task:
        """A task; `then` is the step that follows, an error stops the work. `size` is what the pace is judged by:
        stores tell none, for their bytes were fetched before and come in lumps."""

        def carry_out() -> int:
            try:
                result = request()
            except Stopped:
                return 0
            except Exception as exc:
                self.fail(exc)
                return 0
            self.post(partial(then, result))
            return size

        return carry_out

    def fail(self, error: Exception) -> None:
        """Stop the work with this error. From any thread."""
        self.post(partial(_raise, error))

    def slab(self, start: int, stop: int, block: memoryview) -> Slab:
        """Bytes `start` to `stop` of the archive, to be fetched into this block.

        Where more requests may run than there are blocks, each block is fetched by several: it is free the sooner.
        """
        requests = max(1, _REQUESTS_A_LANE * self.queue.lanes.limit // self.share.pool_size)
        return Slab(self.plan, start, stop, block, most=max(len(block) // requests, self._finest_piece))

    def fetch(self, number: int, slab: Slab, then: Step) -> None:
        """Have every piece of the slab put in its place; `then` is the step that follows the last one."""
        tasks = []
        is_read = not slab.pieces
        for index, (piece, target) in enumerate(zip(slab.pieces, slab.targets(), strict=True)):
            source = self.work.sources[piece.entry]
            if isinstance(source, ObjectVersion):
                tasks.append(partial(self._fetch_piece, number, slab, index, piece, source, target, then))
            else:
                target[:] = source[piece.offset : piece.offset + piece.size]
                is_read = slab.arrived(index, crc32(target))
        if is_read:
            self.post(then)
        self.queue.push(tasks)

    def _fetch_piece(
        self, number: int, slab: Slab, index: int, piece: Piece, source: ObjectVersion, target: memoryview, then: Step
    ) -> int:
        try:
            value = fetch(self.store, source, piece.offset, target, self.retries)
        except Stopped:
            return 0
        except Exception as exc:
            self.fail(exc)
            return 0
        self.tally.add(number, piece.size, piece.offset + piece.size == source.size)
        if slab.arrived(index, value):
            self.post(then)
        return piece.size


def _raise(error: Exception) -> None:
    raise error
