"""What `bulkdl doctor` looks at: database, Redis, bucket, and what has been left lying about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import bulkdl
from bulkdl.errors import BulkdlError
from bulkdl.jobs import sweep
from bulkdl.runtime import Runtime

_ABORT_DAYS = 7
"""A job may take long; its upload is never this old unless it was forgotten."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    is_ok: bool
    text: str


def examine(runtime: Runtime, *, fix: bool) -> list[Finding]:
    """Look at everything; with `fix`, first mend what can be mended."""
    checks: dict[str, Callable[[Runtime], str]] = {
        "database": _database,
        "redis": _redis,
        "bucket": _bucket_made if fix else _bucket,
    }
    if fix:
        checks |= {"lifecycle": _lifecycle, "uploads": _uploads}
    return [_find(subject, check, runtime) for subject, check in checks.items()]


def _find(subject: str, check: Callable[[Runtime], str], runtime: Runtime) -> Finding:
    try:
        return Finding(subject, True, check(runtime))
    except (BulkdlError, redis.RedisError) as exc:
        return Finding(subject, False, str(exc) or type(exc).__name__)


def _database(runtime: Runtime) -> str:
    runtime.database.ping()
    config = Config()
    config.set_main_option("script_location", str(Path(bulkdl.__file__).parents[1] / "migrations"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with runtime.database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        kind = connection.dialect.name
    if found != newest:
        raise BulkdlError(f"{kind} is at revision {found}, the code wants {newest}: run `alembic upgrade head`.")
    return f"{kind}, revision {found}"


def _redis(runtime: Runtime) -> str:
    info = runtime.redis.info("server")
    try:
        policy = runtime.redis.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.ResponseError:
        policy = "unknown"  # hosted servers forbid the question
    if policy not in ("noeviction", "unknown"):
        raise BulkdlError(f"maxmemory-policy is {policy}: messages would be evicted, the queue wants noeviction.")
    return f"version {info.get('valkey_version') or info['redis_version']}, maxmemory-policy {policy}"


def _bucket(runtime: Runtime) -> str:
    bucket = runtime.settings.archive_bucket
    runtime.store.ping(bucket)
    return f"{bucket} can be reached ({runtime.store.provider.name})"


def _bucket_made(runtime: Runtime) -> str:
    try:
        return _bucket(runtime)
    except BulkdlError:
        runtime.store.ensure_bucket(runtime.settings.archive_bucket)
        return f"{_bucket(runtime)}, created now"


def _lifecycle(runtime: Runtime) -> str:
    settings = runtime.settings
    days = math.ceil(settings.expiry_hours / 24) + 1
    is_new = runtime.store.ensure_lifecycle(
        settings.archive_bucket, settings.archive_prefix, expire_days=days, abort_days=_ABORT_DAYS
    )
    state = "written now" if is_new else "stands"
    return f"{settings.archive_prefix}* deleted after {days} days, uploads aborted after {_ABORT_DAYS}: {state}"


def _uploads(runtime: Runtime) -> str:
    return f"{sweep.abort_orphans(runtime.jobs)} orphaned uploads aborted"
