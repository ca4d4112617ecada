"""The web application for tests: settings that need no service, callers with tokens, and clients of theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from bulkdl.api.streams import close_streams
from bulkdl.app import create_app
from bulkdl.database import Base
from bulkdl.runtime import Runtime, make_runtime
from bulkdl.settings import Settings
from bulkdl.storage import ObjectStore
from bulkdl.storage.memory import MemoryStore
from tests.factories import PROJECT

SECRET = "a secret for tests, long enough for the longest of the HMAC algorithms, SHA-512"
PREFIX = "/media-collab"
JOBS = f"{PREFIX}/bulk-download/jobs"
ASSETS = f"{PREFIX}/assets"
NOWHERE = "127.0.0.1:1"
"""Where connections are refused at once."""


def make_settings(folder: Path, **overrides: Any) -> Settings:
    """Settings with a database file in this folder, and neither Redis nor a store behind their addresses."""
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'bulkdl.sqlite3'}",
        "redis_url": f"redis://{NOWHERE}/0",
        "archive_bucket": "archives",
        "source_buckets": ("media",),
        "s3_endpoint_url": f"http://{NOWHERE}",
        "s3_access_key_id": "testing",
        "s3_secret_access_key": "testing",
        "jwt_secret_key": SECRET,
        "rate_limit": "100000 per minute",
    }
    return Settings(**values | overrides)


@contextmanager
def running_app(
    settings: Settings, *, create_tables: bool = False, store: ObjectStore | None = None
) -> Iterator[Flask]:
    """The application with a runtime of its own, closed at the end; `store` stands in for the one in the settings."""
    with pytest.MonkeyPatch.context() as patch:
        if store is not None:
            patch.setattr("bulkdl.runtime.make_store", lambda settings: store)
        runtime = make_runtime(settings)
    try:
        if create_tables:
            Base.metadata.create_all(runtime.database.engine)
        app = create_app(runtime=runtime)
        app.config["TESTING"] = True
        try:
            yield app
        finally:
            close_streams(app)
    finally:
        runtime.close()


def running_unit_app(settings: Settings) -> AbstractContextManager[Flask]:
    """The application on a database file and a store in memory, without Redis."""
    return running_app(settings, create_tables=True, store=MemoryStore(["media", "archives"]))


def runtime_of(app: Flask) -> Runtime:
    """What the application works with."""
    runtime: Runtime = app.extensions["bulkdl"]
    return runtime


def make_token(user: str | None = "ann", *, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as another backend would sign it; a claim given as None is left out."""
    now = int(time.time())
    content: dict[str, Any] = {"sub": user, "projects": [PROJECT], "iat": now, "exp": now + 600, "jti": "id-of-token"}
    content = {name: value for name, value in (content | claims).items() if value is not None}
    return jwt.encode(content, key, algorithm)


def client_of(app: Flask, user: str = "ann", **claims: Any) -> FlaskClient:
    """A client that sends this person's token with every request."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make_token(user, **claims)}"
    return client
