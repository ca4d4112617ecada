"""The actors' middleware and the names that the web process sends to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Retries

from actors.middleware import Crowd, JobOfFailedMessage, WarmUp
from bulkdl.broker import BEGINNINGS, PRIORITY_OF, QUEUE_OF, RANGES
from bulkdl.errors import ServiceUnavailable, StorageUnavailable
from bulkdl.transfer.buffers import BufferPool
from tests.services.wait import wait_until

ROOT = Path(__file__).parents[2]


def test_every_actor_is_declared_under_the_name_queue_and_priority_that_it_is_sent_to() -> None:
    # In a process of its own: a worker's modules set up logs and the global broker.
    script = (
        "import json; from actors.downloads import broker; "
        "print(json.dumps({a.actor_name: [a.queue_name, a.priority] for a in broker.actors.values()}))"
    )

    printed = run_python(script, DATABASE_URL="sqlite:///unused", REDIS_URL="redis://127.0.0.1:1/0").stdout

    assert json.loads(printed) == {name: [queue, PRIORITY_OF[name]] for name, queue in QUEUE_OF.items()}


def test_a_worker_without_a_setting_ends_with_one_line_that_names_it() -> None:
    done = run_python("import actors.downloads", REDIS_URL="redis://127.0.0.1:1/0")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "DATABASE_URL is not set: it wants a database URL such as postgres://user:password@host/name or sqlite:///file."
    ]


def run_python(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "BULK_DOWNLOAD_BUCKET": "archives", "JWT_SECRET_KEY": "s" * 32}
    return subprocess.run([sys.executable, "-c", script], env=known | environ, cwd=ROOT, capture_output=True, text=True)


def test_beginnings_go_before_ranges() -> None:
    assert {PRIORITY_OF[name] for name, queue in QUEUE_OF.items() if queue == BEGINNINGS} == {0}
    assert min(PRIORITY_OF[name] for name, queue in QUEUE_OF.items() if queue == RANGES) > 0


def test_the_job_of_a_message_ends_with_its_last_retry_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[tuple[str, int]] = []
    calls: list[float] = []
    monkeypatch.setattr(
        "bulkdl.jobs.endings.fail", lambda ctx, job_id, error, *, code: failed.append((job_id, len(calls)))
    )
    middleware = [JobOfFailedMessage(lambda: None), Retries(max_retries=2, min_backoff=1, max_backoff=2)]  # type: ignore[arg-type,return-value]
    broker = StubBroker(middleware=middleware)

    @dramatiq.actor(broker=broker, queue_name="q")
    def defective(job_id: str) -> None:
        calls.append(time.monotonic())
        raise RuntimeError("a defect")

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()
    try:
        defective.send("job-1")
        wait_until(lambda: failed, what="the job's end")
    finally:
        worker.stop()

    assert failed == [("job-1", 3)]


@pytest.mark.parametrize("error", [ServiceUnavailable("database"), StorageUnavailable("the store is away")])
def test_a_job_does_not_end_because_a_service_was_away_for_all_retries(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failed: list[str] = []
    given_up: list[bool] = []
    monkeypatch.setattr("bulkdl.jobs.endings.fail", lambda ctx, job_id, error, *, code: failed.append(job_id))

    class Witness(dramatiq.Middleware):
        def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
            given_up.append(True)

    retries = Retries(max_retries=1, min_backoff=1, max_backoff=2)
    broker = StubBroker(middleware=[JobOfFailedMessage(lambda: None), retries, Witness()])  # type: ignore[arg-type,return-value]

    @dramatiq.actor(broker=broker, queue_name="q")
    def unlucky(job_id: str) -> None:
        raise error

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()
    try:
        unlucky.send("job-1")
        wait_until(lambda: given_up, what="the last retry")
    finally:
        worker.stop()

    assert not failed


def test_buffers_are_made_before_the_first_message() -> None:
    pool = BufferPool(3 * 10, block_size=10)
    context: Any = SimpleNamespace(transfer=SimpleNamespace(buffers=pool))
    broker = StubBroker(middleware=[WarmUp(lambda: context)])
    made: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="q")
    def look() -> None:
        made.append(len(pool._idle))

    look.send()
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=10)
    worker.start()
    try:
        wait_until(lambda: made, what="the first message")
    finally:
        worker.stop()

    assert made == [3]


def test_there_is_room_only_for_who_is_alone() -> None:
    crowd = Crowd(lambda: None)
    broker = StubBroker(middleware=[crowd])
    go_on: list[str] = []
    rooms: dict[str, bool] = {}

    @dramatiq.actor(broker=broker, queue_name="q")
    def work(job_id: str) -> None:
        rooms[job_id] = crowd.has_room()
        wait_until(lambda: job_id in go_on, what="permission to end")

    worker: Any = dramatiq.Worker(broker, worker_threads=2, worker_timeout=10)
    worker.start()
    try:
        for job_id in ("alone", "beside it"):
            work.send(job_id)
            wait_until(lambda one=job_id: one in rooms, what=f"the message {job_id}")
        assert not crowd.has_room()
        go_on += ["alone", "beside it"]
        worker.join()
        work.send("alone again")
        wait_until(lambda: "alone again" in rooms, what="the last message")
    finally:
        go_on.append("alone again")
        worker.stop()

    assert [rooms[job_id] for job_id in ("alone", "beside it", "alone again")] == [True, False, True]


def test_only_the_beginning_of_another_job_makes_a_transfer_give_way_and_only_where_no_thread_is_free() -> None:
    line: list[str] = []
    crowd = Crowd(lambda: line[0] if line else None)
    broker = StubBroker(middleware=[crowd])
    running: list[str] = []
    go_on: list[bool] = []

    @dramatiq.actor(broker=broker, queue_name="q")
    def work(job_id: str) -> None:
        running.append(job_id)
        wait_until(lambda: go_on, what="permission to end")

    worker: Any = dramatiq.Worker(broker, worker_threads=2, worker_timeout=10)
    worker.start()
    try:
        work.send("a")
        wait_until(lambda: running, what="the first message")
        line.append("b")
        assert not crowd.others_wait("a")
        work.send("a")
        wait_until(lambda: len(running) == 2, what="every thread being busy")
        assert crowd.others_wait("a")
        assert not crowd.others_wait("b")
        line.clear()
        assert not crowd.others_wait("a")
    finally:
        go_on.append(True)
        worker.stop()
