"""What stands on every answer, and which other origins may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request

from bulkdl.api.headers import make_page_policy
from tests.web import ASSETS, JOBS, client_of, make_settings, running_unit_app

FRIEND = "https://app.example.com"
OTHER_FRIEND = "https://studio.example.com"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with running_unit_app(make_settings(tmp_path, allowed_origins=(FRIEND, OTHER_FRIEND))) as app:
        yield app


@pytest.mark.parametrize("path", ["/docs", "/docs/problems", "/healthz", "/openapi.json", JOBS, "/nowhere"])
def test_every_answer_carries_the_security_headers(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
def test_a_page_runs_nothing_inline(app: Flask, path: str) -> None:
    response = app.test_client().get(path)
    text = response.get_data(as_text=True)

    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    assert "style=" not in text
    assert "<style" not in text
    assert "<script>" not in text


def test_pictures_come_from_the_bucket_s_public_address(tmp_path: Path) -> None:
    inside = make_settings(tmp_path, s3_public_endpoint_url="https://cdn.example.com:9000")
    amazon = make_settings(tmp_path, s3_endpoint_url=None)

    assert "https://cdn.example.com:9000 https://*.cdn.example.com:9000;" in make_page_policy(inside)
    assert "https://*.amazonaws.com;" in make_page_policy(amazon)


def test_browsers_are_told_to_stay_with_https_where_it_is_used(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, public_url="https://media.example.com")) as app:
        assert "Strict-Transport-Security" in app.test_client().get("/healthz").headers
    with running_unit_app(make_settings(tmp_path)) as app:
        assert "Strict-Transport-Security" not in app.test_client().get("/healthz").headers


def test_an_allowed_origin_may_read_answers_and_refusals(app: Flask) -> None:
    for client in (client_of(app), app.test_client()):
        headers = client.get(JOBS, headers={"Origin": FRIEND}).headers

        assert headers["Access-Control-Allow-Origin"] == FRIEND
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "ETag" in headers["Access-Control-Expose-Headers"]
        assert "Origin" in headers.get("Vary", "")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://appxexample.com",
        "null",
        "*",
    ],
)
def test_no_other_origin_may(app: Flask, origin: str) -> None:
    headers = client_of(app).get(JOBS, headers={"Origin": origin}).headers

    assert "Access-Control-Allow-Origin" not in headers


def test_a_preflight_needs_no_token_and_opens_only_what_is_used(app: Flask) -> None:
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, x-evil",
    }

    response = app.test_client().options(JOBS, headers=asked)

    allowed = {name.strip().lower() for name in response.headers["Access-Control-Allow-Headers"].split(",")}
    assert response.status_code == 200
    assert {"authorization", "content-type", "idempotency-key"} <= allowed
    assert "x-evil" not in allowed
    assert "Access-Control-Allow-Private-Network" not in response.headers


def test_a_preflight_of_a_stranger_is_not_answered(app: Flask) -> None:
    asked = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}

    response = app.test_client().options(JOBS, headers=asked)

    assert "Access-Control-Allow-Origin" not in response.headers


def test_without_a_list_no_origin_may(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path)) as app:
        headers = client_of(app).get(ASSETS, headers={"Origin": FRIEND}).headers

    assert not [name for name, _ in headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    ("given", "is_kept"), [("trace-1234", True), ("short", False), ("x" * 65, False), ("a b", False)]
)
def test_a_request_id_is_kept_when_it_is_fit_and_made_otherwise(app: Flask, given: str, is_kept: bool) -> None:
    response = app.test_client().get("/nowhere", headers={"X-Request-ID": given})

    assert response.json is not None
    assert response.headers["X-Request-ID"] == response.json["requestId"]
    assert (response.headers["X-Request-ID"] == given) == is_kept


@pytest.mark.parametrize(("hops", "expected"), [(0, "127.0.0.1"), (1, "3.3.3.3"), (2, "2.2.2.2")])
def test_only_trusted_proxies_say_who_asks(tmp_path: Path, hops: int, expected: str) -> None:
    with running_unit_app(make_settings(tmp_path, trusted_proxies=hops)) as app:
        app.add_url_rule("/who", "health.live_too", lambda: str(request.remote_addr))
        forged = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3"}
        response = client_of(app).get("/who", headers=forged)

    assert response.get_data(as_text=True) == expected
