"""Log lines: one shape whoever writes them, and no secret in any."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bulkdl.logs import bound, configure_logs, get_logger, redact
from tests.services.logs import logs_left_alone

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
PRESIGNED = (
    "https://s3.example/archives/1.zip?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026"
    "&X-Amz-Signature=5ecre7&X-Amz-Security-Token=5ecre7"
)

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with logs_left_alone():
        configure_logs("INFO", "json", stream=stream)
        yield stream


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_event_level_and_time(lines: Lines) -> None:
    get_logger("bulkdl.jobs").info("job accepted", job_id="1", files=3)

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "job accepted", "level": "info", "logger": "bulkdl.jobs", "job_id": "1", "files": 3}


def test_the_standard_library_is_shaped_alike(lines: Lines) -> None:
    logging.getLogger("dramatiq.worker").warning("%s failed", "it", extra={"message_id": "7"})

    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("it failed", "warning", "dramatiq.worker")
    assert line["message_id"] == "7"


def test_what_is_bound_stands_on_every_line(lines: Lines) -> None:
    with bound(job_id="1"):
        get_logger("a").info("ours")
        logging.getLogger("b").info("theirs")
    get_logger("a").info("after")

    assert [line.get("job_id") for line in lines()] == ["1", "1", None]


def test_lines_below_the_level_are_left_out(lines: Lines) -> None:
    get_logger("a").debug("detail")
    logging.getLogger("b").debug("detail")

    assert lines() == []


@pytest.mark.parametrize(
    "leak",
    [
        f"token {JWT} refused",
        f"Authorization: Bearer {JWT}",
        "sent Basic YW5uOnNlY3JldA== along",
        f"GET {PRESIGNED}",
        "GET /bulk-download/events?ticket=5ecre7&x=1",
        "https://s3.example/1.zip?AWSAccessKeyId=5ecre7&Signature=5ecre7&Expires=1",
        "connecting to postgres://bulkdl:5ecre7@db/bulkdl",
        "connecting to redis://:5ecre7@redis:6379/0",
        "key AKIAIOSFODNN7EXAMPLE is not valid",
    ],
)
def test_a_secret_is_taken_out_wherever_it_stands(stream: io.StringIO, leak: str) -> None:
    log = get_logger("a")
    log.info(leak)
    log.info("nested", detail={"inner": [leak]}, text=leak, error=ValueError(leak))
    logging.getLogger("b").warning("as an argument: %s", leak)
    try:
        raise ValueError(leak)
    except ValueError:
        log.exception("raised")

    text = stream.getvalue()
    assert "[hidden]" in text
    for secret in (JWT, "5ecre7", "YW5uOnNlY3JldA==", "AKIAIOSFODNN7EXAMPLE"):
        assert secret not in text


@pytest.mark.parametrize(
    "name", ["token", "Authorization", "Cookie", "stream_ticket", "download_url", "secret_key", "db_password"]
)
def test_a_field_that_is_called_like_a_secret_is_hidden(name: str) -> None:
    assert redact({name: "anything"}) == {name: "[hidden]"}


def test_what_is_no_secret_is_left_as_it_is() -> None:
    fields = {"job_id": "1", "lease_token": 4, "size": 10, "url": "https://example.com/a?b=c", "ratio": 0.5, "ok": True}

    assert redact(fields) == fields


def test_the_console_hides_secrets_too(stream: io.StringIO) -> None:
    configure_logs("INFO", "console", stream=stream)

    try:
        raise ValueError(JWT)
    except ValueError:
        get_logger("a").exception("raised", token=JWT)

    assert "raised" in stream.getvalue()
    assert JWT not in stream.getvalue()


def test_configuring_twice_writes_each_line_once(stream: io.StringIO, lines: Lines) -> None:
    configure_logs("INFO", "json", stream=stream)
    get_logger("a").info("once")

    assert len(lines()) == 1
