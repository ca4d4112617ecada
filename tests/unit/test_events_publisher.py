"""What workers publish while Redis is there, and what they do while it is not."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from bulkdl.events import outage as outage_module
from bulkdl.events import publisher as module
from bulkdl.events import types
from bulkdl.events.outage import Outage
from bulkdl.events.progress import ProgressStore, ProgressUpdate
from bulkdl.events.publisher import ProgressReporter, Publisher
from bulkdl.events.types import Event


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class RecordingPublisher:
    """Keeps the updates; what a test has put into `on_progress` happens inside the call."""

    def __init__(self) -> None:
        self.updates: list[ProgressUpdate] = []
        self.on_progress: Any = lambda: None

    def progress(self, update: ProgressUpdate) -> None:
        self.updates.append(update)
        self.on_progress()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(outage_module, "time", clock)
    return clock


def make_reporter(publisher: RecordingPublisher, **overrides: int) -> ProgressReporter:
    values = {"range_number": 3, "total": 10, "bytes_total": 1000, "files": 2, "size": 200}
    return ProgressReporter(publisher, "job", "user", **{**values, **overrides})  # type: ignore[arg-type]


def unreachable_client() -> redis.Redis:
    return redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=None)


def test_reports_are_cumulative_and_go_on_from_what_was_done_before(clock: Clock) -> None:
    publisher = RecordingPublisher()
    reporter = make_reporter(publisher)

    reporter.add(1, 50)
    clock.now += 1
    reporter.add(0, 25)

    assert [(update.files, update.size) for update in publisher.updates] == [(3, 250), (3, 275)]
    assert {(update.job_id, update.user_id, update.range_number) for update in publisher.updates} == {
        ("job", "user", 3)
    }
    assert not any(update.is_forced for update in publisher.updates)


def test_many_small_pieces_cost_few_reports(clock: Clock) -> None:
    publisher = RecordingPublisher()
    reporter = make_reporter(publisher)

    for _ in range(1000):
        clock.now += 0.001
        reporter.add(0, 1)

    assert len(publisher.updates) == 4


def test_flush_reports_what_was_only_counted(clock: Clock) -> None:
    publisher = RecordingPublisher()
    reporter = make_reporter(publisher)
    reporter.add(1, 10)
    reporter.add(1, 10)

    reporter.flush()

    assert publisher.updates[-1].is_forced
    assert (publisher.updates[-1].files, publisher.updates[-1].size) == (4, 220)


def test_a_slow_report_holds_up_no_other_thread(clock: Clock) -> None:
    publisher = RecordingPublisher()
    reporter = make_reporter(publisher)
    is_inside, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        is_inside.set()
        go_on.wait(10)

    publisher.on_progress = hang
    slow = threading.Thread(target=reporter.add, args=(0, 1))
    slow.start()
    is_inside.wait(10)
    clock.now += 10

    reporter.add(0, 1)

    assert len(publisher.updates) == 1
    go_on.set()
    slow.join(10)
    clock.now += 10
    reporter.add(0, 1)
    assert publisher.updates[-1].size == 203


def test_nothing_counted_by_many_threads_is_lost(clock: Clock) -> None:
    publisher = RecordingPublisher()
    reporter = make_reporter(publisher, files=0, size=0)

    def work() -> None:
        for _ in range(2_000):
            reporter.add(1, 3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    reporter.flush()

    assert (publisher.updates[-1].files, publisher.updates[-1].size) == (8_000, 24_000)


def test_redis_away_is_said_once_and_never_raised() -> None:
    publisher = Publisher(unreachable_client())
    event = Event(types.COMPLETE, "user", "job", 1, {"jobId": "job", "seq": 1})

    with capture_logs() as logs:
        answers = [publisher.announce(event) for _ in range(3)]

    assert answers == [False, False, False]
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_progress_is_left_out_for_a_while_after_a_failure(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[ProgressUpdate] = []

    def fail(self: ProgressStore, update: ProgressUpdate) -> bool:
        tries.append(update)
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(ProgressStore, "write", fail)
    publisher = Publisher(unreachable_client())
    update = ProgressUpdate(job_id="j", user_id="u", range_number=0, files=0, size=0, total=1, bytes_total=1)

    with capture_logs():
        for _ in range(100):
            publisher.progress(update)
        clock.now += 1.1
        publisher.progress(update)

    assert len(tries) == 2


def test_an_outage_is_over_with_the_first_success() -> None:
    outage = Outage("testing")

    with capture_logs() as logs:
        outage.begin(redis.ConnectionError("refused"))
        outage.begin(redis.ConnectionError("refused"))
        outage.end()
        outage.end()
        outage.begin(redis.ConnectionError("refused"))

    assert [entry["log_level"] for entry in logs] == ["warning", "info", "warning"]


def test_reading_while_redis_is_away_gives_nothing() -> None:
    store = ProgressStore(unreachable_client())

    with capture_logs() as logs:
        assert store.read("job") is None
        assert store.read_many(["job", "other"]) == {}
        store.drop("job")

    assert len(logs) == 1
