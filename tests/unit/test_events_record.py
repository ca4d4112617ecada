"""The record as streams read it: few snapshots at once, and one query for all who ask the same."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bulkdl.errors import JobNotFound, ServiceUnavailable
from bulkdl.events import record as module
from bulkdl.events.record import JobRecord
from bulkdl.events.stacks import on_other_stack


def no_jobs(user_id: str, job_id: str | None) -> list[dict[str, Any]]:
    return []


def test_few_snapshots_are_read_at_once() -> None:
    running, most = 0, 0
    lock, both_in, go_on = threading.Lock(), threading.Event(), threading.Event()

    def read(user_id: str, job_id: str | None) -> list[dict[str, Any]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                both_in.set()
        go_on.wait(10)
        with lock:
            running -= 1
        return []

    record = JobRecord(read, set, at_once=2)
    readers = [threading.Thread(target=record.jobs, args=("user", None)) for _ in range(6)]
    for reader in readers:
        reader.start()
    both_in.wait(10)
    go_on.set()
    for reader in readers:
        reader.join(10)

    assert most == 2


def test_who_waits_too_long_for_a_snapshot_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.01)
    record = JobRecord(no_jobs, set, at_once=0)

    with pytest.raises(ServiceUnavailable):
        record.jobs("user", None)


def test_a_failed_snapshot_makes_room_for_the_next() -> None:
    def fail(user_id: str, job_id: str | None) -> list[dict[str, Any]]:
        raise JobNotFound("job")

    record = JobRecord(fail, set, at_once=1)

    for _ in range(2):
        with pytest.raises(JobNotFound):
            record.jobs("user", None)


def test_those_that_are_not_active_have_ended() -> None:
    record = JobRecord(no_jobs, lambda job_ids: {"a", "b"}, gather_s=0)

    assert record.ended_among({"a", "c", "d"}) == {"c", "d"}


def test_many_who_ask_at_once_cost_one_query() -> None:
    asked: list[Sequence[str]] = []
    count = 20
    all_in = threading.Barrier(count)

    def read_active(job_ids: Sequence[str]) -> set[str]:
        asked.append(job_ids)
        return {job_id for job_id in job_ids if int(job_id) % 2}

    record = JobRecord(no_jobs, read_active, gather_s=1.0)

    def ask(number: int) -> set[str]:
        all_in.wait(10)
        return record.ended_among({str(number), "100"})

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(ask, range(count)))

    assert answers == [{"100"} | ({str(number)} if number % 2 == 0 else set()) for number in range(count)]
    assert len(asked) == 1
    assert len(asked[0]) == count + 1


def test_every_question_is_asked_anew() -> None:
    active = {"job"}
    record = JobRecord(no_jobs, lambda job_ids: set(active), gather_s=0)
    assert record.ended_among({"job"}) == set()

    active.clear()

    assert record.ended_among({"job"}) == {"job"}


def test_a_record_out_of_reach_is_said_to_all_who_asked() -> None:
    def read_active(job_ids: Sequence[str]) -> set[str]:
        raise ServiceUnavailable("database")

    record = JobRecord(no_jobs, read_active, gather_s=0.3)

    def is_refused(number: int) -> bool:
        try:
            record.ended_among({str(number)})
        except ServiceUnavailable:
            return True
        return False

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(is_refused, range(5)))


def test_a_call_on_another_stack_returns_and_raises_as_if_it_were_here() -> None:
    here = threading.get_ident()

    assert on_other_stack(threading.get_ident) != here
    assert on_other_stack(lambda: None) is None
    with pytest.raises(JobNotFound):
        on_other_stack(lambda: no_jobs_but_an_error())


def no_jobs_but_an_error() -> None:
    raise JobNotFound("job")
