"""The plan: whatever the part size, the parts one after another are the archive."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdl.archive.crc32 import EntryChecksums, archive_crc32, combine, concat, crc32
from bulkdl.archive.layout import Layout
from bulkdl.archive.plan import MIB, DirectorySlice, HeaderSlice, Part, Piece, Plan, make_plan
from bulkdl.errors import ArchiveError
from tests.unit.archive_kit import make_entry, render

sizes_of_files = st.lists(st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 700)), max_size=10)
part_sizes = st.integers(1, 400)


def make_case(sizes: list[int], part_size: int) -> tuple[Plan, list[bytes]]:
    layout = Layout([make_entry(f"{index}.jpg", size) for index, size in enumerate(sizes)])
    rng = random.Random(len(sizes))
    return Plan(layout, part_size), [rng.randbytes(size) for size in sizes]


def parts_of(plan: Plan) -> list[Part]:
    return [plan.part(number) for number in range(1, plan.part_count + 1)]


def assemble(plan: Plan, part: Part, data: list[bytes]) -> bytes:
    layout, crc32s = plan.layout, [zlib.crc32(content) for content in data]
    pieces = []
    for segment in part.segments:
        match segment:
            case HeaderSlice(entry, start, stop):
                pieces.append(layout.header(entry, crc32s[entry])[start:stop])
            case Piece(entry, offset, size):
                pieces.append(data[entry][offset : offset + size])
            case DirectorySlice(start, stop):
                pieces.append(layout.directory(start, stop, crc32s))
        assert len(pieces[-1]) == segment.size > 0
    return b"".join(pieces)


@given(sizes_of_files, part_sizes)
def test_concatenated_parts_are_the_archive(sizes: list[int], part_size: int) -> None:
    plan, data = make_case(sizes, part_size)

    archive = b"".join(assemble(plan, part, data) for part in parts_of(plan))

    assert archive == render(plan.layout, data)


@given(sizes_of_files, part_sizes)
def test_all_parts_but_the_last_have_the_same_size(sizes: list[int], part_size: int) -> None:
    plan, _ = make_case(sizes, part_size)

    parts = parts_of(plan)

    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert {part.size for part in parts[:-1]} <= {part_size}
    assert 0 < parts[-1].size <= part_size
    assert [part.offset for part in parts] == [(part.number - 1) * part_size for part in parts]


@given(sizes_of_files, part_sizes)
def test_what_is_told_of_a_part_without_building_it_is_true(sizes: list[int], part_size: int) -> None:
    plan, _ = make_case(sizes, part_size)
    ended = []

    for part in parts_of(plan):
        headers, directory = plan.needs(*plan.bounds(part.number))
        assert tuple(headers) == part.header_entries
        assert bool(directory) <= part.holds_directory
        assert (plan.lone_piece(part.number) is not None) == part.is_copy
        assert plan.lone_piece(part.number) in (None, *part.segments)
        for piece in part.pieces:
            assert plan.piece_size(piece.entry, part.number) == piece.size
            assert part.number in plan.parts_of(piece.entry)
        ended += plan.entries_ending(part.number)

    assert ended == list(range(len(sizes)))


@given(sizes_of_files, part_sizes, st.integers(1, 2000))
def test_ranges_cover_all_parts_once(sizes: list[int], part_size: int, range_size: int) -> None:
    plan, _ = make_case(sizes, part_size)

    ranges = plan.ranges(range_size)

    assert [number for first, last in ranges for number in range(first, last + 1)] == list(
        range(1, plan.part_count + 1)
    )
    assert all((last - first + 1) * part_size <= max(range_size, part_size) for first, last in ranges)


@given(sizes_of_files, part_sizes, st.randoms(use_true_random=False))
def test_checksums_of_entries_come_from_pieces_in_any_order(
    sizes: list[int], part_size: int, rng: random.Random
) -> None:
    plan, data = make_case(sizes, part_size)
    checksums = EntryChecksums(plan)
    numbers = [part.number for part in parts_of(plan)]
    rng.shuffle(numbers)

    for count, number in enumerate(numbers):
        missing = set(numbers[count:])
        for entry in range(len(sizes)):
            assert set(checksums.missing_parts(entry)) == missing & set(plan.parts_of(entry))
        pieces = plan.part(number).pieces
        values = [zlib.crc32(data[piece.entry][piece.offset : piece.offset + piece.size]) for piece in pieces]
        checksums.add(number, values)
        checksums.add(number, values)

    assert list(checksums.crc32s()) == [zlib.crc32(content) for content in data]
    assert archive_crc32(plan.layout, checksums) == zlib.crc32(render(plan.layout, data))


def test_checksum_known_beforehand_needs_no_piece() -> None:
    plan, data = make_case([500, 10], 100)
    checksums = EntryChecksums(plan)

    checksums.set(0, zlib.crc32(data[0]))

    assert checksums.known(0) == zlib.crc32(data[0])
    assert checksums.known(1) is None
    assert not checksums.knows(range(2))
    assert checksums.missing == 1
    with pytest.raises(KeyError):
        checksums.crc32s()
    with pytest.raises(KeyError):
        checksums[1]


def test_copied_part_without_checksum_changes_nothing() -> None:
    plan, _ = make_case([500], 100)
    checksums = EntryChecksums(plan)

    checksums.add(2, ())

    assert 2 in checksums.missing_parts(0)


def test_wrong_number_of_checksums_is_refused() -> None:
    plan, _ = make_case([10, 10], 1000)

    with pytest.raises(ValueError, match="2 pieces"):
        EntryChecksums(plan).add(1, [5])


@given(st.lists(st.binary(max_size=50)))
def test_crc32_of_pieces_makes_that_of_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    assert concat([(crc32(piece), len(piece)) for piece in pieces]) == zlib.crc32(whole)
    assert crc32(memoryview(whole)) == zlib.crc32(whole)
    assert combine(crc32(whole), crc32(whole), len(whole)) == zlib.crc32(whole * 2)


def test_part_size_stays_while_ten_thousand_parts_are_enough() -> None:
    overhead = Layout([make_entry(size=5 * 1024**3)]).size - 5 * 1024**3
    most = Layout([make_entry(size=8 * MIB * 10_000 - overhead)])
    more = Layout([make_entry(size=most.entries[0].size + 1)])

    assert most.size == 8 * MIB * 10_000
    assert (make_plan(most).part_size, make_plan(most).part_count) == (8 * MIB, 10_000)
    assert (make_plan(more).part_size, make_plan(more).part_count) == (9 * MIB, 8_889)


def test_an_archive_that_no_upload_holds_is_refused() -> None:
    with pytest.raises(ArchiveError, match="at most"):
        make_plan(Layout([make_entry(size=49 * 1024**4)]))


@pytest.mark.parametrize("number", [0, -1, 3])
def test_parts_are_counted_from_one(number: int) -> None:
    plan, _ = make_case([10], 100)
    assert plan.part_count == 2

    with pytest.raises(ValueError, match="parts 1 to 2"):
        plan.part(number)
