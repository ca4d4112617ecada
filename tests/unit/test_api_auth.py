"""Who may come in: tokens, their forgeries, cookies and CSRF, and that no route is forgotten."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient

from bulkdl.api.auth import PUBLIC_ENDPOINTS, TICKETED_ENDPOINTS
from bulkdl.errors import SettingsError
from tests.web import JOBS, SECRET, client_of, make_settings, make_token, running_unit_app

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "RS256": RSA_KEY,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.fixture
def cookie_app(tmp_path: Path) -> Iterator[Flask]:
    with running_unit_app(make_settings(tmp_path, jwt_cookies=True)) as app:
        yield app


def public_pem(key: object) -> str:
    return (
        key.public_key()  # type: ignore[attr-defined]
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def encode(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def sign_by_hand(header: object, claims: object, key: bytes) -> str:
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def claims() -> dict[str, object]:
    return {"sub": "ann", "projects": ["demo"], "exp": int(time.time()) + 600}


# Made when the test runs: a token made when tests are collected may have expired by then.
FORGERIES: dict[str, tuple[Callable[[], str], str]] = {
    "no token at all": (lambda: "", "token_missing"),
    "another scheme": (lambda: "Basic YW5uOmFubg==", "token_missing"),
    "no value": (lambda: "Bearer", "token_invalid"),
    "two values": (lambda: "Bearer a b", "token_invalid"),
    "garbage": (lambda: "Bearer garbage", "token_invalid"),
    "not ascii": (lambda: "Bearer é.é.é", "token_invalid"),
    "wrong key": (lambda: f"Bearer {make_token(key='another secret that is long enough, too')}", "token_invalid"),
    "algorithm none": (lambda: f"Bearer {encode({'alg': 'none', 'typ': 'JWT'})}.{encode(claims())}.", "token_invalid"),
    "algorithm NONE": (lambda: f"Bearer {encode({'alg': 'NoNe', 'typ': 'JWT'})}.{encode(claims())}.", "token_invalid"),
    "other hmac": (lambda: f"Bearer {make_token(algorithm='HS512')}", "token_invalid"),
    "signature cut off": (lambda: f"Bearer {make_token().rpartition('.')[0]}.", "token_invalid"),
    "expired": (lambda: f"Bearer {make_token(exp=int(time.time()) - 1)}", "token_expired"),
    "not yet valid": (lambda: f"Bearer {make_token(nbf=int(time.time()) + 600)}", "token_invalid"),
    "refresh token": (lambda: f"Bearer {make_token(type='refresh')}", "token_invalid"),
    "nobody": (lambda: f"Bearer {make_token(None)}", "token_invalid"),
    "empty subject": (lambda: f"Bearer {make_token('')}", "token_invalid"),
    "subject of 256 characters": (lambda: f"Bearer {make_token('x' * 256)}", "token_invalid"),
    "projects is no list": (lambda: f"Bearer {make_token(projects='demo')}", "token_invalid"),
    "projects holds no strings": (lambda: f"Bearer {make_token(projects=[1])}", "token_invalid"),
    "payload is a list": (lambda: f"Bearer {sign_by_hand({'alg': 'HS256'}, [1], SECRET.encode())}", "token_invalid"),
    "payload is bottomless": (
        lambda: f"Bearer {sign_by_hand({'alg': 'HS256'}, b'[' * 4000, SECRET.encode())}",
        "token_invalid",
    ),
}


@pytest.mark.parametrize(("forge", "code"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused_with_a_problem_document(app: Flask, forge: Callable[[], str], code: str) -> None:
    client = app.test_client()

    response = client.post(JOBS, json={"projectId": "demo", "assetIds": ["a"]}, headers={"Authorization": forge()})

    assert response.status_code == 401
    assert response.content_type == "application/problem+json"
    assert response.json is not None
    assert response.json["code"] == code
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="bulkdl"')
    assert ('error="invalid_token"' in response.headers["WWW-Authenticate"]) == (code != "token_missing")
    assert client_of(app).get(JOBS).json == {"jobs": [], "nextCursor": None}


def test_a_public_key_is_no_secret_to_sign_with(tmp_path: Path) -> None:
    pem = public_pem(RSA_KEY)
    confused = sign_by_hand({"alg": "HS256", "typ": "JWT"}, claims(), pem.encode())
    settings = make_settings(tmp_path, jwt_algorithm="RS256", jwt_public_key=pem, jwt_secret_key=None)

    with running_unit_app(settings) as app:
        refused = app.test_client().get(JOBS, headers={"Authorization": f"Bearer {confused}"})
        honest = client_of(app, key=RSA_KEY, algorithm="RS256").get(JOBS)

    assert refused.status_code == 401
    assert honest.status_code == 200


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_signed_by_a_private_key_is_accepted(tmp_path: Path, algorithm: str) -> None:
    key = KEYS[algorithm]
    settings = make_settings(tmp_path, jwt_algorithm=algorithm, jwt_public_key=public_pem(key), jwt_secret_key=None)

    with running_unit_app(settings) as app:
        response = client_of(app, key=key, algorithm=algorithm).get(JOBS)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("algorithm", "pem"),
    [
        ("RS256", public_pem(KEYS["ES256"])),
        ("ES256", public_pem(RSA_KEY)),
        ("RS256", "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"),
    ],
)
def test_a_key_of_another_kind_stops_the_start(tmp_path: Path, algorithm: str, pem: str) -> None:
    settings = make_settings(tmp_path, jwt_algorithm=algorithm, jwt_public_key=pem, jwt_secret_key=None)

    with pytest.raises(SettingsError, match="JWT_PUBLIC_KEY"), running_unit_app(settings):
        pass


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "bulkdl", "iss": "https://login.example"}, 200),
        ({"aud": ["other", "bulkdl"], "iss": "https://login.example"}, 200),
        ({"aud": "other", "iss": "https://login.example"}, 401),
        ({"aud": "bulkdl", "iss": "https://evil.example"}, 401),
        ({"aud": "bulkdl"}, 401),
        ({"iss": "https://login.example"}, 401),
    ],
)
def test_audience_and_issuer_count_when_they_are_set(tmp_path: Path, claims: dict[str, object], status: int) -> None:
    settings = make_settings(tmp_path, jwt_audience="bulkdl", jwt_issuer="https://login.example")

    with running_unit_app(settings) as app:
        response = client_of(app, **claims).get(JOBS)

    assert response.status_code == status


def test_a_token_in_the_url_is_not_looked_at(app: Flask) -> None:
    response = app.test_client().get(f"{JOBS}?jwt={make_token()}")

    assert response.status_code == 401


def test_every_route_wants_a_token_unless_it_is_listed(app: Flask) -> None:
    client = app.test_client()
    asked = 0

    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC_ENDPOINTS | TICKETED_ENDPOINTS:
            continue
        path = rule.rule.replace("<job_id>", "1").replace("<asset_id>", "1")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            response = client.open(path, method=method, json={})
            assert (rule.endpoint, method, response.status_code) == (rule.endpoint, method, 401)
            asked += 1

    assert asked >= 10


def test_a_route_that_nobody_thought_of_wants_a_token(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path)) as app:
        app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
        response = app.test_client().get("/forgotten")

    assert response.status_code == 401
    assert b"secret" not in response.data


def test_the_list_of_public_routes_holds_no_stale_name(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= PUBLIC_ENDPOINTS | TICKETED_ENDPOINTS


# --- cookies --------------------------------------------------------------------------


def with_cookies(app: Flask) -> tuple[FlaskClient, str]:
    """A client with the cookies of a person, and their CSRF token."""
    csrf = "csrf-of-this-token"
    client = app.test_client()
    client.set_cookie("access_token_cookie", make_token(csrf=csrf))
    client.set_cookie("csrf_access_token", csrf)
    return client, csrf


def test_cookies_do_not_count_unless_they_are_switched_on(app: Flask) -> None:
    client, csrf = with_cookies(app)

    assert client.get(JOBS, headers={"X-CSRF-TOKEN": csrf}).status_code == 401


def test_a_cookie_is_enough_to_read(cookie_app: Flask) -> None:
    client, _ = with_cookies(cookie_app)

    assert client.get(JOBS).status_code == 200


@pytest.mark.parametrize("header", [None, "", "another", "é"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_cookie_alone_changes_nothing(cookie_app: Flask, method: str, header: str | None) -> None:
    client, _ = with_cookies(cookie_app)
    path = JOBS if method == "POST" else f"{JOBS}/1"

    response = client.open(path, method=method, json={}, headers={} if header is None else {"X-CSRF-TOKEN": header})

    assert response.status_code == 401
    assert response.json is not None
    assert response.json["code"] in ("csrf_failed", "token_invalid")


def test_a_cookie_with_its_csrf_token_may_change_things(cookie_app: Flask) -> None:
    client, csrf = with_cookies(cookie_app)

    response = client.post(JOBS, json={}, headers={"X-CSRF-TOKEN": csrf})

    assert response.status_code == 422


def test_a_header_needs_no_csrf_token_where_cookies_are_on(cookie_app: Flask) -> None:
    assert client_of(cookie_app).post(JOBS, json={}).status_code == 422


# --- the demo -------------------------------------------------------------------------


def test_a_visit_to_the_demo_signs_in(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, demo_user="demo")) as app:
        client = app.test_client()
        visit = client.get("/")
        jobs = client.get(JOBS)
        again = client.get("/")

    assert visit.status_code == 200
    token_cookie = next(cookie for cookie in visit.headers.getlist("Set-Cookie") if cookie.startswith("access_token"))
    assert "HttpOnly" in token_cookie
    assert "SameSite=Lax" in token_cookie
    assert jobs.status_code == 200
    assert "Set-Cookie" not in again.headers


def test_a_demo_visitor_with_a_stale_cookie_gets_a_fresh_one(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, demo_user="demo")) as app:
        client = app.test_client()
        client.set_cookie("access_token_cookie", make_token(exp=int(time.time()) - 5))
        client.get("/")
        jobs = client.get(JOBS)

    assert jobs.status_code == 200


@pytest.mark.parametrize("jwt_cookies", [False, True])
def test_nobody_is_signed_in_outside_the_demo(tmp_path: Path, jwt_cookies: bool) -> None:
    with running_unit_app(make_settings(tmp_path, jwt_cookies=jwt_cookies)) as app:
        response = app.test_client().get("/")

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


# --- the page -------------------------------------------------------------------------


def test_the_page_is_told_what_it_needs_as_data(cookie_app: Flask) -> None:
    client, _ = with_cookies(cookie_app)

    page = client.get("/").get_data(as_text=True)
    data = page.partition('id="bulkdl-config">')[2].partition("</script>")[0]

    config = json.loads(data)
    assert config["urlPrefix"] == "/media-collab"
    assert config["projects"] == ["demo"]
    assert (config["csrfCookie"], config["csrfHeader"], config["isDemo"]) == (
        "csrf_access_token",
        "X-CSRF-TOKEN",
        False,
    )


def test_a_project_s_name_cannot_break_out_of_the_page(cookie_app: Flask) -> None:
    client = cookie_app.test_client()
    client.set_cookie("access_token_cookie", make_token(projects=["</script><script>alert(1)</script>"]))

    page = client.get("/").get_data(as_text=True)

    assert "<script>alert" not in page
