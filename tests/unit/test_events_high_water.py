"""Nobody is told of less progress than before, whatever Redis has lost meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkdl.events import types
from bulkdl.events.high_water import HighWater
from bulkdl.events.wire import Message, decode_message


def job(**overrides: Any) -> dict[str, Any]:
    values = {"jobId": "j", "status": "processing", "seq": 5, "percent": 50, "current": 2, "total": 4}
    return values | {"bytesDone": 500, "bytesTotal": 1000} | overrides


def progress(**overrides: Any) -> Message:
    return decode_message(json.dumps({"event": types.PROGRESS, "data": job(**overrides)}).encode())


@pytest.mark.parametrize("lower", [{"percent": 49}, {"current": 1}, {"bytesDone": 499}])
def test_progress_below_what_was_told_is_not_told(lower: dict[str, int]) -> None:
    marks = HighWater()
    assert marks.admits(progress(seq=5))

    assert not marks.admits(progress(seq=6, **lower))

    assert marks.admits(progress(seq=7))


def test_a_smaller_whole_is_counted_anew_and_its_percent_is_not() -> None:
    marks = HighWater()
    marks.admits(progress())

    assert marks.admits(progress(seq=6, current=1, total=3, bytesDone=250, bytesTotal=500))
    assert not marks.admits(progress(seq=7, percent=49, current=1, total=3, bytesDone=245, bytesTotal=500))


def test_a_snapshot_does_not_fall_behind_what_was_told() -> None:
    marks = HighWater()
    marks.admits(progress())

    assert marks.raised(job(seq=1, percent=10, current=0, bytesDone=100)) == job()
    assert marks.raised(job(seq=9, percent=60, current=3, bytesDone=600))["percent"] == 60
    assert not marks.admits(progress(seq=10))


def test_an_end_is_told_whatever_was_told_before() -> None:
    marks = HighWater()
    marks.admits(progress())
    end = decode_message(json.dumps({"event": types.FAILED, "data": {"jobId": "j", "seq": 1}}).encode())

    assert marks.admits(end)
    assert marks.raised(job(status="failed", percent=0))["percent"] == 0


def test_jobs_do_not_stand_in_each_other_s_way() -> None:
    marks = HighWater()
    marks.admits(progress())

    assert marks.admits(progress(jobId="other", percent=1, current=0, bytesDone=10))


def test_old_jobs_are_forgotten_before_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkdl.events.high_water._MOST_JOBS", 2)
    marks = HighWater()
    for name in ("a", "b", "c"):
        marks.admits(progress(jobId=name))

    assert marks.admits(progress(jobId="a", percent=0, current=0, bytesDone=0))
    assert not marks.admits(progress(jobId="c", percent=0, current=0, bytesDone=0))
