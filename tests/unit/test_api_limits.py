"""How often one person or address may ask; here without Redis, so each process counts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from bulkdl.api.limits import network_of
from tests.factories import make_asset
from tests.web import ASSETS, JOBS, client_of, make_settings, running_unit_app, runtime_of


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with running_unit_app(make_settings(tmp_path, rate_limit="3 per hour")) as app:
        yield app


def test_who_asks_too_often_is_told_when_to_come_back(app: Flask) -> None:
    client = client_of(app)
    allowed = [client.get(JOBS).status_code for _ in range(3)]

    refused = client.get(JOBS)

    assert allowed == [200, 200, 200]
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert refused.json is not None
    assert refused.json["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 3601
    assert "X-Request-ID" in refused.headers


def test_one_person_s_haste_is_not_another_s(app: Flask) -> None:
    hasty, patient = client_of(app, "ann"), client_of(app, "bob")
    for _ in range(4):
        hasty.get(JOBS)

    assert hasty.get(JOBS).status_code == 429
    assert patient.get(JOBS).status_code == 200


def test_guessing_tokens_counts_against_the_address(app: Flask) -> None:
    stranger = app.test_client()
    statuses = [stranger.get(JOBS, headers={"Authorization": f"Bearer {n}"}).status_code for n in range(4)]
    elsewhere = stranger.get(JOBS, environ_base={"REMOTE_ADDR": "203.0.113.9"})

    assert statuses == [401, 401, 401, 429]
    assert elsewhere.status_code == 401


def test_pictures_may_be_asked_for_more_often(app: Flask) -> None:
    with runtime_of(app).database.session() as session:
        session.add(make_asset(id="a"))
        session.commit()
    client = client_of(app)

    statuses = [client.get(f"{ASSETS}/a/thumbnail").status_code for _ in range(31)]

    assert statuses == [302] * 30 + [429]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_monitors_may_always_ask(app: Flask, path: str) -> None:
    client = app.test_client()

    assert 429 not in [client.get(path).status_code for _ in range(5)]


def test_a_preflight_does_not_count(app: Flask) -> None:
    client = client_of(app)
    for _ in range(5):
        client.options(JOBS)

    assert client.get(JOBS).status_code == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_addresses_of_one_customer_count_as_one(address: str, network: str) -> None:
    assert network_of(address) == network
