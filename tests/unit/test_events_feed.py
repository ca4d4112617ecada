"""What a stream says and when, against a scripted mailbox and a clock that the test turns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from bulkdl.errors import JobNotFound, ServiceUnavailable
from bulkdl.events import feed as module
from bulkdl.events import types
from bulkdl.events.feed import Feed
from bulkdl.events.record import JobRecord
from bulkdl.events.subscription import Signal
from bulkdl.events.wire import Message

HEARTBEAT_S = 15.0


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class ScriptedSubscription:
    """Hands out what it was given; each None is a wait to the end of the patience."""

    user_id = "user"
    peer: Any = None

    def __init__(self, clock: Clock, job_id: str | None = None) -> None:
        self.job_id = job_id
        self._clock = clock
        self.script: Iterator[Message | Signal | None] = iter(())

    def next(self, timeout: float) -> Message | Signal | None:
        item = next(self.script, Signal.GONE)
        self._clock.now += timeout if item is None else 0.001
        return item


class Jobs:
    """The record, as streams read it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.reads = 0
        """Of whole jobs."""
        self.looks = 0
        """At which of them are active."""

    def read(self, user_id: str, job_id: str | None) -> list[dict[str, Any]]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return [row for row in self.rows if job_id in (None, row["jobId"])]

    def read_active(self, job_ids: Sequence[str]) -> set[str]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return {row["jobId"] for row in self.rows if row["status"] in ("pending", "processing")} & set(job_ids)

    def as_record(self) -> JobRecord:
        return JobRecord(self.read, self.read_active, gather_s=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def job(job_id: str = "job", status: str = "processing", seq: int = 10) -> dict[str, Any]:
    return {"jobId": job_id, "status": status, "seq": seq}


def progress(job_id: str = "job", seq: int = 11) -> Message:
    return Message(types.PROGRESS, {"jobId": job_id, "seq": seq}, job_id=job_id, seq=seq)


def end(job_id: str = "job", seq: int = 12) -> Message:
    return Message(types.COMPLETE, {"jobId": job_id, "seq": seq}, job_id=job_id, seq=seq)


def run(
    clock: Clock,
    jobs: Jobs,
    script: Iterable[Message | Signal | None],
    job_id: str | None = None,
    expires_at: float | None = None,
    peer: object = None,
) -> list[tuple[str, dict[str, Any]]]:
    """The names and data of all that the stream said after its first word."""
    subscription = ScriptedSubscription(clock, job_id)
    subscription.peer = peer
    subscription.script = iter(script)
    feed = Feed(subscription, jobs.as_record(), heartbeat_s=HEARTBEAT_S, expires_at=expires_at)  # type: ignore[arg-type]
    feed.begin()
    first, *rest = feed.messages()
    assert first.name == types.SNAPSHOT
    return [(message.name, json.loads(message.text)["data"]) for message in rest]


def names(said: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in said]


def test_the_first_word_is_a_snapshot_with_the_latest_seq(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job("a", seq=5), job("b", "complete", seq=9)]
    feed = Feed(ScriptedSubscription(clock), jobs.as_record(), heartbeat_s=HEARTBEAT_S)  # type: ignore[arg-type]

    seq = feed.begin()

    first = next(feed.messages())
    assert (first.name, seq) == (types.SNAPSHOT, 9)
    assert json.loads(first.text)["data"] == {"jobs": jobs.rows, "heartbeatSeconds": HEARTBEAT_S}
    assert first.sse.startswith(b"retry: 2000\nid: 9\n")


def test_a_snapshot_of_nothing_has_no_id(clock: Clock, jobs: Jobs) -> None:
    feed = Feed(ScriptedSubscription(clock), jobs.as_record(), heartbeat_s=HEARTBEAT_S)  # type: ignore[arg-type]

    assert feed.begin() is None
    assert b"id:" not in next(feed.messages()).sse


def test_news_is_passed_on_and_what_is_old_is_not(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(seq=10)]

    said = run(clock, jobs, [progress(seq=9), progress(seq=10), progress(seq=11), progress(seq=11), progress("new", 1)])

    assert [data["seq"] for _, data in said] == [11, 1]


def test_an_end_is_passed_on_whatever_its_seq(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(seq=10)]

    said = run(clock, jobs, [progress(seq=20), end(seq=15), progress(seq=21)])

    assert names(said) == [types.PROGRESS, types.COMPLETE]


def test_progress_of_a_job_that_the_snapshot_shows_as_ended_is_dropped(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(status="complete", seq=10)]

    assert run(clock, jobs, [progress(seq=99)]) == []


def test_silence_is_filled_with_heartbeats(clock: Clock, jobs: Jobs) -> None:
    started = clock.now

    said = run(clock, jobs, [None, None, None])

    assert said == [(types.HEARTBEAT, {})] * 3
    assert clock.now - started == pytest.approx(3 * HEARTBEAT_S, abs=0.1)


def test_no_heartbeat_right_after_news(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job()]

    said = run(clock, jobs, [progress(seq=number) for number in range(11, 200)])

    assert set(names(said)) == {types.PROGRESS}


def test_heartbeats_end_when_the_reader_has_left(clock: Clock, jobs: Jobs) -> None:
    class Gone:
        def has_left(self) -> bool:
            return True

    assert run(clock, jobs, [None, None], peer=Gone()) == []


def test_an_end_that_was_never_published_is_found_in_the_record(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(seq=10)]

    def script() -> Iterator[Message | Signal | None]:
        yield progress(seq=11)
        jobs.rows = [job(status="failed", seq=12)]
        yield None
        yield None
        yield None

    said = run(clock, jobs, script())

    assert names(said) == [types.PROGRESS, types.SNAPSHOT, types.HEARTBEAT, types.HEARTBEAT]
    assert said[1][1]["jobs"] == jobs.rows


def test_a_lost_end_is_found_although_another_job_chatters(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job("lost", seq=10), job("loud", seq=10)]

    def script() -> Iterator[Message | Signal | None]:
        jobs.rows = [job("lost", "complete", seq=11), job("loud", seq=10)]
        for number in range(11, 20):
            clock.now += 2
            yield progress("loud", number)

    said = run(clock, jobs, script())

    [snapshot] = [data for name, data in said if name == types.SNAPSHOT]
    assert snapshot["jobs"][0]["status"] == "complete"


def test_a_job_that_has_left_the_record_is_shown_as_gone(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job()]

    def script() -> Iterator[Message | Signal | None]:
        jobs.rows = []
        yield None
        yield None

    said = run(clock, jobs, script())

    assert names(said) == [types.SNAPSHOT, types.HEARTBEAT]


def test_the_record_is_not_read_while_all_goes_well(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job("done", "complete"), job("busy")]

    def script() -> Iterator[Message | Signal | None]:
        for number in range(11, 100):
            clock.now += 1
            yield progress("busy", number)

    run(clock, jobs, script())

    assert (jobs.reads, jobs.looks) == (1, 0)


def test_the_record_is_not_read_for_who_waits_for_nothing(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(status="complete")]

    said = run(clock, jobs, [None] * 10)

    assert (jobs.reads, jobs.looks) == (1, 0)
    assert names(said) == [types.HEARTBEAT] * 10


def test_a_quiet_job_that_has_not_moved_costs_no_snapshot(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job(status="pending")]

    said = run(clock, jobs, [None] * 4)

    assert names(said) == [types.HEARTBEAT] * 4
    assert (jobs.reads, jobs.looks) == (1, 4)


def test_resync_brings_a_snapshot_at_once(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job()]

    said = run(clock, jobs, [Signal.RESYNC])

    assert said == [(types.SNAPSHOT, {"jobs": jobs.rows, "heartbeatSeconds": HEARTBEAT_S})]


def test_a_snapshot_that_cannot_be_read_is_owed_until_it_can(clock: Clock, jobs: Jobs) -> None:
    def script() -> Iterator[Message | Signal | None]:
        jobs.error = ServiceUnavailable("database")
        yield Signal.RESYNC
        yield None
        jobs.error = None
        yield None

    said = run(clock, jobs, script())

    assert names(said) == [types.HEARTBEAT, types.SNAPSHOT]


def test_a_stream_of_one_job_ends_with_it(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job("mine"), job("other")]

    said = run(clock, jobs, [progress("mine"), end("mine"), progress("mine", 13)], job_id="mine")

    assert names(said) == [types.PROGRESS, types.COMPLETE]


def test_a_stream_of_one_job_that_has_ended_says_only_so(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job("mine", "failed")]

    assert run(clock, jobs, [None, progress("mine", 99)], job_id="mine") == []


def test_a_stream_of_one_job_ends_when_the_job_is_purged(
    clock: Clock, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.rows = [job("mine")]

    def read(user_id: str, job_id: str | None) -> list[dict[str, Any]]:
        if not jobs.rows:
            raise JobNotFound("mine")
        return jobs.rows

    monkeypatch.setattr(jobs, "read", read)

    def script() -> Iterator[Message | Signal | None]:
        jobs.rows = []
        yield None
        yield None

    assert run(clock, jobs, script(), job_id="mine") == []


def test_good_bye_is_said_when_the_process_ends(clock: Clock, jobs: Jobs) -> None:
    [(name, data)] = run(clock, jobs, [Signal.CLOSED, progress()])

    assert (name, data["reason"]) == (types.BYE, "shutdown")
    assert 0 < data["retryMs"] <= module.RETRY_MS


def test_good_bye_is_said_when_the_token_ends(clock: Clock, jobs: Jobs) -> None:
    expires_at = clock.now + 20

    said = run(clock, jobs, [None] * 5, expires_at=expires_at)

    assert names(said) == [types.HEARTBEAT, types.BYE]
    assert said[1][1]["reason"] == "token_expired"
    assert clock.now == pytest.approx(expires_at)


def test_good_bye_is_said_when_the_token_is_revoked(clock: Clock, jobs: Jobs) -> None:
    [(name, data)] = run(clock, jobs, [Signal.REVOKED, progress()])

    assert (name, data["reason"]) == (types.BYE, "token_revoked")


def test_nothing_is_told_to_an_expired_token(clock: Clock, jobs: Jobs) -> None:
    jobs.rows = [job()]
    expires_at = clock.now

    assert names(run(clock, jobs, [progress()], expires_at=expires_at)) == [types.BYE]
