"""The web application in this process, on real services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.web import make_settings, running_app

StartApp = Callable[..., Flask]


@pytest.fixture
def start_app(
    database_url: str, redis_url: str, s3_endpoint: str, bucket: str, s3_credentials: None, tmp_path: Path
) -> Iterator[StartApp]:
    """Starts an application on the services of this test; keyword arguments are settings."""
    services = {
        "database_url": database_url,
        "redis_url": redis_url,
        "s3_endpoint_url": s3_endpoint,
        "s3_access_key_id": None,
        "s3_secret_access_key": None,
        "archive_bucket": bucket,
        "source_buckets": (bucket,),
    }
    with ExitStack() as running:

        def start(**overrides: Any) -> Flask:
            settings = make_settings(tmp_path, **services | overrides)
            return running.enter_context(running_app(settings))

        yield start


@pytest.fixture
def app(start_app: StartApp) -> Flask:
    """An application with everything it needs."""
    return start_app()
