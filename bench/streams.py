"""Live events at scale: `python -m bench.streams [--sse 10000] [--ws 5000] [--events 2000] [--seconds 30]`.

One gunicorn process with gevent serves the real application on loopback; every listener is another person with
a job of their own. The delay of an event is counted from Redis' clock in the script that publishes it to the
listener's `recv`. Redis, database and web process are the bench's own, and end with it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import secrets
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis
from rich import box
from rich.console import Console
from rich.table import Table
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from bench.children import Child, python_program
from bench.listeners import make_token, request_head, user_id
from bench.setup import Workbench, own_environ
from bulkdl.database import Base, Database
from bulkdl.events import types
from bulkdl.events.progress import ProgressStore, ProgressUpdate
from bulkdl.events.publisher import Publisher
from bulkdl.events.types import Event
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import FolderLayout, JobStatus, OnMissing
from bulkdl.jobs.store.clock import utc_now
from bulkdl.local.processes import free_port, is_listening

KIB, MIB = 1024, 1024**2
PREFIX = "/media-collab"
_WARM_UP_STREAMS = 20
_TICK_S = 0.01
_FROZEN_USER = "frozen"
_FROZEN_STREAMS = 50
_FROZEN_JOBS = 5
_FROZEN_EVENTS = 10_000


@dataclass(slots=True)
class Figures:
    """What one kind of stream was measured to do."""

    kind: str
    streams: int
    opened_per_s: float = 0.0
    base_bytes: int = 0
    open_bytes: int = 0
    loaded_bytes: int = 0
    published_per_s: float = 0.0
    delay: dict[str, float] = field(default_factory=dict)
    cpu_share: float = 0.0
    get_ms: dict[str, list[float]] = field(default_factory=dict)
    ended: int = 0
    end_s: float = 0.0
    frozen_s: float = 0.0
    frozen_bytes: float = 0.0
    frozen_kernel_bytes: float = 0.0
    frozen_correct: int = 0
    lost: int = 0

    @property
    def bytes_per_stream(self) -> float:
        """Resident memory that one stream adds, measured with all of them under load."""
        return (self.loaded_bytes - self.base_bytes) / self.streams


class Site:
    """Redis, a database with a job for everybody, and one web process."""

    def __init__(self, bench: Workbench, streams: int) -> None:
        self._stack = contextlib.ExitStack()
        server, self.redis_url = bench.start_redis()
        self._stack.callback(server.stop)
        self.client = redis.Redis.from_url(self.redis_url)
        self._stack.callback(self.client.close)
        self.secret = secrets.token_urlsafe(32)
        self.port = free_port()
        database_url = f"sqlite:///{bench.file('bench.sqlite3')}"
        users = [user_id(number) for number in range(streams)]
        _write_jobs(database_url, {user: [job_of(user)] for user in users})
        _write_jobs(database_url, {_FROZEN_USER: [f"frozen-{number}" for number in range(_FROZEN_JOBS)]})
        environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis_url,
            "BULK_DOWNLOAD_BUCKET": "bench",
            "S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "JWT_SECRET_KEY": self.secret,
            "BULKDL_BIND": f"127.0.0.1:{self.port}",
            "BULKDL_MAX_STREAMS_PER_USER": str(_FROZEN_STREAMS + 1),
            "BULKDL_RATE_LIMIT": "1000000 per minute",
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        command = python_program("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
        self.web = bench.child(command, "web", environ)
        self._stack.callback(self.web.stop)
        _wait_until(lambda: self._answers() or self.web.has_ended, 60)
        if self.web.has_ended:
            raise self.web.failed("ended")
        [self.worker] = psutil.Process(self.web.pid).children()

    def _answers(self) -> bool:
        if not is_listening(self.port):
            return False
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=30) as response:
            return bool(response.status == 200)

    @property
    def resident_bytes(self) -> int:
        """Of the web process."""
        return int(self.worker.memory_info().rss)

    @property
    def cpu_s(self) -> float:
        """User and system time of the web process."""
        times = self.worker.cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """End everything."""
        self._stack.close()


def measure(kind: str, streams: int, rate: int, seconds: float, say: Callable[[str], None]) -> Figures:
    """Open so many streams of a kind, put them under load, freeze some, end everybody's job."""
    bench = Workbench(own_environ())
    site = Site(bench, streams)
    figures = Figures(kind, streams)
    try:
        say(f"{kind}: opening {streams} streams")
        with _listeners(bench, site, kind, _WARM_UP_STREAMS):
            pass
        _wait_until(lambda: site.client.pubsub_channels("bulkdl:events:*") == [], 30)
        figures.base_bytes = site.resident_bytes
        started = time.monotonic()
        with _listeners(bench, site, kind, streams) as listeners:
            figures.opened_per_s = streams / (time.monotonic() - started)
            figures.open_bytes = site.resident_bytes
            say(f"{kind}: {rate} events a second for {seconds:g} s")
            _load(site, listeners, figures, rate, seconds)
            say(f"{kind}: {_FROZEN_STREAMS} frozen clients while {_FROZEN_EVENTS} events pass")
            _freeze(site, kind, figures)
            _end(site, listeners, figures)
    finally:
        site.close()
    return figures


@contextlib.contextmanager
def _listeners(bench: Workbench, site: Site, kind: str, count: int) -> Iterator[Child]:
    command = python_program("bench.listeners", kind, str(site.port), str(count), site.secret, PREFIX)
    child = bench.child(command, f"listeners-{kind}")
    try:
        begun = child.hear("ready", 480)
        if begun["lost"]:
            raise child.failed(f"lost {begun['lost']} of {count} streams while opening")
        yield child
    finally:
        child.stop()


def _load(site: Site, listeners: Child, figures: Figures, rate: int, seconds: float) -> None:
    users = [user_id(number) for number in range(figures.streams)]
    publish(site.client, users, rate, 3.0)
    _ask(listeners, "measure")
    stop = threading.Event()
    visitor = threading.Thread(target=_visit, args=(site, figures.get_ms, stop))
    visitor.start()
    cpu_s, started = site.cpu_s, time.monotonic()
    published = publish(site.client, users, rate, seconds)
    elapsed = time.monotonic() - started
    stop.set()
    visitor.join(30)
    time.sleep(1)  # the last events are on their way
    figures.cpu_share = (site.cpu_s - cpu_s) / elapsed
    figures.published_per_s = published / elapsed
    figures.loaded_bytes = site.resident_bytes
    report = _ask(listeners, "report")
    figures.lost = int(report.pop("lost"))
    figures.delay = {**report, "published": published}


def publish(client: redis.Redis, users: list[str], rate: int, seconds: float) -> int:
    """Note progress of everybody's job in turn, so many a second, by the workers' own script; how many were."""
    published = 0
    began = time.monotonic()
    with client.pipeline(transaction=False) as pipeline:
        store = ProgressStore(pipeline)
        while (elapsed := time.monotonic() - began) < seconds:
            for number in range(published, int(elapsed * rate)):
                user = users[number % len(users)]
                store.write(_update(user, job_of(user), 1 + number // len(users)))
            published = max(published, int(elapsed * rate))
            pipeline.execute()
            time.sleep(_TICK_S)
    return published


def _update(user: str, job_id: str, step: int) -> ProgressUpdate:
    size = min(step, 990) * MIB
    return ProgressUpdate(
        job_id=job_id, user_id=user, range_number=0, files=step, size=size, total=1_000, bytes_total=1_000 * MIB
    )


def _visit(site: Site, get_ms: dict[str, list[float]], stop: threading.Event) -> None:
    """Somebody else, asking for plain things meanwhile."""
    headers = {"Authorization": f"Bearer {make_token(user_id(0), site.secret)}"}
    paths = ("/healthz", f"{PREFIX}/bulk-download/jobs/{job_of(user_id(0))}")
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    while not stop.is_set():
        for path in paths:
            started = time.monotonic()
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 200, (path, response.status)
            get_ms.setdefault(path, []).append((time.monotonic() - started) * 1000)
        stop.wait(0.05)
    connection.close()


def _freeze(site: Site, kind: str, figures: Figures) -> None:
    """Open streams of one person, read nothing while events pass, then wake up and compare with the record."""
    token = make_token(_FROZEN_USER, site.secret)
    clients = []
    for _ in range(_FROZEN_STREAMS):
        sock = socket.create_connection(("127.0.0.1", site.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        sock.sendall(request_head(kind, site.port, token, PREFIX))
        clients.append(sock)
    _wait_until(lambda: all(_readable(sock) for sock in clients), 60)
    frozen_at = time.monotonic()
    before = site.resident_bytes
    jobs = [f"frozen-{number}" for number in range(_FROZEN_JOBS)]
    _flood(site.client, jobs, 60.0)
    time.sleep(1)
    figures.frozen_bytes = (site.resident_bytes - before) / _FROZEN_STREAMS
    held = _kernel_bytes(site.port)
    figures.frozen_kernel_bytes = sum(held.get(sock.getsockname()[1], 0) for sock in clients) / len(clients)
    latest = {job: ProgressStore(site.client).read(job) for job in jobs}
    wanted = {job: progress.seq for job, progress in latest.items() if progress is not None}
    figures.frozen_s = time.monotonic() - frozen_at
    with ThreadPoolExecutor(len(clients)) as pool:
        figures.frozen_correct = sum(pool.map(lambda sock: _wakes_right(kind, sock, wanted), clients))
    for sock in clients:
        sock.close()


def _flood(client: redis.Redis, jobs: list[str], seconds: float) -> None:
    began = time.monotonic()
    with client.pipeline(transaction=False) as pipeline:
        store = ProgressStore(pipeline)
        for number in range(_FROZEN_EVENTS):
            update = _update(_FROZEN_USER, jobs[number % len(jobs)], 1 + number // len(jobs))
            store.write(
                ProgressUpdate(**{name: getattr(update, name) for name in update.__slots__} | {"is_forced": True})
            )
            if number % 10 == 9:
                pipeline.execute()
                time.sleep(max(0.0, began + seconds * number / _FROZEN_EVENTS - time.monotonic()))


def _end(site: Site, listeners: Child, figures: Figures) -> None:
    """End everybody's job, and count who hears of it."""
    began = time.monotonic()
    with site.client.pipeline(transaction=False) as pipeline:
        publisher = Publisher(pipeline)
        for number in range(figures.streams):
            user = user_id(number)
            seq = int(time.time() * 1000)
            data = {"jobId": job_of(user), "seq": seq, "status": "complete", "percent": 100}
            publisher.announce(Event(types.COMPLETE, user, job_of(user), seq, data))
            if number % 100 == 99:
                pipeline.execute()
        pipeline.execute()
    deadline = time.monotonic() + 30
    while figures.ended < figures.streams and time.monotonic() < deadline:
        report = _ask(listeners, "ended")
        figures.ended, figures.lost = int(report["count"]), int(report["lost"])
        time.sleep(0.1)
    figures.end_s = time.monotonic() - began


def job_of(user: str) -> str:
    """The job of a listener."""
    return f"job-{user}"


def _ask(listeners: Child, command: str) -> dict[str, float]:
    listeners.say(command)
    answer = listeners.hear(command, 60)
    return {name: float(value) for name, value in answer.items()}  # type: ignore[arg-type]  # all are numbers


def _write_jobs(database_url: str, jobs: dict[str, list[str]]) -> None:
    database = Database(database_url)
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        session.add_all(_job(user, job_id) for user, ids in jobs.items() for job_id in ids)
        session.commit()
    database.close()


def _job(user: str, job_id: str) -> BulkDownloadJob:
    return BulkDownloadJob(
        id=job_id,
        user_id=user,
        project_id="bench",
        status=JobStatus.PROCESSING,
        archive_name="bench.zip",
        on_missing=OnMissing.SKIP,
        layout=FolderLayout.RELATIVE,
        request_hash="",
        total=1_000,
        bytes_total=1_000 * MIB,
        archive_bucket="bench",
        archive_key=f"{job_id}.zip",
        created_at=utc_now(),
        started_at=utc_now(),
    )


# --- frozen clients -------------------------------------------------------------------


def _readable(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def _kernel_bytes(port: int) -> dict[int, int]:
    """What the kernel holds for each client of this port, by the client's port (proc(5), /proc/net/tcp)."""
    held = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if int(local.split(":")[1], 16) == port:
            held[int(remote.split(":")[1], 16)] = int(queues.split(":")[0], 16)
    return held


def _wakes_right(kind: str, sock: socket.socket, wanted: dict[str, int]) -> bool:
    """Whether the client, reading on, comes to know the latest of every job."""
    sock.settimeout(30)
    received = bytearray()
    known: dict[str, int] = {}
    while any(known.get(job, 0) < seq for job, seq in wanted.items()):
        try:
            data = sock.recv(65_536)
        except OSError:
            return False
        if not data:
            return False
        received += data
        known = _read_seqs(kind, bytes(received))
    return known == wanted


def _read_seqs(kind: str, received: bytes) -> dict[str, int]:
    body = received.partition(b"\r\n\r\n")[2]
    seqs: dict[str, int] = {}
    for content in _sse_data(body) if kind == "sse" else _ws_data(body):
        for job in content.get("jobs", [content] if "jobId" in content else []):
            seqs[job["jobId"]] = max(seqs.get(job["jobId"], 0), job["seq"])
    return seqs


def _sse_data(body: bytes) -> Iterator[dict[str, Any]]:
    """The data of whole events out of a chunked body (RFC 9112 §7.1)."""
    text = b""
    while body:
        size, found, rest = body.partition(b"\r\n")
        if not found or len(rest) < int(size, 16):
            break
        text += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    for event in text.split(b"\n\n")[:-1]:
        yield from (json.loads(line[6:]) for line in event.split(b"\n") if line.startswith(b"data: "))


def _ws_data(body: bytes) -> Iterator[dict[str, Any]]:
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(body)
    text = ""
    for event in connection.events():
        if isinstance(event, TextMessage):
            text += event.data
            if event.message_finished:
                yield json.loads(text)["data"]
                text = ""


# --- the table ------------------------------------------------------------------------


def show(all_figures: list[Figures]) -> None:
    """Print what was measured."""
    table = Table(title="Live events, one gevent web process", box=box.SIMPLE_HEAD)
    table.add_column("")
    for figures in all_figures:
        table.add_column(f"{figures.streams} {'SSE' if figures.kind == 'sse' else 'WebSocket'}", justify="right")
    for title, render in _ROWS.items():
        table.add_row(title, *[render(figures) for figures in all_figures])
    Console().print(table)


_ROWS: dict[str, Callable[[Figures], str]] = {
    "opened a second": lambda it: f"{it.opened_per_s:.0f}",
    "memory before (MiB)": lambda it: f"{it.base_bytes / MIB:.0f}",
    "memory, all open (MiB)": lambda it: f"{it.open_bytes / MIB:.0f}",
    "memory, under load (MiB)": lambda it: f"{it.loaded_bytes / MIB:.0f}",
    "KiB per stream": lambda it: f"{it.bytes_per_stream / KIB:.1f}",
    "events published a second": lambda it: f"{it.published_per_s:.0f}",
    "events published · received": lambda it: f"{it.delay['published']:.0f} · {it.delay['count']:.0f}",
    "delay p50 · p99 · max (ms)": lambda it: " · ".join(f"{it.delay[name]:.0f}" for name in ("p50", "p99", "max")),
    "CPU of the web process": lambda it: f"{it.cpu_share:.0%}",
    "GET /healthz p50 · p99 (ms)": lambda it: _percentiles(it, "/healthz"),
    "GET a job p50 · p99 (ms)": lambda it: _percentiles(it, "/jobs/"),
    "ends heard": lambda it: f"{it.ended} of {it.streams} in {it.end_s:.1f} s",
    "connections lost": lambda it: str(it.lost),
    "frozen for (s)": lambda it: f"{it.frozen_s:.0f}",
    "frozen client, process (KiB)": lambda it: f"{it.frozen_bytes / KIB:.1f}",
    "frozen client, kernel (KiB)": lambda it: f"{it.frozen_kernel_bytes / KIB:.1f}",
    "frozen clients right on waking": lambda it: f"{it.frozen_correct} of {_FROZEN_STREAMS}",
}


def _percentiles(figures: Figures, part: str) -> str:
    values = sorted(value for path, some in figures.get_ms.items() if part in path for value in some)
    return f"{values[len(values) // 2]:.1f} · {values[int(len(values) * 0.99)]:.1f}"


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true within {timeout_s:g} s")
        time.sleep(0.05)


def main() -> None:
    """Measure and print; `--json FILE` keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sse", type=int, default=10_000, help="event streams; 0 leaves them out")
    parser.add_argument("--ws", type=int, default=5_000, help="WebSockets; 0 leaves them out")
    parser.add_argument("--events", type=int, default=2_000, help="published a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = {"sse": options.sse, "ws": options.ws}
    figures = [
        measure(kind, streams, options.events, options.seconds, lambda line: print(line, file=sys.stderr, flush=True))
        for kind, streams in wanted.items()
        if streams
    ]
    show(figures)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(it) for it in figures], indent=2))


if __name__ == "__main__":
    main()
