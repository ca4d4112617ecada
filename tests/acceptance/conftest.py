"""Acceptance tests run on PostgreSQL where there is one, else on SQLite; a test may ask for either."""

from __future__ import annotations

import os

import pytest

from tests.services.database import POSTGRESQL, SQLITE
from tests.services.postgres import find_binaries


@pytest.fixture(scope="session")
def usual_database_kind() -> str:
    """PostgreSQL where there is one; in CI there has to be."""
    is_there = os.environ.get("DATABASE_URL", "").startswith("postgres") or find_binaries() is not None
    return POSTGRESQL if is_there or os.environ.get("CI") == "true" else SQLITE


@pytest.fixture
def database_kind(usual_database_kind: str, request: pytest.FixtureRequest) -> str:
    """One kind; `parametrize("database_kind", […], indirect=True)` chooses another."""
    return str(getattr(request, "param", usual_database_kind))
