"""Streams as a client sees them: a real gunicorn process, with greenlets and with threads, on a real Redis."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from bulkdl.events import types
from bulkdl.events.scripts import events_channel
from bulkdl.events.types import Event
from bulkdl.events.wire import encode_event
from tests.integration.streams_app import jobs_key
from tests.services.redis import RedisServer
from tests.services.streams import PREFIX, EventStream, Socket, StreamServer
from tests.services.wait import wait_until

StartServer = Callable[..., StreamServer]
EVENTS = f"{PREFIX}/bulk-download/events"


@pytest.fixture(scope="module", params=["gevent", "gthread"])
def server(request: pytest.FixtureRequest, redis_server_url: str, tmp_path_factory: Any) -> Iterator[StreamServer]:
    """One process for all tests that do not break it, its heartbeat quick."""
    folder = tmp_path_factory.mktemp("streams")
    server = StreamServer(redis_server_url, folder, worker_class=request.param, STREAMS_HEARTBEAT_S="0.5")
    yield server
    server.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    started = []

    def start(redis_url: str, **options: str) -> StreamServer:
        server = StreamServer(redis_url, tmp_path, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(autouse=True)
def _close_streams(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").close_streams()


class OpenStream:
    """Opens a stream of one kind. Each speaks in its own way; `said` reads both alike."""

    def __init__(self, kind: str) -> None:
        self.is_sse = kind == "events"

    def __call__(self, server: StreamServer, **options: Any) -> EventStream | Socket:
        return server.events(**options) if self.is_sse else server.websocket(**options)


@pytest.fixture(params=["events", "websocket"])
def open_stream(request: pytest.FixtureRequest) -> OpenStream:
    return OpenStream(request.param)


def said(stream: EventStream | Socket, name: str | None = None) -> tuple[str, dict[str, Any]]:
    event = stream.next(name)
    return event["event"].removeprefix("bulk-download:"), event["data"]


def write_jobs(client: redis.Redis, *jobs: dict[str, Any], user_id: str = "user") -> list[dict[str, Any]]:
    client.set(jobs_key(user_id), json.dumps(jobs))
    return list(jobs)


def make_job(job_id: str = "job", status: str = "processing", seq: int = 10) -> dict[str, Any]:
    return {"jobId": job_id, "status": status, "seq": seq}


def announce(client: redis.Redis, name: str, seq: int, *, job_id: str = "job", **data: Any) -> None:
    client.publish(
        events_channel(client, "bulkdl", "user"),
        encode_event(Event(name, "user", job_id, seq, {"jobId": job_id, "seq": seq, **data})),
    )


# --- what a stream says ---------------------------------------------------------------


def test_a_stream_begins_with_a_snapshot_and_tells_what_happens_then(
    server: StreamServer, open_stream: OpenStream, redis_client: redis.Redis
) -> None:
    jobs = write_jobs(redis_client, make_job(seq=10))
    stream = open_stream(server)

    assert said(stream) == ("snapshot", {"jobs": jobs, "heartbeatSeconds": 0.5})
    announce(redis_client, types.PROGRESS, 11, percent=50)
    assert said(stream, "progress")[1] == {"jobId": "job", "seq": 11, "percent": 50}
    announce(redis_client, types.COMPLETE, 12, downloadUrl="https://bucket/ü")
    assert said(stream, "complete")[1]["downloadUrl"] == "https://bucket/ü"


def test_an_event_stream_has_the_headers_and_fields_that_browsers_and_proxies_need(
    server: StreamServer, redis_client: redis.Redis
) -> None:
    write_jobs(redis_client, make_job(seq=10))

    stream = server.events(headers={"Accept-Encoding": "gzip"})

    assert stream.response.status == 200
    headers = {name.lower(): value for name, value in stream.response.getheaders()}
    assert headers["content-type"].split(";")[0] == "text/event-stream"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in headers
    first = stream.next()
    assert (first["retry"], first["id"]) == ("2000", "10")
    announce(redis_client, types.PROGRESS, 11)
    assert stream.next("progress")["id"] == "11"


def test_silence_is_filled_with_heartbeats_that_a_page_can_see(server: StreamServer, open_stream: OpenStream) -> None:
    stream = open_stream(server)
    said(stream)
    started = time.monotonic()

    assert [said(stream) for _ in range(3)] == [("heartbeat", {})] * 3

    assert 1.4 < time.monotonic() - started < 5


def test_an_end_that_was_never_published_is_told_all_the_same(
    server: StreamServer, open_stream: OpenStream, redis_client: redis.Redis
) -> None:
    write_jobs(redis_client, make_job())
    stream = open_stream(server)
    said(stream)

    write_jobs(redis_client, make_job(status="complete", seq=11))

    assert said(stream, "snapshot")[1]["jobs"] == [make_job(status="complete", seq=11)]


def test_a_stream_ends_with_its_token(server: StreamServer, open_stream: OpenStream) -> None:
    stream = open_stream(server, token="user:1.2")

    assert said(stream, "bye")[1]["reason"] == "token_expired"
    _assert_ended(stream, code=1001)


def test_the_stream_of_one_job_tells_only_that_and_ends_with_it(
    server: StreamServer, redis_client: redis.Redis
) -> None:
    write_jobs(redis_client, make_job("mine"), make_job("other"))
    stream, web_socket = server.events("/bulk-download/jobs/mine/events"), server.websocket("?jobId=mine")
    assert [job["jobId"] for job in said(stream)[1]["jobs"]] == ["mine"]
    assert [job["jobId"] for job in said(web_socket)[1]["jobs"]] == ["mine"]

    announce(redis_client, types.COMPLETE, 20, job_id="other")
    announce(redis_client, types.FAILED, 21, job_id="mine", error="no")

    for one in (stream, web_socket):
        while (event := said(one))[0] == "heartbeat":
            pass
        assert event[0] == "failed"
        _assert_ended(one, code=1000)


def test_a_reader_that_knows_the_end_is_told_not_to_come_back(server: StreamServer, redis_client: redis.Redis) -> None:
    write_jobs(redis_client, make_job(status="complete", seq=33))
    path = f"{PREFIX}/bulk-download/jobs/job/events"

    unknowing, body = server.request("GET", path, headers={"Last-Event-ID": "32"})
    knowing, nothing = server.request("GET", path, headers={"Last-Event-ID": "33"})

    assert (unknowing.status, knowing.status, nothing) == (200, 204, b"")
    assert b"bulk-download:snapshot" in body


# --- who may listen -------------------------------------------------------------------


def test_nobody_listens_without_a_token(server: StreamServer) -> None:
    for path in (EVENTS, f"{PREFIX}/bulk-download/jobs/job/events"):
        response, body = server.request("GET", path, token=None)
        assert response.status == 401
        assert json.loads(body)["code"] == "token_missing"
    assert server.request("POST", f"{PREFIX}/stream-tickets", token=None)[0].status == 401
    assert _refusal(server, token=None) == 401


def test_a_ticket_opens_one_stream(server: StreamServer, open_stream: OpenStream, redis_client: redis.Redis) -> None:
    jobs = write_jobs(redis_client, make_job(), user_id="ticketed")
    ticket = server.ticket("ticketed")
    query = f"?ticket={ticket}"
    options = {"path": f"/bulk-download/events{query}"} if open_stream.is_sse else {"query": query}

    stream = open_stream(server, token=None, **options)

    assert said(stream)[1]["jobs"] == jobs
    response, body = server.request("GET", EVENTS + query, token=None)
    assert (response.status, json.loads(body)["code"]) == (401, "ticket_invalid")
    assert _refusal(server, query, token=None) == 401


def test_a_stream_by_ticket_ends_with_the_token_the_ticket_was_got_with(server: StreamServer) -> None:
    ticket = server.ticket("user:1.5")

    stream = server.events(f"/bulk-download/events?ticket={ticket}", token=None)

    assert stream.next("bye")["data"]["reason"] == "token_expired"


def test_tickets_are_not_logged(server: StreamServer) -> None:
    ticket = server.ticket()
    stream = server.events(f"/bulk-download/events?ticket={ticket}", token=None)
    stream.next()
    stream.close()
    assert server.request("GET", f"{EVENTS}?ticket={ticket}", token=None)[0].status == 401
    assert _refusal(server, f"?ticket={ticket}", token=None) == 401

    wait_until(lambda: server.process.output.count(EVENTS) >= 2, what="the access log")
    assert ticket not in server.process.output


@pytest.mark.parametrize("job_id", ["theirs", "unknown", "x" * 65, "%00", "a%0Ab"])
def test_a_job_of_somebody_else_is_not_there(server: StreamServer, redis_client: redis.Redis, job_id: str) -> None:
    write_jobs(redis_client, make_job("theirs"), user_id="other")

    response, body = server.request("GET", f"{PREFIX}/bulk-download/jobs/{job_id}/events")

    assert (response.status, json.loads(body)["code"]) == (404, "job_not_found")
    assert _refusal(server, f"?jobId={job_id}") == 404
    wait_until(lambda: server.count() == 0, what="nothing being left open")


def test_one_stream_too_many_is_refused_and_a_closed_one_makes_room(
    redis_url: str, start_server: StartServer, open_stream: OpenStream
) -> None:
    server = start_server(redis_url, STREAMS_PER_USER="2")
    streams = [open_stream(server) for _ in range(2)]
    for stream in streams:
        said(stream)

    response, body = server.request("GET", EVENTS)
    assert (response.status, json.loads(body)["code"]) == (503, "too_many_streams")
    assert int(response.headers["Retry-After"]) > 0
    assert _refusal(server) == 503
    streams[0].close()

    said(open_stream(server))


# --- coming and going -----------------------------------------------------------------


def test_a_reader_that_leaves_is_forgotten(server: StreamServer, open_stream: OpenStream) -> None:
    wait_until(lambda: server.count() == 0, what="earlier streams being forgotten")
    streams = [open_stream(server) for _ in range(5)]
    for stream in streams:
        said(stream)
    assert server.count() == 5

    for stream in streams:
        stream.close()

    wait_until(lambda: server.count() == 0, what="the streams being forgotten")


def test_asking_for_the_headers_alone_leaves_nothing_open(server: StreamServer) -> None:
    response, body = server.request("HEAD", EVENTS)

    assert (response.status, body) == (200, b"")
    wait_until(lambda: server.count() == 0, what="nothing being left open")


def test_good_bye_is_said_before_the_process_ends(
    redis_url: str, start_server: StartServer, open_stream: OpenStream
) -> None:
    for worker_class in ("gevent", "gthread"):
        server = start_server(redis_url, worker_class=worker_class)
        stream = open_stream(server)
        said(stream)
        started = time.monotonic()

        server.process.signal(signal.SIGTERM)

        name, data = said(stream)
        assert (name, data["reason"]) == ("bye", "shutdown")
        _assert_ended(stream, code=1001)
        wait_until(lambda server=server: server.process.returncode is not None, what="the process ending")
        assert time.monotonic() - started < 10
        assert "Traceback" not in server.process.output


def test_redis_away_refuses_new_streams_and_keeps_the_old_ones(
    redis_server: RedisServer, start_server: StartServer, open_stream: OpenStream
) -> None:
    with redis.Redis.from_url(redis_server.url, socket_timeout=2) as client:
        server = start_server(redis_server.url, STREAMS_HEARTBEAT_S="0.5")
        write_jobs(client, make_job())
        stream = open_stream(server)
        said(stream)

        redis_server.stop()
        response = wait_until(lambda: _unavailable(server), what="a refusal")
        assert int(response.headers["Retry-After"]) > 0
        assert server.request("POST", f"{PREFIX}/stream-tickets")[0].status == 503
        assert _refusal(server) == 503
        assert said(stream)[0] == "heartbeat"
        redis_server.start()
        write_jobs(client, make_job(status="complete", seq=11))

        assert said(stream, "snapshot")[1]["jobs"] == [make_job(status="complete", seq=11)]
        wait_until(lambda: _unavailable(server) is None, what="streams being let in again")


def test_a_frozen_reader_holds_up_nobody_and_wakes_to_the_latest(
    redis_url: str, redis_client: redis.Redis, start_server: StartServer, open_stream: OpenStream
) -> None:
    server = start_server(redis_url)
    write_jobs(redis_client, make_job())
    frozen, brisk = open_stream(server), open_stream(server)
    said(frozen)
    said(brisk)
    padding = "x" * 1000

    for number in range(11, 2_011):
        announce(redis_client, types.PROGRESS, number, padding=padding)
        if number % 100 == 0:
            while said(brisk)[1]["seq"] < number:
                pass
    write_jobs(redis_client, make_job(status="complete", seq=6_000))
    announce(redis_client, types.COMPLETE, 6_000)

    assert said(brisk, "complete")[1]["seq"] == 6_000
    seen = [said(frozen)]
    while not _tells_the_end(*seen[-1]):
        seen.append(said(frozen))
    # What fits into the kernel's buffers was sent; the rest was merged.
    assert len(seen) < 1_000


def _tells_the_end(name: str, data: dict[str, Any]) -> bool:
    return name == "complete" or any(job["status"] == "complete" for job in data.get("jobs", []))


# --- the WebSocket's own --------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://app.example.com", True),
        ("http://127.0.0.1:{port}", True),
        ("https://evil.example", False),
        ("https://app.example.com.evil.example", False),
        ("https://app.example.com:444", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1:{port}.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_web_socket_is_opened_only_from_listed_pages(server: StreamServer, origin: str, is_allowed: bool) -> None:
    origin = origin.format(port=server.port)

    if is_allowed:
        web_socket = server.websocket(origin=origin)
        assert said(web_socket)[0] == "snapshot"
    else:
        headers = {**_handshake(), "Origin": origin, "Authorization": "Bearer user"}
        assert server.request("GET", f"{PREFIX}/bulk-download/ws", headers=headers)[0].status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-WebSocket-Version": "12"}, 426),
        ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
        ({"Sec-WebSocket-Key": "?"}, 400),
        ({"Upgrade": "h2c"}, 400),
    ],
)
def test_what_is_no_handshake_is_not_upgraded(server: StreamServer, headers: dict[str, str], status: int) -> None:
    response, _ = server.request("GET", f"{PREFIX}/bulk-download/ws", headers={**_handshake(), **headers})

    assert response.status == status
    wait_until(lambda: server.count() == 0, what="nothing being left open")


def test_a_web_socket_is_not_compressed(server: StreamServer) -> None:
    web_socket = server.websocket(headers={"Sec-WebSocket-Extensions": "permessage-deflate"})

    assert "sec-websocket-extensions" not in web_socket.inner.getheaders()


def test_a_message_too_large_ends_the_web_socket(server: StreamServer) -> None:
    web_socket = server.websocket()
    said(web_socket)

    web_socket.inner.send("x" * 5_000)

    assert web_socket.read_close_code() == 1009


def test_a_flood_of_messages_ends_the_web_socket(server: StreamServer) -> None:
    web_socket = server.websocket()
    said(web_socket)

    for _ in range(50):
        web_socket.inner.send("x" * 1_000)

    assert web_socket.read_close_code() == 1008


def test_what_a_client_says_is_ignored(server: StreamServer, redis_client: redis.Redis) -> None:
    web_socket = server.websocket()
    said(web_socket)
    web_socket.inner.send("hello")
    web_socket.inner.send_binary(b"\xff")
    web_socket.inner.ping("are you there")

    announce(redis_client, types.COMPLETE, 11)

    assert said(web_socket, "complete")[0] == "complete"


def test_a_client_that_answers_no_ping_is_given_up(server: StreamServer) -> None:
    server.websocket()
    # Read nothing, so that nothing is answered; the connection itself is fine.
    wait_until(lambda: server.count() == 0, 10, what="the silent client being given up")


def test_large_messages_to_a_slow_reader_arrive_whole(server: StreamServer, redis_client: redis.Redis) -> None:
    url_options = {"sockopt": [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]}
    web_socket = server.websocket(**url_options)
    said(web_socket)
    sizes = [500_000, 700_000, 900_000]

    for number, size in enumerate(sizes):
        announce(redis_client, types.COMPLETE, number + 20, job_id=f"job-{number}", padding="x" * size)

    assert [len(said(web_socket, "complete")[1]["padding"]) for _ in sizes] == sizes


def _handshake() -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }


def _refusal(server: StreamServer, query: str = "", *, token: str | None = "user") -> int:
    path = f"{PREFIX}/bulk-download/ws{query}"
    return server.request("GET", path, token=token, headers=_handshake())[0].status


def _unavailable(server: StreamServer) -> Any:
    stream = server.events()
    stream.close()
    return stream.response if stream.response.status == 503 else None


def _assert_ended(stream: EventStream | Socket, *, code: int) -> None:
    if isinstance(stream, Socket):
        assert stream.read_close_code() == code
    else:
        assert list(stream) == []
