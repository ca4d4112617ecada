"""The frozen settings of a process, read once from the environment; nothing else reads os.environ."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from environs import Env, EnvError, EnvNotSetError, ValidationError, validate

from bulkdl.errors import SettingsError

MIB = 1024**2
GIB = 1024**3
TIB = 1024**4


@dataclass(frozen=True, slots=True)
class Variable:
    """How one setting is written in the environment."""

    name: str
    wants: str
    """Completes the sentence "it wants …"."""
    parser: str = "str"
    """The environs parser that reads it."""
    validators: tuple[Callable[[Any], Any], ...] = ()  # Any: each validator takes what its parser gives
    convert: Callable[[Any], Any] = lambda value: value
    """From what was parsed and found valid to what is kept."""
    is_secret: bool = False
    """Its value stands in no message and no repr."""


def _setting(variable: Variable, default: Any = dataclasses.MISSING) -> Any:  # Any: stands for a field of any type
    return dataclasses.field(default=default, repr=not variable.is_secret, metadata={"variable": variable})


def _text(name: str, default: Any = dataclasses.MISSING, *, wants: str, pattern: str = ".", **more: Any) -> Any:
    return _setting(Variable(name, wants, validators=(validate.Regexp(pattern, re.DOTALL),), **more), default)


def _word(name: str, *words: str) -> Any:
    """The first word is the default."""
    return _setting(Variable(name, f"one of {', '.join(words)}", validators=(validate.OneOf(words),)), words[0])


def _url(name: str, default: Any = dataclasses.MISSING, *, schemes: str, is_secret: bool = False) -> Any:
    wants = "a URL beginning with " + " or ".join(f"{scheme}://" for scheme in schemes.split("|"))
    return _text(name, default, wants=wants, pattern=rf"({schemes})://\S+\Z", is_secret=is_secret)


def _whole(name: str, default: int, low: int, high: int) -> Any:
    wants = f"a whole number from {low} to {high}"
    return _setting(Variable(name, wants, parser="int", validators=(validate.Range(low, high),)), default)


def _number(name: str, default: float, low: float, high: float) -> Any:
    wants = f"a number from {low:g} to {high:g}"
    return _setting(Variable(name, wants, parser="float", validators=(validate.Range(low, high),)), default)


def _flag(name: str, default: bool) -> Any:
    return _setting(Variable(name, "true or false", parser="bool"), default)


def _origins(name: str) -> Any:
    def are_exact(origins: list[str]) -> None:
        if not all(re.fullmatch(r"https?://[^/*\s]+/?", origin.strip()) for origin in origins):
            raise ValidationError("Not exact origins.")

    def cleaned(origins: list[str]) -> tuple[str, ...]:
        return tuple(origin.strip().rstrip("/") for origin in origins)

    wants = "exact origins such as https://app.example.com, separated by commas"
    return _setting(Variable(name, wants, parser="list", validators=(are_exact,), convert=cleaned), ())


def _names(name: str, *, wants: str) -> Any:
    def cleaned(names: list[str]) -> tuple[str, ...]:
        return tuple(name.strip() for name in names if name.strip())

    return _setting(Variable(name, f"{wants}, separated by commas", parser="list", convert=cleaned), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting beside its variable. Sizes in bytes, `_s` in seconds. Secrets are kept out of repr."""

    database_url: str = _text(
        "DATABASE_URL",
        wants="a database URL such as postgres://user:password@host/name or sqlite:///file",
        pattern=r"(postgres|postgresql|postgresql\+psycopg|sqlite)://.+\Z",
        is_secret=True,
    )
    redis_url: str = _url("REDIS_URL", schemes="redis|rediss|unix", is_secret=True)
    redis_tls_verify: bool = _flag("REDIS_TLS_VERIFY", True)

    archive_bucket: str = _text("BULK_DOWNLOAD_BUCKET", wants="the name of the bucket that archives are written to")
    archive_prefix: str = _text("BULK_DOWNLOAD_PREFIX", "bulk-downloads/", wants="the beginning of the archives' keys")
    source_buckets: tuple[str, ...] = _names(
        "BULK_DOWNLOAD_SOURCE_BUCKETS",
        wants="the buckets that assets may lie in, if not only the archives' own",
    )
    s3_endpoint_url: str | None = _url("S3_ENDPOINT_URL", None, schemes="http|https")
    s3_public_endpoint_url: str | None = _url("S3_PUBLIC_ENDPOINT_URL", None, schemes="http|https")
    s3_region: str = _text("S3_REGION", "us-east-1", wants="the bucket's region")
    s3_provider: str = _word("S3_PROVIDER", "auto", "aws", "r2", "minio", "b2", "ceph", "moto", "generic")
    s3_addressing_style: str = _word("S3_ADDRESSING_STYLE", "auto", "path", "virtual")
    s3_access_key_id: str | None = _text("AWS_ACCESS_KEY_ID", None, wants="an access key", is_secret=True)
    s3_secret_access_key: str | None = _text("AWS_SECRET_ACCESS_KEY", None, wants="a secret key", is_secret=True)
    s3_session_token: str | None = _text("AWS_SESSION_TOKEN", None, wants="a session token", is_secret=True)
    server_side_copy: str = _word("BULK_DOWNLOAD_SERVER_SIDE_COPY", "auto", "never")

    jwt_algorithm: str = _word(
        "JWT_ALGORITHM", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"
    )
    jwt_secret_key: str | None = _text(
        "JWT_SECRET_KEY", None, wants="a random secret of at least 32 characters", pattern=".{32}", is_secret=True
    )
    jwt_public_key: str | None = _text(
        "JWT_PUBLIC_KEY",
        None,
        wants="a public key in PEM form",
        pattern="-----BEGIN (PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----",
        convert=lambda pem: pem.replace("\\n", "\n"),
    )
    jwt_audience: str | None = _text("JWT_AUDIENCE", None, wants="the audience that tokens are made for")
    jwt_issuer: str | None = _text("JWT_ISSUER", None, wants="the issuer that tokens come from")
    jwt_cookies: bool = _flag("JWT_COOKIES", False)
    allowed_origins: tuple[str, ...] = _origins("BULKDL_ALLOWED_ORIGINS")
    url_prefix: str = _text(
        "BULKDL_URL_PREFIX",
        "/media-collab",
        wants="a path such as /media-collab, or / for none",
        pattern=r"/(?!/)([^/\s]+/?)*\Z",
        convert=lambda path: path.rstrip("/"),
    )
    public_url: str | None = _url("BULKDL_PUBLIC_URL", None, schemes="http|https")
    trusted_proxies: int = _whole("BULKDL_TRUSTED_PROXIES", 0, 0, 10)
    rate_limit: str = _text(
        "BULKDL_RATE_LIMIT",
        "600 per minute",
        wants="a limit such as 600 per minute",
        pattern=r"\d+ per (\d+ )?(second|minute|hour|day)s?\Z",
    )

    expiry_hours: float = _number("BULK_DOWNLOAD_EXPIRY_HOURS", 24.0, 0.001, 24 * 365)
    max_files: int = _whole("BULK_DOWNLOAD_MAX_FILES", 1000, 1, 1_000_000)
    max_bytes: int = _whole("BULK_DOWNLOAD_MAX_BYTES", 100 * GIB, 1, 5 * TIB)
    max_active_jobs: int = _whole("BULK_DOWNLOAD_MAX_ACTIVE_JOBS", 5, 1, 10_000)
    url_ttl_s: int = _whole("BULK_DOWNLOAD_URL_TTL_SECONDS", 3600, 30, 7 * 86_400)
    concurrency: int = _whole("BULK_DOWNLOAD_CONCURRENCY", 10, 1, 256)
    max_concurrency: int = _whole("BULK_DOWNLOAD_MAX_CONCURRENCY", 64, 1, 256)
    part_size: int = _whole("BULK_DOWNLOAD_PART_SIZE", 8 * MIB, 5 * MIB, 5 * GIB)
    range_size: int = _whole("BULK_DOWNLOAD_RANGE_SIZE", GIB, 5 * MIB, 5 * TIB)
    buffer_bytes: int = _whole("BULK_DOWNLOAD_BUFFER_BYTES", 96 * MIB, 32 * MIB, 64 * GIB)
    record_days: float = _number("BULK_DOWNLOAD_RECORD_DAYS", 30.0, 0.01, 3650)
    lease_s: float = _number("BULK_DOWNLOAD_LEASE_SECONDS", 8.0, 1, 600)
    max_attempts: int = _whole("BULK_DOWNLOAD_MAX_ATTEMPTS", 5, 1, 100)

    max_streams: int = _whole("BULKDL_MAX_STREAMS", 12_000, 1, 1_000_000)
    max_streams_per_user: int = _whole("BULKDL_MAX_STREAMS_PER_USER", 20, 1, 1_000_000)
    heartbeat_s: float = _number("BULKDL_HEARTBEAT_SECONDS", 15.0, 0.1, 60)

    metrics_token: str | None = _text(
        "BULKDL_METRICS_TOKEN", None, wants="a random secret of at least 16 characters", pattern=".{16}", is_secret=True
    )
    log_level: str = _word("LOG_LEVEL", "INFO", "DEBUG", "WARNING", "ERROR")
    log_format: str = _word("LOG_FORMAT", "json", "console")
    demo_user: str | None = _text("BULKDL_DEMO_USER", None, wants="a user's name, for demonstrations only")

    @property
    def readable_buckets(self) -> frozenset[str]:
        """Where assets may lie: never a bucket that only a client names."""
        return frozenset(self.source_buckets or (self.archive_bucket,))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check every variable (those of the process unless `environ` is given).

    A blank variable is as one that is not set. Raises `SettingsError` with one line naming the
    variable and what it wants.
    """
    reader = _Reader(environment() if environ is None else environ)
    values = {field.name: reader.read(field) for field in dataclasses.fields(Settings)}
    # Of the two keys only the algorithm's own is kept: nothing can then be verified with the other.
    used, unused = "jwt_secret_key", "jwt_public_key"
    if not values["jwt_algorithm"].startswith("HS"):
        used, unused = unused, used
    if values[used] is None:
        raise _not_set(VARIABLES[used])
    return Settings(**values | {unused: None})


def load_database_url() -> str:
    """DATABASE_URL alone, for migrations: a release step may have nothing else. Raises `SettingsError`."""
    field = next(field for field in dataclasses.fields(Settings) if field.name == "database_url")
    return str(_Reader(environment()).read(field))


def environment() -> dict[str, str]:
    """A copy of the process's environment, for those who compose the environment of another process."""
    return dict(os.environ)


class _Reader(Env):
    """environs over any mapping, every complaint in one form."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._mapping = environ

    def read(self, field: dataclasses.Field[Any]) -> Any:  # Any: the field's own type
        variable: Variable = field.metadata["variable"]
        parse = getattr(self, variable.parser)
        default = ... if field.default is dataclasses.MISSING else field.default
        try:
            value = parse(variable.name, default, validate=variable.validators)
        except EnvNotSetError:
            raise _not_set(variable) from None
        except EnvError as exc:
            found = "malformed" if variable.is_secret else repr(self._mapping[variable.name])
            raise SettingsError(f"{variable.name} is {found}: it wants {variable.wants}.") from exc
        return value if value is None else variable.convert(value)

    def _get_value(self, env_key: str, default: Any) -> Any:  # Any: as in environs, whose own variants override this
        return self._mapping.get(env_key, "").strip() or default


def _not_set(variable: Variable) -> SettingsError:
    return SettingsError(f"{variable.name} is not set: it wants {variable.wants}.")


VARIABLES: Mapping[str, Variable] = {field.name: field.metadata["variable"] for field in dataclasses.fields(Settings)}
"""Every variable by the name of its setting."""
