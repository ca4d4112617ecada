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
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console

from bench import frozen
from bench.children import Child, python_program
from bench.frozen import Frozen
from bench.listeners import make_token, user_id
from bench.report import PAGE, replace_between_markers
from bench.setup import Workbench, own_environ
from bench.stream_site import FROZEN_STREAMS, KIB, MIB, PREFIX, Site, job_of, publish, wait_until
from bench.tables import Table, markdown, show
from bulkdl.events import types
from bulkdl.events.publisher import Publisher
from bulkdl.events.types import Event

_WARM_UP_STREAMS = 20


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
    frozen: Frozen | None = None
    lost: int = 0

    @property
    def bytes_per_stream(self) -> float:
        """Resident memory that one stream adds, measured with all of them under load."""
        return (self.loaded_bytes - self.base_bytes) / self.streams


def measure(kind: str, streams: int, rate: int, seconds: float, say: Callable[[str], None]) -> Figures:
    """Freeze some clients; then open so many streams of a kind, put them under load and end everybody's job."""
    bench = Workbench(own_environ())
    site = Site(bench, streams)
    figures = Figures(kind, streams)
    try:
        with _listeners(bench, site, kind, _WARM_UP_STREAMS):
            pass
        say(f"{kind}: {FROZEN_STREAMS} clients frozen for a minute")
        figures.frozen = frozen.freeze(site, kind)
        wait_until(lambda: site.client.pubsub_channels("bulkdl:events:*") == [], 60)
        figures.base_bytes = site.resident_bytes
        say(f"{kind}: opening {streams} streams")
        started = time.monotonic()
        with _listeners(bench, site, kind, streams) as listeners:
            figures.opened_per_s = streams / (time.monotonic() - started)
            figures.open_bytes = site.resident_bytes
            say(f"{kind}: {rate} events a second for {seconds:g} s")
            _load(site, listeners, figures, rate, seconds)
            _end(site, listeners, figures)
    finally:
        site.close()
    return figures


@contextlib.contextmanager
def _listeners(bench: Workbench, site: Site, kind: str, count: int) -> Iterator[Child]:
    command = python_program("bench.listeners", kind, str(site.port), str(count), site.secret, PREFIX)
    child = bench.child(command, f"listeners-{kind}")
    try:
        begun = child.hear("ready", 960)
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


def _ask(listeners: Child, command: str) -> dict[str, float]:
    listeners.say(command)
    answer = listeners.hear(command, 60)
    return {name: float(value) for name, value in answer.items()}  # type: ignore[arg-type]  # all are numbers


# --- the table ------------------------------------------------------------------------


def table_of(all_figures: list[Figures]) -> Table:
    """What was measured, a column for each kind of stream."""
    names = {"sse": "event streams", "ws": "WebSockets"}
    head = ("", *(f"{figures.streams:,} {names[figures.kind]}" for figures in all_figures))
    rows = [(title, *(render(figures) for figures in all_figures)) for title, render in _ROWS.items()]
    return Table("Live events, one web process", head, rows)


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
    "a client frozen for a minute: KiB in the process · in the kernel": lambda it: _frozen(it.frozen),
    "frozen clients that know the latest on waking": lambda it: (
        f"{it.frozen.right if it.frozen else 0} of {FROZEN_STREAMS}"
    ),
}


def _frozen(it: Frozen | None) -> str:
    return f"{max(0.0, it.process_bytes) / KIB:.0f} · {it.kernel_bytes / KIB:.0f}" if it else "–"


def _percentiles(figures: Figures, part: str) -> str:
    values = sorted(value for path, some in figures.get_ms.items() if part in path for value in some)
    return f"{values[len(values) // 2]:.1f} · {values[int(len(values) * 0.99)]:.1f}"


def main() -> None:
    """Measure and print; `--json FILE` keeps the figures, `--page` puts them into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sse", type=int, default=10_000, help="event streams; 0 leaves them out")
    parser.add_argument("--ws", type=int, default=5_000, help="WebSockets; 0 leaves them out")
    parser.add_argument("--events", type=int, default=2_000, help="published a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--page", action="store_true", help="renew the table in docs/performance.md")
    options = parser.parse_args()
    wanted = {"sse": options.sse, "ws": options.ws}
    figures = [
        measure(kind, streams, options.events, options.seconds, lambda line: print(line, file=sys.stderr, flush=True))
        for kind, streams in wanted.items()
        if streams
    ]
    table = table_of(figures)
    show(Console(highlight=False, width=None if sys.stdout.isatty() else 140), table)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(it) for it in figures], indent=2))
    if options.page:
        PAGE.write_text(replace_between_markers(PAGE.read_text(), "streams", markdown(table)))


if __name__ == "__main__":
    main()
