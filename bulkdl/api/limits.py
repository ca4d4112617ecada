"""How often one person, or one address that nobody has signed in from, may ask."""

from __future__ import annotations

import ipaddress
import time

import redis
from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import parse

from bulkdl.api.errors import RateLimited, problem_of
from bulkdl.settings import Settings

UNLIMITED_ENDPOINTS = frozenset({"health.live", "health.ready", "health.metrics", "docs.assets"})
OFTEN_ASKED_ENDPOINTS = frozenset({"assets.thumbnail"})
"""A page of pictures asks for these by the hundred."""

_OFTEN = 10


def init_limits(app: Flask, settings: Settings, client: redis.Redis) -> None:
    """Count every request per route, in Redis; while Redis is away each process counts for itself."""
    limit = parse(settings.rate_limit)

    def current_limit() -> str:
        factor = _OFTEN if request.endpoint in OFTEN_ASKED_ENDPOINTS else 1
        return f"{limit.amount * factor} per {limit.multiples} {limit.GRANULARITY.name}"

    limiter = Limiter(
        _whose,
        default_limits=[current_limit],
        strategy="fixed-window",
        storage_uri="redis://",
        storage_options={"connection_pool": client.connection_pool, "key_prefix": "bulkdl:limits"},  # type: ignore[dict-item]  # passed on as it is
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        on_breach=_refuse,
    )
    limiter.request_filter(lambda: request.endpoint in UNLIMITED_ENDPOINTS or request.method == "OPTIONS")
    limiter.init_app(app)


def _whose() -> str:
    if g.principal is not None:
        return f"user:{g.principal.user_id}"
    return f"address:{network_of(request.remote_addr or '')}"


def network_of(address: str) -> str:
    """The address itself; of IPv6 the /64 that one customer gets, where addresses cost nothing."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _refuse(breached: RequestLimit) -> Response:
    retry_after_s = max(1, breached.reset_at - int(time.time()))
    return problem_of(RateLimited(str(breached.limit), retry_after_s=retry_after_s)).to_response()
