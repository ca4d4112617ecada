"""Fetching an archive over lines that break, from servers that differ."""

from __future__ import annotations

import contextlib
import random
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bulkdl.cli.exits import CommandError, Unreachable
from bulkdl.cli.fetch import fetch

BODY = random.Random(1).randbytes(3_000_000)


class Server:
    """Serves BODY at every path; what it does wrong is set by a test."""

    def __init__(self) -> None:
        self.breaks_after: int | None = None
        self.knows_ranges = True
        self.refuses: dict[str, int] = {}
        self.length = len(BODY)
        self.asked: list[tuple[str, int]] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        first = int(re.fullmatch(r"bytes=(\d+)-", request.headers["Range"])[1])  # type: ignore[index]
        self.asked.append((request.path, first))
        if status := self.refuses.get(request.path):
            request.send_response(status)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        first = first if self.knows_ranges else 0
        request.send_response(206 if self.knows_ranges else 200)
        request.send_header("Content-Length", str(self.length - first))
        if self.knows_ranges:
            request.send_header("Content-Range", f"bytes {first}-{self.length - 1}/{self.length}")
        request.end_headers()
        last = self.length if self.breaks_after is None else first + self.breaks_after
        with contextlib.suppress(ConnectionError):  # of a client that did not like our headers
            request.wfile.write(BODY[first:last])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield server
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "all.zip"


def fetch_from(server: Server, target: Path, *paths: str) -> list[int]:
    """Fetch, each address of `paths` once and the last for ever; return what progress was told."""
    told: list[int] = []
    addresses = iter(paths or ("/archive",))
    last = [""]

    def make_url() -> str:
        last[0] = next(addresses, last[0])
        return f"{server.url}{last[0]}"  # type: ignore[attr-defined]

    fetch(make_url, target, size=len(BODY), mark="job1", on_progress=told.append, sleep=lambda seconds: None)
    return told


def test_archive_appears_whole(server: Server, target: Path) -> None:
    told = fetch_from(server, target)

    assert target.read_bytes() == BODY
    assert told == sorted(told)
    assert told[-1] == len(BODY)
    assert list(target.parent.iterdir()) == [target]


def test_broken_connection_is_resumed_where_it_broke(server: Server, target: Path) -> None:
    server.breaks_after = 1_000_000

    fetch_from(server, target)

    assert target.read_bytes() == BODY
    assert [first for _, first in server.asked] == [0, 1_000_000, 2_000_000]


def test_server_without_ranges_is_read_from_the_beginning(server: Server, target: Path) -> None:
    target.with_name("all.zip.job1.part").write_bytes(BODY[:500_000])
    server.knows_ranges = False

    fetch_from(server, target)

    assert target.read_bytes() == BODY


def test_expired_address_is_asked_for_again(server: Server, target: Path) -> None:
    server.refuses = {"/old": 403}

    fetch_from(server, target, "/old", "/new")

    assert target.read_bytes() == BODY
    assert [path for path, _ in server.asked] == ["/old", "/new"]


def test_giving_up_keeps_what_arrived_for_the_next_time(server: Server, target: Path) -> None:
    server.breaks_after = 0
    target.with_name("all.zip.job1.part").write_bytes(BODY[:1_200_000])
    with pytest.raises(Unreachable, match="1200000 bytes are in"):
        fetch_from(server, target)
    assert not target.exists()
    assert len(server.asked) == 6

    server.breaks_after = None
    server.asked.clear()
    fetch_from(server, target)

    assert target.read_bytes() == BODY
    assert server.asked == [("/archive", 1_200_000)]


def test_piece_of_another_job_is_not_taken_up(server: Server, target: Path) -> None:
    target.with_name("all.zip.job2.part").write_bytes(b"x" * 1_000_000)

    fetch_from(server, target)

    assert target.read_bytes() == BODY


def test_object_of_another_size_is_never_taken_for_the_archive(server: Server, target: Path) -> None:
    server.length = len(BODY) - 1

    with pytest.raises((Unreachable, CommandError)):
        fetch_from(server, target)

    assert not target.exists()
