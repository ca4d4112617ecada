"""Tickets: EventSource and WebSocket cannot send a header, and a token must never stand in a URL (RFC 9700 §4.3.2).

A ticket is worth one stream, within half a minute, to whoever asked for it with their token.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time

import redis

from bulkdl.errors import ServiceUnavailable
from bulkdl.events.outage import AWAY
from bulkdl.identity import Principal

LIFETIME_S = 30

_PURPOSE = "stream"


class Tickets:
    """Issues and redeems tickets; what Redis holds of one does not let anybody in."""

    def __init__(self, client: redis.Redis, prefix: str = "bulkdl") -> None:
        self._client = client
        self._prefix = prefix

    def issue(self, principal: Principal) -> str:
        """A ticket for this caller. Raises `ServiceUnavailable` when Redis is away."""
        ticket = secrets.token_urlsafe(24)
        content = {
            "purpose": _PURPOSE,
            "user": principal.user_id,
            "projects": sorted(principal.project_ids),
            "scopes": sorted(principal.scopes),
            "expires": principal.expires_at,
            "token": principal.token_id,
        }
        try:
            self._client.set(self._key(ticket), json.dumps(content), ex=LIFETIME_S)
        except AWAY as exc:
            raise ServiceUnavailable("ticket office") from exc
        return ticket

    def redeem(self, ticket: str) -> Principal | None:
        """Whose ticket it is; None when it is unknown, used, too old, or its token has expired meanwhile.

        Raises `ServiceUnavailable` when Redis is away.
        """
        try:
            stored = self._client.getdel(self._key(ticket))
        except AWAY as exc:
            raise ServiceUnavailable("ticket office") from exc
        if stored is None:
            return None
        content = json.loads(stored)
        expires_at = content["expires"]
        if content["purpose"] != _PURPOSE or (expires_at is not None and expires_at <= time.time()):
            return None
        return Principal(
            user_id=content["user"],
            project_ids=frozenset(content["projects"]),
            scopes=frozenset(content["scopes"]),
            expires_at=expires_at,
            token_id=content.get("token"),
        )

    def _key(self, ticket: str) -> str:
        digest = hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._prefix}:ticket:{digest}"
