"""Attacks on the API with every service there: somebody else's things, revoked tokens, shared limits, used tickets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
import werkzeug.routing
from flask import Flask
from flask.testing import FlaskClient

from bulkdl.api.auth import PUBLIC_ENDPOINTS
from bulkdl.api.revocation import RevocationList
from bulkdl.events.types import COMPLETE, Event
from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob
from bulkdl.jobs.status import JobStatus
from tests.factories import PROJECT, make_asset, make_item_row, make_job
from tests.services.redis import RedisServer
from tests.services.web import StartApp
from tests.web import ASSETS, JOBS, PREFIX, client_of, make_token, runtime_of

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

THEIR_PROJECT = "theirs"


@pytest.fixture
def theirs(app: Flask) -> str:
    """Eve's project with an asset, and her complete job; all of them are called `theirs`."""
    job = make_job(id="theirs", user_id="eve", project_id=THEIR_PROJECT, status=JobStatus.COMPLETE, file_size=1)
    with runtime_of(app).database.session() as session:
        session.add_all([make_asset(id="theirs", project_id=THEIR_PROJECT, name="secret-name.jpg"), job])
        session.flush()
        session.add(BulkDownloadItem(**make_item_row("theirs", asset_id="theirs", name="secret-name.jpg")))
        session.commit()
    return "theirs"


# What a stranger gets who asks each route for what is Eve's: (status, code), or that nothing of hers is in the answer.
NOT_FOUND = (404, "job_not_found")
NO_ASSET = (404, "asset_not_found")
FORBIDDEN = (403, "permission_denied")
NOTHING_OF_HERS = (200, None)
Expected = tuple[int, str | None]

IDOR: dict[tuple[str, str], tuple[dict[str, Any], Expected]] = {
    ("jobs.create", "POST"): ({"json": {"projectId": THEIR_PROJECT, "assetIds": ["theirs"]}}, FORBIDDEN),
    ("direct.create", "POST"): ({"json": {"projectId": THEIR_PROJECT, "assetIds": ["theirs"]}}, FORBIDDEN),
    ("jobs.list_own", "GET"): ({}, NOTHING_OF_HERS),
    ("jobs.show", "GET"): ({}, NOT_FOUND),
    ("jobs.cancel", "DELETE"): ({}, NOT_FOUND),
    ("jobs.list_items", "GET"): ({}, NOT_FOUND),
    ("jobs.download", "GET"): ({}, NOT_FOUND),
    ("assets.list_assets", "GET"): ({"query_string": {"projectId": THEIR_PROJECT}}, FORBIDDEN),
    ("assets.add_assets", "POST"): (
        {"json": {"projectId": THEIR_PROJECT, "assets": [{"name": "a", "bucket": "b", "key": "k", "size": 1}]}},
        FORBIDDEN,
    ),
    ("assets.thumbnail", "GET"): ({}, NO_ASSET),
    ("capabilities.show", "GET"): ({}, NOTHING_OF_HERS),
    ("streams.create_ticket", "POST"): ({}, NOTHING_OF_HERS),
    ("streams.events", "GET"): ({}, NOTHING_OF_HERS),
    ("streams.job_events", "GET"): ({}, NOT_FOUND),
    # A client in this process cannot upgrade; see test_streams for the handshake's own refusals.
    ("streams.ws", "GET"): ({"query_string": {"jobId": "theirs"}}, (400, "bad_request")),
}


def routes(app: Flask) -> list[tuple[werkzeug.routing.Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in PUBLIC_ENDPOINTS
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
    ]


def ask(client: FlaskClient, rule: werkzeug.routing.Rule, method: str, request: dict[str, Any]) -> Any:
    path = re.sub(r"<[^>]+>", "theirs", rule.rule)
    headers = {}
    if rule.endpoint == "streams.ws":
        headers = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    return client.open(path, method=method, headers=headers, buffered=False, **request)


def first_bytes(response: Any) -> bytes:
    """The body, or of a stream its first event."""
    try:
        return bytes(next(response.iter_encoded(), b"")) if response.is_streamed else bytes(response.get_data())
    finally:
        response.close()


def test_every_route_has_its_line_in_the_table(app: Flask) -> None:
    assert {(rule.endpoint, method) for rule, method in routes(app)} == IDOR.keys()


def test_nobody_reaches_what_is_somebody_else_s(app: Flask, theirs: str) -> None:
    stranger = client_of(app, "ann", scope="assets:write")

    for rule, method in routes(app):
        request, (status, code) = IDOR[rule.endpoint, method]
        response = ask(stranger, rule, method, request)
        body = first_bytes(response)

        assert (rule.endpoint, method, response.status_code) == (rule.endpoint, method, status), body
        assert b"secret-name" not in body
        if code is None:
            assert theirs.encode() not in body
        else:
            assert json.loads(body)["code"] == code

    with runtime_of(app).database.reader() as session:
        row = session.get(BulkDownloadJob, theirs)
        assert row is not None
        assert row.status is JobStatus.COMPLETE


def test_the_owner_reaches_all_of_it(app: Flask, theirs: str) -> None:
    owner = client_of(app, "eve", projects=[THEIR_PROJECT])

    for path in (f"{JOBS}/theirs", f"{JOBS}/theirs/items", f"{JOBS}/theirs/download", f"{ASSETS}/theirs/thumbnail"):
        assert owner.get(path).status_code in (200, 302)
    assert owner.get(f"{ASSETS}?projectId={THEIR_PROJECT}").status_code == 200


def test_the_same_project_does_not_open_another_person_s_jobs(app: Flask, theirs: str) -> None:
    colleague = client_of(app, "bob", projects=[THEIR_PROJECT])

    assert colleague.get(f"{JOBS}/theirs").status_code == 404
    assert colleague.get(f"{ASSETS}/theirs/thumbnail").status_code == 302


# --- revocation -----------------------------------------------------------------------


def test_a_revoked_token_is_refused_until_its_end_and_no_key_stays(app: Flask, redis_client: redis.Redis) -> None:
    expires_at = int(time.time()) + 600
    bad = client_of(app, jti="bad", exp=expires_at)
    good = client_of(app, jti="good")

    RevocationList(runtime_of(app).redis).revoke("bad", expires_at=expires_at)

    refused = bad.get(JOBS)
    assert refused.status_code == 401
    assert refused.json is not None
    assert refused.json["code"] == "token_revoked"
    assert good.get(JOBS).status_code == 200
    assert 0 < redis_client.ttl("bulkdl:revoked:bad") <= 601


def test_a_revoked_token_gets_no_ticket(app: Flask) -> None:
    client = client_of(app, jti="bad")
    RevocationList(runtime_of(app).redis).revoke("bad", expires_at=None)

    assert client.post(f"{PREFIX}/stream-tickets").status_code == 401


def test_a_ticket_of_a_revoked_token_opens_nothing(app: Flask) -> None:
    ticket = take_ticket(client_of(app, jti="bad"))
    RevocationList(runtime_of(app).redis).revoke("bad", expires_at=None)

    refused = app.test_client().get(f"{PREFIX}/bulk-download/events?ticket={ticket}")

    assert refused.status_code == 401
    assert refused.json is not None
    assert refused.json["code"] == "token_revoked"


@pytest.mark.parametrize("by_ticket", [True, False])
def test_an_open_stream_of_a_revoked_token_says_good_bye(
    app: Flask, monkeypatch: pytest.MonkeyPatch, by_ticket: bool
) -> None:
    monkeypatch.setattr("bulkdl.events.hub._REVOCATIONS_CHECKED_EVERY_S", 0.0)
    events = f"{PREFIX}/bulk-download/events"
    bad, good = client_of(app, jti="bad"), client_of(app, jti="good")
    if by_ticket:
        stream = app.test_client().get(f"{events}?ticket={take_ticket(bad)}", buffered=False)
    else:
        stream = bad.get(events, buffered=False)
    other = good.get(events, buffered=False)
    said, heard = stream.iter_encoded(), other.iter_encoded()
    assert b"bulk-download:snapshot" in next(said)
    assert b"bulk-download:snapshot" in next(heard)

    RevocationList(runtime_of(app).redis).revoke("bad", expires_at=None)
    last = list(said)

    assert len(last) == 1
    assert b"bulk-download:bye" in last[0]
    assert b'"reason":"token_revoked"' in last[0]
    runtime_of(app).publisher.announce(Event(COMPLETE, "ann", "job", 1, {"jobId": "job", "seq": 1}))
    assert b"bulk-download:complete" in next(heard)
    stream.close()
    other.close()


def test_reading_goes_on_while_the_list_is_away(start_app: StartApp, redis_server: RedisServer) -> None:
    app = start_app(redis_url=redis_server.url)
    redis_server.stop()

    assert client_of(app).get(JOBS).status_code == 200


# --- limits ---------------------------------------------------------------------------


def test_limits_are_shared_by_processes(start_app: StartApp) -> None:
    one, other = start_app(rate_limit="4 per hour"), start_app(rate_limit="4 per hour")
    clients = [client_of(one), client_of(other)]

    statuses = [clients[turn % 2].get(JOBS).status_code for turn in range(6)]

    assert statuses == [200] * 4 + [429] * 2


def test_limits_hold_while_redis_is_away_and_after(start_app: StartApp, redis_server: RedisServer) -> None:
    app = start_app(redis_url=redis_server.url, rate_limit="4 per hour")
    client = client_of(app)
    redis_server.stop()

    assert [client.get(JOBS).status_code for _ in range(5)] == [200] * 4 + [429]


# --- tickets --------------------------------------------------------------------------


def take_ticket(client: FlaskClient) -> str:
    response = client.post(f"{PREFIX}/stream-tickets")
    assert response.json is not None
    return str(response.json["ticket"])


@pytest.mark.parametrize("path", [f"{PREFIX}/bulk-download/events", f"{JOBS}/mine/events"])
def test_a_ticket_opens_one_stream_of_its_owner(app: Flask, path: str) -> None:
    with runtime_of(app).database.session() as session:
        session.add(make_job(id="mine"))
        session.commit()
    ticket = take_ticket(client_of(app))
    stranger = app.test_client()

    first = stranger.get(f"{path}?ticket={ticket}", buffered=False)
    opening = first_bytes(first)
    second = stranger.get(f"{path}?ticket={ticket}")

    assert first.status_code == 200
    assert b"bulk-download:snapshot" in opening
    assert b"mine" in opening
    assert second.status_code == 401
    assert second.json is not None
    assert second.json["code"] == "ticket_invalid"


def test_a_ticket_opens_nothing_but_streams(app: Flask) -> None:
    ticket = take_ticket(client_of(app))

    assert app.test_client().get(f"{JOBS}?ticket={ticket}").status_code == 401
    assert app.test_client().get(JOBS, headers={"Authorization": f"Bearer {ticket}"}).status_code == 401


def test_a_ticket_opens_no_job_of_anybody_else(app: Flask, theirs: str) -> None:
    ticket = take_ticket(client_of(app))

    response = app.test_client().get(f"{JOBS}/{theirs}/events?ticket={ticket}")

    assert response.status_code == 404


FORGERIES: dict[str, Callable[[str], str]] = {
    "empty": lambda ticket: "",
    "cut off": lambda ticket: ticket[:-1],
    "a token": lambda ticket: make_token(),
    "odd characters": lambda ticket: "\0é",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_ticket_opens_nothing(app: Flask, forge: Callable[[str], str]) -> None:
    ticket = forge(take_ticket(client_of(app)))

    response = app.test_client().get(f"{PREFIX}/bulk-download/events", query_string={"ticket": ticket})

    assert response.status_code == 401


# --- links ----------------------------------------------------------------------------


def test_a_link_is_short_lived_and_for_one_key(start_app: StartApp) -> None:
    app = start_app(url_ttl_s=90)
    with runtime_of(app).database.session() as session:
        session.add(
            make_job(id="mine", status=JobStatus.COMPLETE, archive_bucket=runtime_of(app).settings.archive_bucket)
        )
        session.commit()

    url = client_of(app).get(f"{JOBS}/mine/download").headers["Location"]

    assert "bulk-downloads/mine.zip?" in url
    assert "X-Amz-Expires=90&" in url
    assert "X-Amz-Signature=" in url


def test_what_a_person_may_not_see_is_not_in_the_project_list(app: Flask) -> None:
    assert client_of(app, projects=[]).get(f"{ASSETS}?projectId={PROJECT}").status_code == 403
