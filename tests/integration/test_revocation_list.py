"""The list of revoked tokens on a real Redis; what it does for requests and streams is in test_api_security."""

from __future__ import annotations

import redis

from bulkdl.api.revocation import RevocationList
from tests.services.redis import RedisServer


def test_many_tokens_are_looked_up_at_once(redis_client: redis.Redis) -> None:
    revocations = RevocationList(redis_client)
    token_ids = [f"token-{number}" for number in range(1234)]
    bad = set(token_ids[::100])
    for token_id in bad:
        revocations.revoke(token_id, expires_at=None)

    assert revocations.revoked_among(token_ids) == bad
    assert revocations.revoked_among([]) == set()


def test_nobody_is_revoked_while_the_list_is_away(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url, socket_timeout=1) as client:
        revocations = RevocationList(client)
        revocations.revoke("bad", expires_at=None)
        redis_server.stop()

        assert revocations.revoked_among(["bad"]) == set()
