"""The Flask application of a web process; only wires what the rooms offer."""

from __future__ import annotations

import redis
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from bulkdl.api import assets, capabilities, direct, docs, health, jobs, pages, streams
from bulkdl.api.auth import enforce, identify, init_auth
from bulkdl.api.current import attach_runtime
from bulkdl.api.errors import init_errors
from bulkdl.api.headers import init_headers
from bulkdl.api.limits import init_limits
from bulkdl.api.observe import init_observation
from bulkdl.api.revocation import RevocationList
from bulkdl.broker import BEGINNINGS, NAMESPACE, RANGES
from bulkdl.jobs import totals
from bulkdl.logs import configure_logs
from bulkdl.metrics import JobsCollector, QueueCollector, SpeedCollector, WebMetrics
from bulkdl.redis_client import make_redis
from bulkdl.runtime import Role, Runtime, make_runtime
from bulkdl.settings import Settings, load_settings

_MIB = 1024**2
_GUARD_TIMEOUT_S = 0.3
_BYTES_PER_ID = 80
"""An id of full length in a JSON list, and some room."""


class _Json(DefaultJSONProvider):
    """JSON as it is read: in the documented order, names in their own letters."""

    sort_keys = False
    ensure_ascii = False


def create_app(settings: Settings | None = None, runtime: Runtime | None = None) -> Flask:
    """Build the application; settings come from the environment, the runtime from the settings, unless given.

    Connects to nothing: it starts, and says so at `/readyz`, while services are away. Raises `SettingsError`.
    """
    if runtime is None:
        settings = settings or load_settings()
        configure_logs(settings.log_level, settings.log_format)
        runtime = make_runtime(settings, Role.WEB)
    settings = runtime.settings
    app = Flask("bulkdl")
    app.config["MAX_CONTENT_LENGTH"] = max(_MIB, settings.max_files * _BYTES_PER_ID + _MIB // 16)
    app.json = _Json(app)
    attach_runtime(app, runtime)
    metrics = _make_metrics(runtime)
    # This is asked before every request and can be done without, so it gets no time to hang.
    guard = make_redis(settings.redis_url, tls_verify=settings.redis_tls_verify, reply_timeout_s=_GUARD_TIMEOUT_S)
    revocations = RevocationList(guard)
    _init_edge(app, settings, metrics, guard, revocations)
    _register_routes(app, runtime, metrics, revocations)
    return app


def _init_edge(
    app: Flask, settings: Settings, metrics: WebMetrics, guard: redis.Redis, revocations: RevocationList
) -> None:
    """What surrounds every view. What is to act before a request acts in this order."""
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    init_observation(app, metrics)
    init_errors(app)
    init_headers(app, settings)
    init_auth(app, settings, revocations)
    app.before_request(identify)
    init_limits(app, settings, guard)
    app.before_request(enforce)


def _register_routes(app: Flask, runtime: Runtime, metrics: WebMetrics, revocations: RevocationList) -> None:
    settings = runtime.settings
    prefix = settings.url_prefix
    api = docs.make_api(app)
    api.register_blueprint(jobs.blueprint, url_prefix=f"{prefix}/bulk-download/jobs")
    api.register_blueprint(capabilities.blueprint, url_prefix=f"{prefix}/bulk-download")
    api.register_blueprint(assets.blueprint, url_prefix=f"{prefix}/assets")
    api.register_blueprint(direct.blueprint, url_prefix=f"{prefix}/assets/bulk-download")
    api.register_blueprint(streams.blueprint, url_prefix=prefix)
    api.register_blueprint(health.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(pages.blueprint)
    health.init_readiness(
        app,
        {
            "database": runtime.database.ping,
            "redis": runtime.redis.ping,
            "bucket": lambda: runtime.store.ping(settings.archive_bucket),
        },
    )
    direct.init_direct(app)
    streams.init_streams(app, revocations, on_count=metrics.streams.inc)


def _make_metrics(runtime: Runtime) -> WebMetrics:
    metrics = WebMetrics()
    metrics.add(QueueCollector(runtime.redis, namespace=NAMESPACE, queues=(BEGINNINGS, RANGES)), source="redis")
    metrics.add(JobsCollector(lambda: totals.count_by_status(runtime.jobs)), source="database")
    metrics.add(SpeedCollector(lambda: totals.bytes_per_second(runtime.jobs)), source="progress")
    return metrics
