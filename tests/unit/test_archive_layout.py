"""The archive's bytes, judged by what Python's zipfile writes and reads.

Equality is byte for byte: flags, extra fields and modes are set alike on the oracle's side. The one
exception is a local header with ZIP64, where zipfile puts the ZIP64 extra field last and this system
first (macOS and older readers expect that): there the fields are compared one by one.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdl.archive.layout import Layout
from bulkdl.errors import ArchiveError
from tests.unit.archive_kit import (
    OracleInfo,
    ZerosArchive,
    make_entry,
    oracle,
    oracle_directory,
    render,
)

LIMIT = 0xFFFFFFFF
SMALL = [b"", b"one", b"\0" * 70_000]


@pytest.fixture
def _same_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """zipfile turns to ZIP64 at 2 GiB and behind 65,535 entries; here at the values that APPNOTE names."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", LIMIT - 1)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0xFFFF - 1)


def make_layout(*sizes: int) -> Layout:
    return Layout([make_entry(f"file-{index}.bin", size) for index, size in enumerate(sizes)])


@pytest.mark.parametrize("data", [[], [b""], [b"x"], SMALL], ids=["none", "empty", "one", "three"])
def test_archive_is_what_zipfile_writes(data: list[bytes]) -> None:
    entries = [make_entry(f"folder/é 😀 {index}.jpg", len(content)) for index, content in enumerate(data)]

    archive = render(Layout(entries), data)

    assert archive == oracle(entries, data)


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.binary(max_size=99))
    )
)
def test_any_archive_is_what_zipfile_writes(files: list[tuple[str, bytes]]) -> None:
    files = [(f"{index}{name}".replace("\0", "_"), content) for index, (name, content) in enumerate(files)]
    entries = [make_entry(name, len(content)) for name, content in files]
    data = [content for _, content in files]

    layout = Layout(entries)

    archive = render(layout, data)
    assert archive == oracle(entries, data)
    assert len(archive) == layout.size


def test_modification_time_keeps_its_seconds_whatever_its_zone() -> None:
    in_tokyo = datetime(2024, 1, 1, 8, 30, 59, 999_999, tzinfo=timezone(timedelta(hours=9)))

    archive = zipfile.ZipFile(io.BytesIO(render(Layout([make_entry(modified_at=in_tokyo)]), [b"abc"])))

    info = archive.infolist()[0]
    assert info.date_time == (2023, 12, 31, 23, 30, 58)
    assert struct.unpack("<HHBi", info.extra) == (0x5455, 5, 1, int(in_tokyo.timestamp()))


@pytest.mark.parametrize(
    ("moment", "dos", "seconds"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0), 0),
        (datetime(1901, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0), 0),
        (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), (2038, 1, 19, 3, 14, 8), 0x7FFFFFFF),
        (datetime(2108, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58), 0x7FFFFFFF),
    ],
)
def test_times_that_do_not_fit_are_clamped(moment: datetime, dos: tuple[int, ...], seconds: int) -> None:
    archive = zipfile.ZipFile(io.BytesIO(render(Layout([make_entry(modified_at=moment)]), [b"abc"])))

    info = archive.infolist()[0]
    assert info.date_time == dos
    assert struct.unpack("<HHBi", info.extra)[3] == seconds


def test_no_entry_has_a_data_descriptor_and_every_name_is_marked_as_utf8() -> None:
    entries = [make_entry("plain.jpg"), make_entry("é.jpg")]

    archive = zipfile.ZipFile(io.BytesIO(render(Layout(entries), [b"abc", b"def"])))

    assert [info.flag_bits for info in archive.infolist()] == [0x800, 0x800]


@pytest.mark.usefixtures("_same_limits")
@pytest.mark.parametrize("count", [65_534, 65_535], ids=["N", "N+1"])
def test_directory_turns_to_zip64_at_65535_entries(count: int) -> None:
    layout = make_layout(*[1] * count)
    crc32s = range(count)

    directory = layout.directory(0, layout.directory_size, crc32s)

    assert directory == oracle_directory(layout, crc32s)
    assert len(layout.end_records()) == (22 if count < 65_535 else 98)


@pytest.mark.usefixtures("_same_limits")
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, 6 * 1024**3])
def test_entry_turns_to_zip64_at_4_gib(size: int) -> None:
    layout = make_layout(size, 1)

    assert layout.directory(0, layout.directory_size, [7, 8]) == oracle_directory(layout, [7, 8])
    assert layout.header_size(0) == len(layout.header(0, 7)) == 30 + 10 + 9 + (20 if size >= LIMIT else 0)


@pytest.mark.usefixtures("_same_limits")
@pytest.mark.parametrize("header_offset", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_offset_turns_to_zip64_at_4_gib(header_offset: int) -> None:
    layout = make_layout(header_offset - 49, 5)

    assert layout.header_offset(1) == header_offset
    assert layout.directory(0, layout.directory_size, [7, 8]) == oracle_directory(layout, [7, 8])


@pytest.mark.usefixtures("_same_limits")
@pytest.mark.parametrize("directory_offset", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_end_record_turns_to_zip64_when_the_directory_begins_at_4_gib(directory_offset: int) -> None:
    layout = make_layout(directory_offset - 49)

    assert layout.directory_offset == directory_offset
    assert layout.directory(0, layout.directory_size, [7]) == oracle_directory(layout, [7])
    assert len(layout.end_records()) == (22 if directory_offset < LIMIT else 98)


@pytest.mark.usefixtures("_same_limits")
def test_local_header_with_zip64_says_what_zipfile_says() -> None:
    layout = make_layout(LIMIT)
    info = OracleInfo(layout.entries[0])
    info.CRC, info.file_size, info.compress_size = 7, LIMIT, LIMIT
    theirs = info.FileHeader(zip64=True)

    ours = layout.header(0, 7)

    assert ours[:40] == theirs[:40]
    assert ours[40:60] == theirs[49:69] == struct.pack("<HHQQ", 1, 16, LIMIT, LIMIT)
    assert ours[60:] == theirs[40:49]


def test_zipfile_reads_an_archive_beyond_every_limit() -> None:
    layout = Layout(
        [make_entry("big.mov", 5 * 1024**3), *(make_entry(f"{index}.jpg", index % 3) for index in range(66_000))]
    )

    archive = zipfile.ZipFile(io.BufferedReader(ZerosArchive(layout)))

    assert [(info.filename, info.file_size) for info in archive.infolist()] == [
        (entry.name, entry.size) for entry in layout.entries
    ]
    assert archive.read("65998.jpg") == bytes(65_998 % 3)
    assert archive.read("65999.jpg") == bytes(65_999 % 3)
    with archive.open("big.mov") as member:
        assert member.read(10) == bytes(10)


@given(st.lists(st.integers(0, 40), max_size=12), st.data())
def test_a_slice_of_the_directory_is_a_slice_of_the_whole(sizes: list[int], data: st.DataObject) -> None:
    layout = make_layout(*sizes)
    crc32s = [index * 7919 for index in range(len(sizes))]
    start = data.draw(st.integers(0, layout.directory_size))
    stop = data.draw(st.integers(start, layout.directory_size))

    whole = layout.directory(0, layout.directory_size, crc32s)

    assert layout.directory(start, stop, crc32s) == whole[start:stop]
    needed = layout.directory_entries(start, stop)
    only_needed = {entry: crc32s[entry] for entry in needed}
    assert layout.directory(start, stop, only_needed) == whole[start:stop]


def test_end_records_are_where_the_layout_says() -> None:
    layout = make_layout(3, 4)

    archive = render(layout, [b"abc", b"defg"])

    assert archive[layout.end_records_offset :] == layout.end_records()
    assert archive[layout.directory_offset :][:4] == b"PK\x01\x02"
    assert archive[layout.data_offset(1) :][:4] == b"defg"


@pytest.mark.parametrize(
    "entry",
    [make_entry("\ud800"), make_entry(""), make_entry("x" * 65_536), make_entry(size=-1), make_entry(size=2**63)],
    ids=["surrogate", "no name", "long name", "negative", "too large"],
)
def test_what_no_zip_can_hold_is_refused(entry: object) -> None:
    with pytest.raises(ArchiveError):
        Layout([make_entry(), entry])  # type: ignore[list-item]


_PLAN_100_000 = """
import resource, time
from datetime import UTC, datetime
from bulkdl.archive.layout import Entry, Layout
from bulkdl.archive.plan import make_plan

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before, when = peak(), datetime(2024, 5, 6, tzinfo=UTC)
entries = [Entry(f"folder/{index:06}.jpg", 1024, when) for index in range(100_000)]
begin = time.process_time()
plan = make_plan(Layout(entries))
count = sum(len(plan.part(number).segments) for number in range(1, plan.part_count + 1))
print(count, time.process_time() - begin, peak() - before)
"""


def test_a_hundred_thousand_entries_are_planned_in_a_second_and_150_mib() -> None:
    answer = subprocess.run([sys.executable, "-c", _PLAN_100_000], capture_output=True, text=True, check=True)

    count, seconds, kibibytes = answer.stdout.split()
    assert int(count) > 200_000
    assert float(seconds) < 1
    # The peak of the process: kibibytes, on macOS bytes. The entries are part of it.
    assert int(kibibytes) < 150 * 1024 * (1024 if sys.platform == "darwin" else 1)


def test_crc32s_stand_in_both_headers() -> None:
    layout, value = make_layout(3), zlib.crc32(b"abc")

    archive = render(layout, [b"abc"])

    assert struct.unpack_from("<I", archive, 14)[0] == value
    assert struct.unpack_from("<I", archive, layout.directory_offset + 16)[0] == value
