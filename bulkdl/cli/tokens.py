"""Tokens for curl, and for the command itself."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

import jwt

from bulkdl.cli.exits import CommandError
from bulkdl.settings import Settings


def make_token(
    settings: Settings, user_id: str, project_ids: Iterable[str], *, ttl_s: int, scopes: Iterable[str] = ()
) -> str:
    """A signed token with the claims that `identity` reads; only where the secret is shared (HS256 and its like)."""
    if settings.jwt_secret_key is None:
        raise CommandError(f"Tokens of {settings.jwt_algorithm} are issued elsewhere: give one by --token.")
    now = int(time.time())
    claims: dict[str, object] = {
        "sub": user_id,
        "projects": list(project_ids),
        "scope": " ".join(scopes),
        "type": "access",
        "jti": secrets.token_hex(16),
        "iat": now,
        "nbf": now,
        "exp": now + ttl_s,
    }
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, settings.jwt_secret_key, algorithm=settings.jwt_algorithm)
