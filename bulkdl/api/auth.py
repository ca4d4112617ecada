"""Who may come in: every route wants a token, but for those listed here.

A token comes in the `Authorization` header, or in a cookie when the settings allow that (then with the
double-submit CSRF header on what changes anything). It is never taken from a URL (RFC 9700 §4.3.2): streams
take a single-use ticket instead, see `api.streams`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from flask import Flask, Response, g, request
from flask_jwt_extended import JWTManager, create_access_token, get_jwt, set_access_cookies, verify_jwt_in_request
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException, NoAuthorizationError, RevokedTokenError
from jwt import ExpiredSignatureError, PyJWTError
from jwt.algorithms import get_default_algorithms

from bulkdl.api.revocation import RevocationList
from bulkdl.errors import NotAuthenticated, PermissionDenied, SettingsError
from bulkdl.identity import Principal, principal_from_claims
from bulkdl.settings import Settings

PUBLIC_ENDPOINTS = frozenset(
    {
        "health.live",
        "health.ready",
        "health.metrics",
        "docs.openapi",
        "docs.page",
        "docs.problems",
        "docs.assets",
        "pages.index",
        "static",
    }
)
"""What anybody may see. `/metrics` has a token of its own, `BULKDL_METRICS_TOKEN`."""

TICKETED_ENDPOINTS = frozenset({"streams.job_events", "streams.events", "streams.ws"})
"""What checks a ticket or a token itself, because EventSource and WebSocket cannot send a header."""

CSRF_COOKIE = "csrf_access_token"
CSRF_HEADER = "X-CSRF-TOKEN"

_DEMO_LIFETIME = timedelta(hours=12)


def init_auth(app: Flask, settings: Settings, revocations: RevocationList) -> None:
    """Teach flask-jwt-extended our settings."""
    app.config.update(
        JWT_ALGORITHM=settings.jwt_algorithm,
        # Exactly one algorithm, never the one that the token names: no `none`, no RS/HS confusion (RFC 8725 §3.1).
        JWT_DECODE_ALGORITHMS=[settings.jwt_algorithm],
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_PUBLIC_KEY=_public_key(settings),
        JWT_DECODE_AUDIENCE=settings.jwt_audience,
        JWT_DECODE_ISSUER=settings.jwt_issuer,
        JWT_ENCODE_AUDIENCE=settings.jwt_audience,
        JWT_ENCODE_ISSUER=settings.jwt_issuer,
        JWT_TOKEN_LOCATION=["headers", "cookies"] if uses_cookies(settings) else ["headers"],
        JWT_COOKIE_CSRF_PROTECT=True,
        JWT_COOKIE_SAMESITE="Lax",
        JWT_COOKIE_SECURE=(settings.public_url or "").startswith("https://"),
        JWT_ACCESS_CSRF_COOKIE_NAME=CSRF_COOKIE,
        JWT_ACCESS_CSRF_HEADER_NAME=CSRF_HEADER,
        JWT_SESSION_COOKIE=False,
    )
    manager = JWTManager(app)

    @manager.token_in_blocklist_loader
    def _is_revoked(header: dict[str, Any], claims: dict[str, Any]) -> bool:  # Any: JSON
        return revocations.is_revoked(claims["jti"])


def _public_key(settings: Settings) -> Any:  # Any: cryptography's keys have no common type that PyJWT names
    """The key that verifies tokens, out of a public key or a certificate, and fit for the algorithm."""
    pem = settings.jwt_public_key
    if pem is None:
        return None
    try:
        if "BEGIN CERTIFICATE" in pem:
            key: Any = load_pem_x509_certificate(pem.encode()).public_key()  # Any: as above
        else:
            key = load_pem_public_key(pem.encode())
        return get_default_algorithms()[settings.jwt_algorithm].prepare_key(key)
    except (ValueError, TypeError, UnsupportedAlgorithm, PyJWTError) as exc:
        raise SettingsError(
            f"JWT_PUBLIC_KEY is malformed: it wants a public key in PEM form for {settings.jwt_algorithm}."
        ) from exc


def uses_cookies(settings: Settings) -> bool:
    """Whether a token may come in a cookie; the demo's does."""
    return settings.jwt_cookies or settings.demo_user is not None


def identify() -> None:
    """Before a request: find out who asks. Nobody is turned away yet, so that failures count against a limit too."""
    g.principal = None
    g.refusal = None
    if request.endpoint is None or request.method == "OPTIONS":
        return
    try:
        g.principal = read_principal()
    except NotAuthenticated as exc:
        g.refusal = exc


def enforce() -> None:
    """Before a request, after `identify`: turn away whoever is nobody, unless the route is for everybody."""
    if request.endpoint is None or request.method == "OPTIONS":
        return  # 404, 405, or the answer to a preflight
    if g.principal is None and request.endpoint not in PUBLIC_ENDPOINTS | TICKETED_ENDPOINTS:
        raise g.refusal


def current_principal() -> Principal:
    """The authenticated caller of the current request; raises `NotAuthenticated`, saying why, when there is none."""
    principal: Principal | None = g.get("principal")
    if principal is None:
        raise g.get("refusal") or NotAuthenticated("Send a token: `Authorization: Bearer …`.")
    return principal


def read_principal() -> Principal:
    """Verify the request's token and read it; raises `NotAuthenticated`."""
    try:
        verify_jwt_in_request()
        return principal_from_claims(get_jwt())
    except RevokedTokenError as exc:
        raise NotAuthenticated("The token has been revoked.", code="token_revoked") from exc
    except ExpiredSignatureError as exc:
        raise NotAuthenticated("The token has expired.", code="token_expired") from exc
    except CSRFError as exc:
        detail = f"Send the value of the cookie {CSRF_COOKIE} in the header {CSRF_HEADER}."
        raise NotAuthenticated(detail, code="csrf_failed") from exc
    except NoAuthorizationError as exc:
        raise NotAuthenticated("Send a token: `Authorization: Bearer …`.") from exc
    except (JWTExtendedException, PyJWTError, PermissionDenied) as exc:
        raise NotAuthenticated(f"The token is not valid: {exc}.", code="token_invalid") from exc
    except (RecursionError, TypeError, ValueError) as exc:
        # A payload nested a thousand deep, a CSRF header that is not ASCII: the libraries pass these on.
        raise NotAuthenticated("The token is not valid.", code="token_invalid") from exc


def log_demo_user_in(response: Response, settings: Settings) -> None:
    """Give the visitor of a demo (`python -m bulkdl`) the demo user's cookies; does nothing anywhere else."""
    if settings.demo_user is None or settings.jwt_secret_key is None:
        return
    token = create_access_token(
        settings.demo_user, additional_claims={"projects": ["demo"]}, expires_delta=_DEMO_LIFETIME
    )
    set_access_cookies(response, token, max_age=int(_DEMO_LIFETIME.total_seconds()))
