"""The memory of the transfer: bounded whatever the parts, shared by all jobs, and never a reason to stand still."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from bulkdl.errors import LeaseLost
from bulkdl.transfer import Transfer
from bulkdl.transfer.buffers import BufferPool, Share
from tests.unit.transfer_kit import DEADLINE_S, Library, TestStore, make_library, make_transfer, wait_until


def nothing() -> None:
    """No news."""


def make_pool(blocks: int) -> BufferPool:
    return BufferPool(blocks * 10, block_size=10)


def admit(pool: BufferPool, guaranteed: int, *, on_free: Callable[[], None] = nothing) -> Share:
    return pool.admit(guaranteed, check=nothing, on_free=on_free)


def test_filling_makes_what_is_missing_and_no_more() -> None:
    pool = make_pool(4)
    share = admit(pool, 2)
    first = share.take(1)
    pool.fill()
    made = {id(block) for block in pool._idle}

    pool.fill()
    rest = share.take(3)

    assert first is not None
    assert rest is not None
    assert len(made) == 3
    assert {id(block) for block in rest} == made


def test_blocks_are_used_again() -> None:
    pool = make_pool(4)
    share = admit(pool, 2)

    first = share.take(2)
    assert first is not None
    share.give_back(first)
    second = share.take(2)

    assert second is not None
    assert {id(block.obj) for block in first} == {id(block.obj) for block in second}


def test_guaranteed_blocks_are_to_be_had_whatever_others_hold() -> None:
    pool = make_pool(6)
    first, second = admit(pool, 2), admit(pool, 2)

    assert first.take(4) is not None
    assert first.take(1) is None

    assert second.take(2) is not None
    assert pool.lent == 6


def test_a_small_job_is_admitted_whatever_a_large_one_has_borrowed() -> None:
    pool = make_pool(8)
    large = admit(pool, 2)
    while large.take(1):
        pass

    small = admit(pool, 2)

    assert large.held == 6
    assert small.take(2) is not None


def test_blocks_are_lent_all_or_none() -> None:
    pool = make_pool(3)
    share = admit(pool, 2)

    assert share.take(4) is None
    assert pool.lent == 0
    assert share.take(3) is not None


def test_nothing_beyond_the_guarantee_is_lent_while_somebody_waits() -> None:
    pool = make_pool(4)
    first = admit(pool, 2)
    blocks = first.take(3)
    assert blocks is not None
    admitted: list[Share] = []
    waiting = threading.Thread(target=lambda: admitted.append(admit(pool, 2)))
    waiting.start()
    wait_until(lambda: bool(pool._line), "the second job stands in line")

    first.give_back(blocks[:1])
    waiting.join(DEADLINE_S)

    assert admitted
    assert first.take(1) is None
    assert admitted[0].take(2) is not None


def test_who_was_refused_hears_of_free_blocks() -> None:
    pool = make_pool(4)
    news: list[str] = []
    first, second = admit(pool, 2, on_free=lambda: news.append("first")), admit(pool, 2)
    blocks = second.take(2)
    assert blocks is not None
    assert first.take(3) is None

    second.give_back(blocks)

    assert news == ["first"]


def test_who_leaves_the_line_does_not_hold_it_up() -> None:
    pool = make_pool(2)
    first = admit(pool, 2)

    def give_up() -> None:
        raise LeaseLost("cancelled while waiting")

    with pytest.raises(LeaseLost):
        pool.admit(2, check=give_up, on_free=nothing)
    first.close()

    assert admit(pool, 2).take(2) is not None


def test_closed_share_returns_everything() -> None:
    pool = make_pool(4)
    share = admit(pool, 2)
    share.take(3)

    share.close()

    assert pool.lent == 0
    assert admit(pool, 4).take(4) is not None


class Watched:
    """Notes the most blocks that were out at any reading."""

    def __init__(self, store: TestStore, transfer: Transfer) -> None:
        self.most = 0
        store.on_read = lambda version, offset, target: self.note(transfer)

    def note(self, transfer: Transfer) -> None:
        self.most = max(self.most, transfer.buffers.lent)


@pytest.mark.parametrize("part_size", [40, 64, 100, 128, 500, 2000], ids=lambda size: f"parts of {size}")
def test_memory_stays_within_the_pool_whatever_the_part_size(part_size: int) -> None:
    library = make_library([3000, 10, 0, 2500, 700], part_size=part_size)
    transfer = make_transfer(library.store, blocks=4)
    watched = Watched(library.store, transfer)

    transfer.run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert 0 < watched.most <= 4
    assert transfer.buffers.lent == 0


def test_object_larger_than_all_memory_passes_beside_its_late_part() -> None:
    library = make_library([20_000], part_size=64)
    transfer = make_transfer(library.store, blocks=2)

    transfer.run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.store.counts["put"] == library.plan.part_count
    assert library.store.counts["read"] == len(library.plan.parts_of(0)), "nothing was read twice"


def test_header_across_two_parts_is_put_off_rather_than_waited_for() -> None:
    # The second header begins 20 bytes before the end of a part; its object ends many parts later.
    first_size = 640 - 20 - 56
    library = make_library([first_size, 20_000], part_size=64)
    assert library.plan.layout.header_offset(1) % 64 == 44
    transfer = make_transfer(library.store, blocks=2)

    transfer.run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.bytes_told == first_size + 20_000


def test_large_part_is_read_once_when_its_objects_end_within_the_window() -> None:
    library = make_library([40] * 150, part_size=2000)
    read: list[int] = []
    library.store.on_read = lambda version, offset, target: read.append(len(target))
    transfer = make_transfer(library.store, blocks=4)

    transfer.run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.store.counts["put"] == library.plan.part_count
    assert library.bytes_told == 6000
    assert sum(read) == 6000


def test_large_part_with_a_distant_end_is_read_for_its_checksums_first() -> None:
    library = make_library([5000], part_size=2000)
    transfer = make_transfer(library.store, blocks=4)

    transfer.run(library.work([1, 2]))

    assert library.results[1].etag is None
    assert library.results[1].crc32s
    assert library.results[2].etag is not None
    assert library.store.stored == [2]


@pytest.mark.parametrize("blocks", [2, 3, 5])
def test_many_jobs_on_a_tiny_pool_all_end(blocks: int) -> None:
    """Jobs with late parts, split headers, parts of every kind; each may hold a block that another wants."""
    store, rng = TestStore(), random.Random(blocks)
    transfer = make_transfer(store, blocks=blocks)
    watched = Watched(store, transfer)
    libraries: list[Library] = [
        make_library(
            [rng.choice([0, 30, rng.randrange(3000)]) for _ in range(8)],
            part_size=rng.choice([40, 64, 90, 400]),
            store=store,
            name=f"job-{number}",
            seed=number,
        )
        for number in range(12)
    ]
    jobs = [
        threading.Thread(target=transfer.run, args=(library.work(is_last=True),), daemon=True) for library in libraries
    ]

    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)

    assert not any(job.is_alive() for job in jobs)
    assert all(library.complete() == library.expected() for library in libraries)
    assert watched.most <= blocks
    assert transfer.buffers.lent == 0


def test_jobs_are_served_in_turn() -> None:
    """A small job does not wait until a large one that came before it has been read."""
    store = TestStore()
    large = make_library([10] * 3000, part_size=4096, store=store, name="large")
    small = make_library([10] * 3, part_size=4096, store=store, name="small")
    transfer = make_transfer(store, blocks=12, block_size=4096, concurrency=1, max_concurrency=1)
    is_under_way, done = threading.Event(), []
    store.on_read = lambda version, offset, target: is_under_way.set()
    job = threading.Thread(
        target=lambda: (transfer.run(large.work()), done.append("large")),
        daemon=True,
    )

    job.start()
    assert is_under_way.wait(DEADLINE_S)
    transfer.run(small.work(on_part=lambda result: (done.append("small"), small.take(result))[1]))
    job.join(DEADLINE_S)

    assert done[0] == "small"
    assert large.complete() == large.expected()
