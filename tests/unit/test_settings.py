"""Settings: read once, checked wholly, each complaint one line that names the variable and what it wants."""

from __future__ import annotations

import pytest

from bulkdl.errors import SettingsError
from bulkdl.settings import VARIABLES, Settings, environment, load_settings

ENOUGH = {
    "DATABASE_URL": "postgres://user:hidden-password@db/bulkdl",
    "REDIS_URL": "redis://:hidden-password@cache:6379/0",
    "BULK_DOWNLOAD_BUCKET": "archives",
    "JWT_SECRET_KEY": "hidden-secret-of-thirty-two-characters",
}
PEM = "-----BEGIN PUBLIC KEY-----\\nMFkw\\n-----END PUBLIC KEY-----"


def test_four_variables_are_enough() -> None:
    settings = load_settings(ENOUGH)

    assert settings.archive_bucket == "archives"
    assert settings.expiry_hours == 24
    assert settings.max_files == 1000
    assert settings.concurrency == 10
    assert settings.url_prefix == "/media-collab"


@pytest.mark.parametrize("name", ENOUGH)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_variable_is_named_with_what_it_wants(name: str, value: str | None) -> None:
    environ = {key: text for key, text in ENOUGH.items() if key != name}
    if value is not None:
        environ[name] = value

    with pytest.raises(SettingsError, match=rf"^{name} is not set: it wants .+\.$"):
        load_settings(environ)


@pytest.mark.parametrize(
    ("name", "value", "wants"),
    [
        ("DATABASE_URL", "mysql://db/bulkdl", "a database URL"),
        ("DATABASE_URL", "postgres://", "a database URL"),
        ("REDIS_URL", "http://cache", "a URL beginning with redis://"),
        ("S3_ENDPOINT_URL", "minio:9000", "a URL beginning with http://"),
        ("S3_PROVIDER", "gcs", "one of auto, aws, r2"),
        ("BULK_DOWNLOAD_MAX_FILES", "0", "a whole number from 1 to 1000000"),
        ("BULK_DOWNLOAD_MAX_FILES", "many", "a whole number"),
        ("BULK_DOWNLOAD_MAX_FILES", "1.5", "a whole number"),
        ("BULK_DOWNLOAD_EXPIRY_HOURS", "-1", "a number from"),
        ("BULK_DOWNLOAD_EXPIRY_HOURS", "nan", "a number from"),
        ("BULK_DOWNLOAD_PART_SIZE", "5242879", "a whole number from 5242880"),
        ("JWT_ALGORITHM", "none", "one of HS256"),
        ("JWT_SECRET_KEY", "short", "at least 32 characters"),
        ("JWT_COOKIES", "maybe", "true or false"),
        ("BULKDL_ALLOWED_ORIGINS", "*", "exact origins"),
        ("BULKDL_ALLOWED_ORIGINS", "https://a.example,https://*.b.example", "exact origins"),
        ("BULKDL_ALLOWED_ORIGINS", "https://a.example/path", "exact origins"),
        ("BULKDL_URL_PREFIX", "media", "a path such as"),
        ("BULKDL_URL_PREFIX", "//media", "a path such as"),
        ("BULKDL_RATE_LIMIT", "often", "a limit such as"),
        ("LOG_LEVEL", "LOUD", "one of INFO"),
    ],
)
def test_malformed_variable_is_named_with_what_it_wants(name: str, value: str, wants: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**ENOUGH, name: value})

    message = str(caught.value)
    assert message.startswith(f"{name} is ")
    assert wants in message
    assert "\n" not in message


def test_limits_are_part_of_what_is_allowed() -> None:
    lowest = load_settings({**ENOUGH, "BULK_DOWNLOAD_MAX_FILES": "1", "BULK_DOWNLOAD_PART_SIZE": "5242880"})
    highest = load_settings({**ENOUGH, "BULK_DOWNLOAD_MAX_FILES": "1000000"})

    assert (lowest.max_files, lowest.part_size, highest.max_files) == (1, 5 * 1024**2, 1_000_000)


def test_no_secret_is_shown() -> None:
    environ = {**ENOUGH, "AWS_SECRET_ACCESS_KEY": "hidden-key", "AWS_SESSION_TOKEN": "hidden-token"}
    malformed = {**ENOUGH, "REDIS_URL": "amqp://:hidden-password@cache"}

    assert "hidden" not in repr(load_settings(environ))
    with pytest.raises(SettingsError) as caught:
        load_settings(malformed)
    assert "hidden" not in str(caught.value)


def test_public_key_algorithm_wants_its_key_and_keeps_no_secret() -> None:
    with pytest.raises(SettingsError, match=r"^JWT_PUBLIC_KEY is not set: it wants a public key in PEM form"):
        load_settings({**ENOUGH, "JWT_ALGORITHM": "RS256"})

    settings = load_settings({**ENOUGH, "JWT_ALGORITHM": "ES256", "JWT_PUBLIC_KEY": PEM})

    assert settings.jwt_secret_key is None
    assert settings.jwt_public_key == PEM.replace("\\n", "\n")


def test_secret_algorithm_keeps_no_public_key() -> None:
    assert load_settings({**ENOUGH, "JWT_PUBLIC_KEY": PEM}).jwt_public_key is None


@pytest.mark.parametrize(("value", "prefix"), [("/", ""), ("/api/", "/api"), ("/api/v1", "/api/v1")])
def test_url_prefix_has_no_slash_at_its_end(value: str, prefix: str) -> None:
    assert load_settings({**ENOUGH, "BULKDL_URL_PREFIX": value}).url_prefix == prefix


def test_origins_are_a_list_without_slashes_at_the_end() -> None:
    settings = load_settings({**ENOUGH, "BULKDL_ALLOWED_ORIGINS": "http://localhost:5173, https://app.example.com/"})

    assert settings.allowed_origins == ("http://localhost:5173", "https://app.example.com")


def test_the_process_is_read_when_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)

    assert load_settings() == load_settings(environment())


def test_every_setting_has_a_variable_of_its_own() -> None:
    names = [variable.name for variable in VARIABLES.values()]

    assert set(VARIABLES) == set(Settings.__slots__)
    assert len(set(names)) == len(names)
