"""The list of revoked tokens, in Redis: one key per `jti`, gone when the token would have expired.

When Redis cannot be reached a token counts as not revoked, with a warning in the log: reads go on
while Redis is away (issue 2), and a token that has been signed is good until its own, short, end.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import islice

import redis

from bulkdl.errors import ServiceUnavailable
from bulkdl.events.outage import AWAY, Outage

_KEY = "bulkdl:revoked:"
_ASKED_AT_ONCE = 500
_FOR_EVER_S = 10 * 365 * 86_400


class RevocationList:
    """Which tokens have been taken back before their end."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._outage = Outage("reading the revocation list")

    def revoke(self, token_id: str, *, expires_at: float | None) -> None:
        """Refuse the token with this `jti` from now on; raises `ServiceUnavailable` when that cannot be noted."""
        lifetime_s = _FOR_EVER_S if expires_at is None else int(expires_at - time.time()) + 1
        if lifetime_s <= 0:
            return
        try:
            self._client.set(_KEY + token_id, 1, ex=lifetime_s)
        except AWAY as exc:
            raise ServiceUnavailable("revocation list") from exc

    def is_revoked(self, token_id: str | None) -> bool:
        """Whether the token was revoked; False for one without `jti`, and while Redis is away."""
        # Not every request waits for a server that is away.
        if token_id is None or self._outage.is_fresh:
            return False
        try:
            found = bool(self._client.exists(_KEY + token_id))
        except AWAY as exc:
            self._outage.begin(exc)
            return False
        self._outage.end()
        return found

    def revoked_among(self, token_ids: Collection[str]) -> set[str]:
        """Those that were revoked; none while Redis is away."""
        revoked: set[str] = set()
        remaining = iter(token_ids)
        while not self._outage.is_fresh and (some := list(islice(remaining, _ASKED_AT_ONCE))):
            try:
                found = self._client.mget([_KEY + token_id for token_id in some])
            except AWAY as exc:
                self._outage.begin(exc)
                break
            revoked.update(token_id for token_id, value in zip(some, found, strict=True) if value is not None)
            self._outage.end()
        return revoked
