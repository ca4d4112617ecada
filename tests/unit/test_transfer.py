"""The transfer: whatever the plan and however it is cut into works, the stored parts are the archive."""

from __future__ import annotations

import threading
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkdl.archive.crc32 import EntryChecksums
from bulkdl.archive.layout import Entry, Layout
from bulkdl.errors import ArchiveError
from bulkdl.storage import ObjectVersion
from bulkdl.transfer import PartResult, count_part
from tests.unit.transfer_kit import WHEN, Library, TestStore, make_library, make_transfer

sizes_of_files = st.lists(st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 2500)), max_size=10)


def run_in_pieces(
    library: Library, *, works: int, blocks: int, block_size: int, finest_piece: int = 64, copy: bool = False
) -> None:
    """Transfer ranges that know nothing of each other, then finish with what they wrote down."""
    transfer = make_transfer(library.store, blocks=blocks, block_size=block_size, finest_piece=finest_piece, copy=copy)
    count = library.plan.part_count
    step = -(-count // works)
    for first in range(1, count + 1, step):
        parts = range(first, min(first + step, count + 1))
        transfer.run(library.work(parts, checksums=EntryChecksums(library.plan)))
        assert set(parts) <= set(library.results)
    for result in library.results.values():
        library.checksums.add(result.number, result.crc32s)
    transfer.run(library.work(library.unstored, on_bytes=lambda size, files: None, is_last=True))
    assert transfer.buffers.lent == 0
    transfer.close()


@given(
    sizes=sizes_of_files,
    inline=st.sets(st.integers(0, 9)),
    part_size=st.integers(30, 700),
    works=st.integers(1, 4),
    blocks=st.integers(2, 12),
    block_size=st.sampled_from([32, 64, 200]),
    finest_piece=st.sampled_from([1, 30, 200]),
    copy=st.booleans(),
)
def test_stored_parts_are_the_archive(
    sizes: list[int],
    inline: set[int],
    part_size: int,
    works: int,
    blocks: int,
    block_size: int,
    finest_piece: int,
    copy: bool,
) -> None:
    """Parts of less than a block, of several, and of more than the pool holds; one work or many."""
    library = make_library(sizes, part_size=part_size, inline=inline)

    run_in_pieces(library, works=works, blocks=blocks, block_size=block_size, finest_piece=finest_piece, copy=copy)

    assert library.complete() == library.expected()


@settings(max_examples=30)
@given(sizes=sizes_of_files, part_size=st.integers(30, 300), works=st.integers(1, 4), copy=st.booleans())
def test_progress_counts_every_byte_and_file_of_an_object_once(
    sizes: list[int], part_size: int, works: int, copy: bool
) -> None:
    library = make_library(sizes, part_size=part_size, inline=[0])

    run_in_pieces(library, works=works, blocks=4, block_size=64, copy=copy)

    objects = [source for source in library.sources if isinstance(source, ObjectVersion)]
    assert (library.bytes_told, library.files_told) == (sum(source.size for source in objects), len(objects))
    counts = [count_part(library.plan, library.sources, number) for number in library.results]
    assert (sum(size for size, _ in counts), sum(files for _, files in counts)) == (
        library.bytes_told,
        library.files_told,
    )


def test_every_part_is_told_once_with_its_size_and_the_checksums_of_its_pieces() -> None:
    library = make_library([500, 20, 0, 900], part_size=128)
    told: list[PartResult] = []

    make_transfer(library.store).run(library.work(on_part=told.append))

    assert sorted(result.number for result in told) == list(range(1, library.plan.part_count + 1))
    for result in told:
        part = library.plan.part(result.number)
        pieces = [library.data[piece.entry][piece.offset : piece.offset + piece.size] for piece in part.pieces]
        assert result.crc32s == tuple(zlib.crc32(piece) for piece in pieces)
        assert result.size == part.size
        assert not result.was_copied


def test_callbacks_come_in_the_thread_of_the_caller() -> None:
    library = make_library([500, 900], part_size=128)
    threads: set[int] = set()

    make_transfer(library.store).run(
        library.work(
            on_part=lambda result: threads.add(threading.get_ident()),
            on_bytes=lambda size, files: threads.add(threading.get_ident()),
            check=lambda: threads.add(threading.get_ident()),
        )
    )

    assert threads == {threading.get_ident()}


def test_part_with_a_header_is_stored_after_the_end_of_its_object() -> None:
    library = make_library([1000], part_size=64)

    make_transfer(library.store, blocks=3).run(library.work())

    last_with_data = library.plan.parts_of(0)[-1]
    assert library.store.stored.index(1) > library.store.stored.index(last_with_data - 1)
    assert library.store.counts["put"] == library.plan.part_count


def test_part_with_a_header_does_not_wait_when_the_checksum_is_known() -> None:
    library = make_library([1000], part_size=64)
    library.checksums.set(0, zlib.crc32(library.data[0]))

    make_transfer(library.store, blocks=3, concurrency=1, max_concurrency=1).run(library.work())

    # Three blocks: at most two others can be read before it.
    assert 1 in library.store.stored[:3]


def test_part_whose_object_ends_in_another_work_is_told_without_an_etag() -> None:
    library = make_library([1000], part_size=64)

    make_transfer(library.store).run(library.work([1, 2, 3]))

    assert {number: result.etag is None for number, result in library.results.items()} == {1: True, 2: False, 3: False}
    assert library.results[1].crc32s
    assert sorted(library.store.stored) == [2, 3]


def test_resumed_work_does_only_what_is_left() -> None:
    library = make_library([1000, 70], part_size=64)
    transfer = make_transfer(library.store)
    done = [2, 3, 5, 9]
    transfer.run(library.work(done))
    resumed = EntryChecksums(library.plan)
    for number in done:
        resumed.add(number, library.results[number].crc32s)
    library.store.stored.clear()

    left = [number for number in range(1, library.plan.part_count + 1) if number not in done]
    transfer.run(library.work(left, checksums=resumed, is_last=True))

    assert sorted(library.store.stored) == left
    library.checksums = resumed
    assert library.complete() == library.expected()


def test_last_work_refuses_a_part_whose_checksum_nobody_brings() -> None:
    library = make_library([1000], part_size=64)

    with pytest.raises(ArchiveError, match="part 1 needs"):
        make_transfer(library.store).run(library.work([1, 2], is_last=True))


def test_pieces_of_one_part_are_fetched_side_by_side() -> None:
    library = make_library([10] * 8, part_size=4096)
    everybody = threading.Barrier(4, timeout=10)

    def wait_for_others(version: ObjectVersion, offset: int, target: memoryview) -> None:
        everybody.wait()

    library.store.on_read = wait_for_others
    make_transfer(library.store, block_size=4096, concurrency=4, max_concurrency=4).run(library.work())

    assert library.store.most_reading == 4


@pytest.mark.parametrize(("blocks", "requests"), [(16, 1), (8, 2), (2, 8)])
def test_a_block_is_fetched_by_as_many_requests_as_keep_the_lanes_busy(blocks: int, requests: int) -> None:
    library = make_library([4000], part_size=400)
    sizes: list[int] = []
    library.store.on_read = lambda version, offset, target: sizes.append(len(target))

    make_transfer(library.store, blocks=blocks, block_size=400, concurrency=8, max_concurrency=8, finest_piece=50).run(
        library.work([2, 3])
    )

    assert sizes == [400 // requests] * 2 * requests


def test_a_block_is_not_cut_finer_than_a_request_is_worth() -> None:
    library = make_library([4000], part_size=400)
    sizes: list[int] = []
    library.store.on_read = lambda version, offset, target: sizes.append(len(target))

    make_transfer(library.store, blocks=2, block_size=400, concurrency=64, max_concurrency=64, finest_piece=150).run(
        library.work([2])
    )

    assert sorted(sizes) == [132, 134, 134]


def test_no_more_than_the_limit_is_read_at_once() -> None:
    library = make_library([10] * 200, part_size=4096)

    make_transfer(library.store, block_size=4096, concurrency=3, max_concurrency=3).run(library.work())

    assert 1 <= library.store.most_reading <= 3


def test_parts_are_begun_in_ascending_order() -> None:
    library = make_library([600], part_size=64)
    offsets: list[int] = []
    library.store.on_read = lambda version, offset, target: offsets.append(offset)

    make_transfer(library.store, concurrency=1, max_concurrency=1).run(library.work())

    assert offsets == sorted(offsets)


def test_empty_work_does_nothing() -> None:
    library = make_library([10], part_size=64)

    make_transfer(library.store).run(library.work([]))

    assert library.results == {}


def test_five_thousand_tiny_files_pass_through_one_block_at_a_time() -> None:
    store = TestStore()
    version = store.put("media", "same", b"x", content_type="text/plain")
    layout = Layout([Entry(f"{index}", 1, WHEN) for index in range(5_000)])
    library = make_library([], part_size=65_536, store=store)
    library = Library(store, type(library.plan)(layout, 65_536), [b"x"] * 5_000, [version] * 5_000, library.upload)

    make_transfer(store, blocks=2, block_size=65_536, concurrency=2).run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.files_told == 5_000


def test_work_that_makes_room_goes_on_from_its_results_later() -> None:
    library = make_library([900, 40, 2000], part_size=64)
    transfer = make_transfer(library.store, blocks=4)

    asked = threading.Event()

    def should_yield() -> bool:
        if library.store.counts["read"] < 6:
            return False
        asked.set()
        return True

    def wait_until_asked(version: ObjectVersion, offset: int, target: memoryview) -> None:
        if library.store.counts["read"] >= 6:
            assert asked.wait(10)

    library.store.on_read = wait_until_asked

    is_done = transfer.run(replace(library.work(), should_yield=should_yield))
    checksums = EntryChecksums(library.plan)
    for result in library.results.values():
        checksums.add(result.number, result.crc32s)
    begun = set(library.results)
    left = [number for number in range(1, library.plan.part_count + 1) if number not in begun]

    assert not is_done
    assert left
    assert transfer.buffers.lent == 0
    assert transfer.run(library.work(left, checksums=checksums, is_last=True))
    library.checksums = checksums
    assert library.complete() == library.expected()
