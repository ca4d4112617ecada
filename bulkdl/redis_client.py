"""Redis connections with deadlines of our own: the library's defaults wait for many seconds when Redis is away."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 0.8
REPLY_TIMEOUT_S = 2.0


def make_redis(url: str, *, tls_verify: bool = True, reply_timeout_s: float = REPLY_TIMEOUT_S) -> redis.Redis:
    """A client that fails within two seconds, or sooner where somebody waits for an answer.

    A broken connection is replaced once, at once: after a restart of Redis the first command succeeds.
    A reply that does not come is not asked for again, since the command may have been carried out.
    `tls_verify=False` accepts a self-signed certificate, which is what Heroku's Redis shows.
    """
    options: dict[str, object] = {}
    if url.startswith("rediss://") and not tls_verify:
        options["ssl_cert_reqs"] = None
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=reply_timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=0,
        **options,
    )


def database_number(client: redis.Redis) -> int:
    """The number of the database that the client's keys lie in."""
    return int(client.get_connection_kwargs().get("db") or 0)
