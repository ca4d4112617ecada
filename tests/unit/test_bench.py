"""The bench must not be fooled: an archive that is not the workload's is refused, and figures are what they say."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from bench import content, report, targets
from bench.contestants import NODE, OURS
from bench.counting import CountingRelay
from bench.race import RAW, Race, Run
from bench.results import Section
from bench.verify import NotTheArchive, RemoteFile, check_archive
from bench.workloads import GIB, NAMES, SourceFile, Workload, make_workload

FILES = [SourceFile(f"key-{size}", f"W/{size}.jpg", size) for size in (0, 1, 70_000, 3_000_000)]
WORKLOAD = Workload("W", "a few", FILES)


def archive(contents: dict[str, bytes], method: int = ZIP_STORED) -> io.BufferedReader:
    written = io.BytesIO()
    with ZipFile(written, "w", method) as target:
        for name, data in contents.items():
            target.writestr(name, data)
    whole = written.getvalue()

    def read_at(offset: int, target: memoryview) -> int:
        data = whole[offset : offset + min(len(target), 65_536)]
        target[: len(data)] = data
        return len(data)

    return io.BufferedReader(RemoteFile(len(whole), read_at))


def contents() -> dict[str, bytes]:
    return {file.name: content.content(file.key, file.size) for file in FILES}


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
def test_an_archive_of_the_workload_is_accepted(method: int) -> None:
    check_archive(archive(contents(), method), WORKLOAD)


WRONG: dict[str, dict[str, bytes | None]] = {
    "one missing": {"W/1.jpg": None},
    "one too many": {"W/more.jpg": b""},
    "one cut off": {"W/70000.jpg": content.content("key-70000", 69_999)},
    "one too long": {"W/70000.jpg": content.content("key-70000", 70_000) + b"x"},
    "another's bytes": {"W/70000.jpg": content.content("another key", 70_000)},
    "bytes moved": {"W/3000000.jpg": content.content("key-3000000", 3_000_008)[8:]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_any_other_archive_is_refused(change: dict[str, bytes | None]) -> None:
    held = {name: data for name, data in {**contents(), **change}.items() if data is not None}

    with pytest.raises(NotTheArchive):
        check_archive(archive(held), WORKLOAD)


def test_content_is_the_same_however_it_is_cut() -> None:
    whole = content.content("key", 20_000_003)

    assert b"".join(content.chunks("key", 20_000_003, chunk_size=4_099)) == whole
    assert content.content("key", 1_000) == whole[:1_000]
    assert content.crc32_of("key", 0) == 0


def test_content_moved_by_a_part_is_other_content() -> None:
    whole = content.content("key", 3 * 8 * 1024**2)

    assert whole[: 8 * 1024**2] != whole[8 * 1024**2 : 16 * 1024**2]


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [("W1", 1000, 1000 * 256 * 1024), ("W2", 200, 200 * 5 * 1024**2), ("W3", 10, 10 * 200 * 1024**2)],
)
def test_workloads_are_as_large_as_they_are_called(name: str, count: int, size: int) -> None:
    workload = make_workload(name)

    assert (len(workload.files), workload.size) == (count, size)


def test_the_mixed_workload_has_two_gibibytes_in_files_of_all_sizes() -> None:
    workload = make_workload("W4")
    sizes = [file.size for file in workload.files]

    assert len(sizes) == 500
    assert workload.size == pytest.approx(2 * GIB, rel=0.001)
    assert min(sizes) < 100 * 1024
    assert max(sizes) == 80 * 1024**2


@pytest.mark.parametrize("name", NAMES)
def test_a_workload_scaled_down_is_one_of_its_own(name: str) -> None:
    small, large = make_workload(name, 0.01), make_workload(name)

    assert small.size < large.size / 20
    assert not {file.key for file in small.files} & {file.key for file in large.files}


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers each request of two kinds of framing with ten bytes, and closes nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client, client.makefile("rb") as reader:
            while line := reader.readline():
                size = 0
                while (header := reader.readline()).strip():
                    if header.lower().startswith(b"content-length"):
                        size = int(header.split(b":")[1])
                reader.read(size)
                assert line.endswith(b"HTTP/1.1\r\n")
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789")

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_the_relay_counts_requests_and_the_bytes_of_bodies(echo: str) -> None:
    relay = CountingRelay(echo)
    port = int(relay.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, client.makefile("rb") as reader:
        for request in (b"GET /a HTTP/1.1\r\n\r\n", b"PUT /b HTTP/1.1\r\ncontent-length: 5\r\n\r\n12345"):
            client.sendall(request)
            assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
            assert reader.read(22 + 10).endswith(b"0123456789")
    relay.close()

    assert dict(relay.traffic.requests) == {"GET": 1, "PUT": 1}
    assert relay.traffic.sent == 5
    assert relay.traffic.received == 2 * len(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789")


def run(contestant: str, seconds: float, *, number: int = 1) -> Run:
    return Run(
        workload="W1", contestant=contestant, round=number, seconds=seconds, cpu_s=seconds / 2, peak_bytes=100 * 1024**2
    )


def test_a_target_compares_medians() -> None:
    runs = [run(OURS, seconds, number=number) for number, seconds in enumerate((1.0, 1.2, 9.0), 1)]
    runs += [run(NODE, 3.0), run(RAW, 1.0)]
    section = Section(name="service", workloads={"W1": {"title": "", "files": 1, "size": 1}}, race=Race(runs))

    found = {target.what: target for target in targets.targets({"service": section})}

    against_node = found["whole service, W1: against Node store"]
    assert (against_node.figure, against_node.is_met) == ("2.50×", True)
    against_raw = found["whole service, W1: against the raw limit"]
    assert (against_raw.figure, against_raw.is_met) == ("1.20 × (1.20 s, 1.00 s)", True)
    assert found["worker's CPU, W1: Node store needs"].is_met is False
    assert found["whole service, W2: against Node store"].is_met is None


def test_the_page_has_a_place_for_every_kind_of_figure() -> None:
    text = report.PAGE.read_text()

    for name in ("targets", "service", "free", "delayed", "growth", "fanout", "latency", "micro"):
        assert text.count(f"<!-- bench:{name} -->") == text.count(f"<!-- /bench:{name} -->") == 1
