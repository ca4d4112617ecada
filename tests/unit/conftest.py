"""The web application on a file and in memory, and somebody who asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web import client_of, make_settings, running_unit_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """With settings of its own; a file of tests that needs others overrides it."""
    with running_unit_app(make_settings(tmp_path)) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Ann, with her token."""
    return client_of(app)
