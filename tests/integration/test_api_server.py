"""The web process as the Procfile starts it: its logs, its metrics over several processes, and its end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.services.postgres import PostgresServer
from tests.services.processes import Process, free_port
from tests.services.wait import wait_until
from tests.web import JOBS, PREFIX, SECRET, make_token

sqlite_only = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

ROOT = Path(__file__).parents[2]


class Web:
    """A gunicorn with our settings, and a client of it."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.pool = urllib3.PoolManager(retries=False, timeout=20, maxsize=20)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.pool.request("GET", self.url + path, headers=headers)

    def lines(self) -> list[dict[str, Any]]:
        """What was logged; every line must be JSON."""
        return [json.loads(line) for line in self.process.output.splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == "request"]


StartWeb = Callable[..., Web]


@pytest.fixture
def start_web(database_url: str, redis_url: str, s3_endpoint: str, bucket: str, tmp_path: Path) -> Iterator[StartWeb]:
    started: list[Process] = []

    def start(**variables: str) -> Web:
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "S3_ENDPOINT_URL": s3_endpoint,
            "BULK_DOWNLOAD_BUCKET": bucket,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "JWT_SECRET_KEY": SECRET,
            **variables,
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        process = Process(command, log_path=tmp_path / f"web-{len(started)}.log", environ=environ, cwd=ROOT)
        started.append(process)
        process.wait_for_port(port)
        web = Web(process, port)
        wait_until(lambda: web.get("/healthz").status == 200, 20, what="the web process answering")
        return web

    yield start
    for process in started:
        process.stop()


@sqlite_only
def test_each_answer_is_one_line_without_tickets_and_tokens(start_web: StartWeb) -> None:
    web = start_web()
    token = make_token()

    answer = web.get(JOBS, Authorization=f"Bearer {token}")
    web.get(f"{PREFIX}/bulk-download/events?ticket=s3cret-ticket")
    web.get(f"/nowhere?jwt={token}")
    web.get("/healthz")

    wait_until(lambda: len(web.requests()) == 3, what="three lines")
    first, second, third = web.requests()
    assert (first["method"], first["path"], first["status"]) == ("GET", JOBS, 200)
    assert first["request_id"] == answer.headers["X-Request-ID"]
    assert first["duration_s"] >= 0
    assert (second["path"], second["status"]) == (f"{PREFIX}/bulk-download/events", 401)
    assert third["status"] == 404
    assert token not in web.process.output
    assert "s3cret-ticket" not in web.process.output


@sqlite_only
def test_nothing_was_imported_before_gevent_had_patched_it(start_web: StartWeb) -> None:
    web = start_web()

    # What gevent finds imported too early it says so as a warning.
    assert [line for line in web.lines() if line["level"] != "info"] == []


@sqlite_only
def test_a_database_that_hangs_is_given_up_and_holds_up_nobody(
    start_web: StartWeb, breakable_postgres_url: str, postgres_server: PostgresServer
) -> None:
    web = start_web(DATABASE_URL=breakable_postgres_url)
    bearer = f"Bearer {make_token()}"
    assert web.get(JOBS, Authorization=bearer).status == 200

    with postgres_server.suspended(), ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        waiting = [pool.submit(web.get, JOBS, Authorization=bearer) for _ in range(4)]
        alive = web.get("/healthz").status
        were_waiting = not any(future.done() for future in waiting)
        refused = {future.result().status for future in waiting}
        refused_after_s = time.monotonic() - began

    assert (alive, were_waiting, refused) == (200, True, {503})
    # Three seconds, and what a machine that does other things adds.
    assert refused_after_s < 9
    assert web.get(JOBS, Authorization=bearer).status == 200


@sqlite_only
def test_several_processes_show_one_sum(start_web: StartWeb) -> None:
    web = start_web(WEB_CONCURRENCY="2")
    for _ in range(30):
        # A connection each, so that both processes get some.
        with urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", f"{web.url}/nowhere").status == 404

    pages = [web.get("/metrics").data.decode() for _ in range(4)]

    assert len({line["event"] for line in web.lines() if "Booting worker" in line["event"]}) == 2
    for page in pages:
        assert 'bulkdl_http_request_seconds_count{endpoint="none",method="GET",status="404"} 30.0' in page
        assert page.count("# TYPE bulkdl_streams_open gauge") == 1
        assert 'bulkdl_jobs{status="pending"} 0.0' in page


@sqlite_only
def test_it_ends_soon_and_says_good_bye_to_streams(start_web: StartWeb) -> None:
    web = start_web()
    stream = web.pool.request(
        "GET",
        f"{web.url}{PREFIX}/bulk-download/events",
        headers={"Authorization": f"Bearer {make_token()}"},
        preload_content=False,
    )
    assert b"bulk-download:snapshot" in stream.read1()
    assert "bulkdl_streams_open 1.0" in web.get("/metrics").data.decode()
    # The connection of that answer stays open, idle.

    web.process.signal(signal.SIGTERM)
    rest = stream.read()

    assert b"bulk-download:bye" in rest
    wait_until(lambda: web.process.returncode is not None, 10, what="the end of the process")
    assert web.process.returncode == 0


SETTINGS = {
    "DATABASE_URL": "sqlite:///nowhere.sqlite3",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "BULK_DOWNLOAD_BUCKET": "archives",
    "JWT_SECRET_KEY": SECRET,
}
PEM = "-----BEGIN PUBLIC KEY-----\\nnonsense\\n-----END PUBLIC KEY-----"
BAD_SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    "missing": ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
    "malformed": ({"BULK_DOWNLOAD_MAX_FILES": "many"}, "BULK_DOWNLOAD_MAX_FILES is 'many'"),
    "a port that is none": ({"PORT": "http"}, "PORT is 'http'"),
    "a key that is none": ({"JWT_ALGORITHM": "RS256", "JWT_PUBLIC_KEY": PEM}, "JWT_PUBLIC_KEY is malformed"),
}


@pytest.mark.parametrize(("change", "message"), BAD_SETTINGS.values(), ids=BAD_SETTINGS.keys())
def test_a_bad_setting_stops_the_start_with_a_line_that_names_it(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    environ = {"PATH": os.environ["PATH"], "PORT": str(free_port()), **SETTINGS, **change}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    process = Process(command, log_path=tmp_path / "web.log", environ=environ, cwd=ROOT)
    try:
        wait_until(lambda: process.returncode is not None, 30, what="the end of the process")
    finally:
        process.stop()

    assert process.returncode != 0
    assert process.output.count(message) == 1
    assert "Traceback" not in process.output
