"""The frozen settings of a process, read once from the environment; nothing else reads os.environ."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from environs import Env, EnvError

from bulkdl.errors import SettingsError

T = TypeVar("T")
MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, each named after its variable. Sizes in bytes, `_s` in seconds. Secrets are kept out of repr."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)

    archive_bucket: str
    archive_prefix: str = "bulk-downloads/"
    s3_endpoint_url: str | None = None
    s3_public_endpoint_url: str | None = None
    s3_region: str = "us-east-1"
    s3_provider: str = "auto"
    s3_addressing_style: str = "auto"
    server_side_copy: str = "auto"

    jwt_algorithm: str = "HS256"
    jwt_secret_key: str | None = field(default=None, repr=False)
    jwt_public_key: str | None = field(default=None, repr=False)
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_cookies: bool = False
    allowed_origins: tuple[str, ...] = ()
    url_prefix: str = "/media-collab"
    public_url: str | None = None
    trusted_proxies: int = 0
    rate_limit: str = "600 per minute"

    expiry_hours: float = 24.0
    max_files: int = 1000
    max_bytes: int = 100 * GIB
    max_active_jobs: int = 5
    url_ttl_s: int = 3600
    concurrency: int = 10
    max_concurrency: int = 64
    part_size: int = 8 * MIB
    range_size: int = GIB
    buffer_bytes: int = 96 * MIB
    record_days: float = 30.0
    lease_s: float = 8.0
    max_attempts: int = 5

    max_streams: int = 12_000
    max_streams_per_user: int = 20
    heartbeat_s: float = 15.0

    log_level: str = "INFO"
    log_format: str = "json"
    demo_user: str | None = None


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check every variable (those of the process unless `environ` is given).

    Raises `SettingsError` with one line naming the variable and what it wants.
    """
    reader = _Reader(os.environ if environ is None else environ)
    algorithm = reader.word("JWT_ALGORITHM", "HS256", ("HS256", "HS384", "HS512", "RS256", "RS512", "ES256", "EdDSA"))
    symmetric = algorithm.startswith("HS")
    return Settings(
        database_url=reader.text("DATABASE_URL", wants="a database URL such as postgres://user:password@host/name"),
        redis_url=reader.url("REDIS_URL", ("redis", "rediss", "unix")),
        archive_bucket=reader.text("BULK_DOWNLOAD_BUCKET", wants="the name of the bucket that archives are written to"),
        archive_prefix=reader.text("BULK_DOWNLOAD_PREFIX", "bulk-downloads/"),
        s3_endpoint_url=reader.url("S3_ENDPOINT_URL", ("http", "https"), optional=True),
        s3_public_endpoint_url=reader.url("S3_PUBLIC_ENDPOINT_URL", ("http", "https"), optional=True),
        s3_region=reader.text("S3_REGION", "us-east-1"),
        s3_provider=reader.word("S3_PROVIDER", "auto", ("auto", "aws", "r2", "minio", "b2", "ceph", "moto", "generic")),
        s3_addressing_style=reader.word("S3_ADDRESSING_STYLE", "auto", ("auto", "path", "virtual")),
        server_side_copy=reader.word("BULK_DOWNLOAD_SERVER_SIDE_COPY", "auto", ("auto", "never")),
        jwt_algorithm=algorithm,
        jwt_secret_key=reader.secret("JWT_SECRET_KEY", at_least=32) if symmetric else None,
        jwt_public_key=None if symmetric else reader.pem("JWT_PUBLIC_KEY"),
        jwt_audience=reader.optional_text("JWT_AUDIENCE"),
        jwt_issuer=reader.optional_text("JWT_ISSUER"),
        jwt_cookies=reader.flag("JWT_COOKIES", False),
        allowed_origins=reader.origins("BULKDL_ALLOWED_ORIGINS"),
        url_prefix=reader.path("BULKDL_URL_PREFIX", "/media-collab"),
        public_url=reader.url("BULKDL_PUBLIC_URL", ("http", "https"), optional=True),
        trusted_proxies=reader.whole("BULKDL_TRUSTED_PROXIES", 0, 0, 10),
        rate_limit=reader.text("BULKDL_RATE_LIMIT", "600 per minute"),
        expiry_hours=reader.number("BULK_DOWNLOAD_EXPIRY_HOURS", 24.0, 0.001, 24 * 365),
        max_files=reader.whole("BULK_DOWNLOAD_MAX_FILES", 1000, 1, 1_000_000),
        max_bytes=reader.whole("BULK_DOWNLOAD_MAX_BYTES", 100 * GIB, 1, 5 * 1024**4),
        max_active_jobs=reader.whole("BULK_DOWNLOAD_MAX_ACTIVE_JOBS", 5, 1, 10_000),
        url_ttl_s=reader.whole("BULK_DOWNLOAD_URL_TTL_SECONDS", 3600, 30, 7 * 86_400),
        concurrency=reader.whole("BULK_DOWNLOAD_CONCURRENCY", 10, 1, 256),
        max_concurrency=reader.whole("BULK_DOWNLOAD_MAX_CONCURRENCY", 64, 1, 256),
        part_size=reader.whole("BULK_DOWNLOAD_PART_SIZE", 8 * MIB, 5 * MIB, 5 * GIB),
        range_size=reader.whole("BULK_DOWNLOAD_RANGE_SIZE", GIB, 5 * MIB, 5 * 1024**4),
        buffer_bytes=reader.whole("BULK_DOWNLOAD_BUFFER_BYTES", 96 * MIB, 32 * MIB, 64 * GIB),
        record_days=reader.number("BULK_DOWNLOAD_RECORD_DAYS", 30.0, 0.01, 3650),
        lease_s=reader.number("BULK_DOWNLOAD_LEASE_SECONDS", 8.0, 1, 600),
        max_attempts=reader.whole("BULK_DOWNLOAD_MAX_ATTEMPTS", 5, 1, 100),
        max_streams=reader.whole("BULKDL_MAX_STREAMS", 12_000, 1, 1_000_000),
        max_streams_per_user=reader.whole("BULKDL_MAX_STREAMS_PER_USER", 20, 1, 1_000_000),
        heartbeat_s=reader.number("BULKDL_HEARTBEAT_SECONDS", 15.0, 0.1, 60),
        log_level=reader.word("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        log_format=reader.word("LOG_FORMAT", "json", ("json", "console")),
        demo_user=reader.optional_text("BULKDL_DEMO_USER"),
    )


class _Reader:
    """Environment variables through environs, every complaint in one form."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._env = Env()

    def text(self, name: str, default: str | None = None, *, wants: str = "a text") -> str:
        value = self._environ.get(name, "").strip() or default
        if not value:
            raise SettingsError(f"{name} is not set: it wants {wants}.")
        return value

    def optional_text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def secret(self, name: str, *, at_least: int) -> str:
        value = self.text(name, wants=f"a random secret of at least {at_least} characters")
        if len(value) < at_least:
            raise SettingsError(f"{name} is too short: it wants a random secret of at least {at_least} characters.")
        return value

    def pem(self, name: str) -> str:
        value = self.text(name, wants="a public key in PEM form").replace("\\n", "\n")
        if "BEGIN PUBLIC KEY" not in value and "BEGIN CERTIFICATE" not in value:
            raise SettingsError(f"{name} is malformed: it wants a public key in PEM form.")
        return value

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in words:
            raise SettingsError(f"{name} is {value!r}: it wants one of {', '.join(words)}.")
        return value

    def url(self, name: str, schemes: tuple[str, ...], *, optional: bool = False) -> Any:  # Any: str, or None if optional
        value = self.optional_text(name)
        if value is None and optional:
            return None
        wants = "a URL beginning with " + " or ".join(f"{scheme}://" for scheme in schemes)
        if value is None:
            raise SettingsError(f"{name} is not set: it wants {wants}.")
        scheme, separator, rest = value.partition("://")
        if scheme not in schemes or not separator or not rest:
            raise SettingsError(f"{name} is malformed: it wants {wants}.")
        return value

    def path(self, name: str, default: str) -> str:
        value = self._environ.get(name, default).strip().rstrip("/")
        if value and (not value.startswith("/") or "//" in value):
            raise SettingsError(f"{name} is {value!r}: it wants a path such as {default}, or nothing.")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        values = tuple(value.strip().rstrip("/") for value in self._environ.get(name, "").split(",") if value.strip())
        for value in values:
            if "://" not in value or "*" in value or value.count("/") != 2:
                raise SettingsError(f"{name} has {value!r}: it wants exact origins such as https://app.example.com.")
        return values

    def flag(self, name: str, default: bool) -> bool:
        return self._parse(name, default, lambda: self._env.bool(name), "true or false")

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        wants = f"a whole number from {low} to {high}"
        return self._within(name, self._parse(name, default, lambda: int(self._environ[name]), wants), low, high, wants)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        wants = f"a number from {low:g} to {high:g}"
        return self._within(name, self._parse(name, default, lambda: float(self._environ[name]), wants), low, high, wants)

    def _parse(self, name: str, default: T, parse: Callable[[], T], wants: str) -> T:
        if not self._environ.get(name, "").strip():
            return default
        try:
            return parse()
        except (ValueError, EnvError) as exc:
            raise SettingsError(f"{name} is {self._environ[name]!r}: it wants {wants}.") from exc

    @staticmethod
    def _within(name: str, value: T, low: Any, high: Any, wants: str) -> T:  # Any: int and float alike
        if not low <= value <= high:
            raise SettingsError(f"{name} is {value!r}: it wants {wants}.")
        return value
