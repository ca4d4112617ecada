"""Health: what is asked, for how long, and what anybody may know of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bulkdl.api.health import Readiness
from tests.web import make_settings, running_unit_app


def test_a_process_without_its_services_is_alive_and_not_ready(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path)) as app:
        alive = app.test_client().get("/healthz")
        ready = app.test_client().get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json is not None
    assert ready.json["failing"] == ["redis"]
    assert ready.json["checks"]["database"] == {"ok": True, "error": None}
    assert ready.headers["Retry-After"] == "5"
    assert b"127.0.0.1" not in ready.data


def test_checks_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=5)

    found = Readiness(dict.fromkeys("abc", meeting.wait), timeout_s=5).ask()

    assert found == {"a": None, "b": None, "c": None}


def test_a_check_that_hangs_is_given_up_and_not_asked_twice() -> None:
    release = threading.Event()
    calls: list[str] = []

    def hang() -> None:
        calls.append("hang")
        release.wait(10)

    readiness = Readiness({"slow": hang, "quick": lambda: calls.append("quick")}, timeout_s=0.05, keep_s=0)

    first, second = readiness.ask(), readiness.ask()
    release.set()

    assert first == second == {"slow": "no answer within 0.05 s", "quick": None}
    assert calls.count("hang") == 1
    assert calls.count("quick") == 2


def test_a_check_that_answers_late_is_believed_next_time() -> None:
    release = threading.Event()
    readiness = Readiness({"slow": lambda: release.wait(10)}, timeout_s=0.05, keep_s=0)
    readiness.ask()

    release.set()
    found = Readiness.ask(readiness)
    while found["slow"] is not None:
        found = readiness.ask()

    assert found == {"slow": None}


def test_many_questions_ask_the_services_once() -> None:
    calls: list[int] = []
    readiness = Readiness({"one": lambda: calls.append(1)}, keep_s=60)

    for _ in range(5):
        readiness.ask()

    assert calls == [1]


def test_only_the_kind_of_an_error_is_told() -> None:
    def fail() -> None:
        raise ConnectionRefusedError("postgres://bulkdl:secret@db")

    assert Readiness({"database": fail}).ask() == {"database": "ConnectionRefusedError"}


METRICS_TOKEN = "a token for the metrics page"


@pytest.mark.parametrize(
    ("header", "status"),
    [(f"Bearer {METRICS_TOKEN}", 200), ("Bearer another", 401), (METRICS_TOKEN, 401), ("", 401), ("Bearer é", 401)],
)
def test_metrics_want_their_token_when_there_is_one(tmp_path: Path, header: str, status: int) -> None:
    with running_unit_app(make_settings(tmp_path, metrics_token=METRICS_TOKEN)) as app:
        response = app.test_client().get("/metrics", headers={"Authorization": header})

    assert response.status_code == status


def test_metrics_are_open_without_one(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path)) as app:
        client = app.test_client()
        client.get("/nowhere")
        text = client.get("/metrics").get_data(as_text=True)

    assert 'bulkdl_jobs{status="pending"} 0.0' in text
    assert 'bulkdl_http_request_seconds_count{endpoint="none",method="GET",status="404"} 1.0' in text
    assert "bulkdl_streams_open 0.0" in text


def test_a_made_up_method_makes_no_new_series(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path)) as app:
        client = app.test_client()
        client.open("/healthz", method="BREW")
        text = client.get("/metrics").get_data(as_text=True)

    assert "BREW" not in text
    assert 'method="other"' in text
