"""What the integration tests of jobs work with: a context over real databases and Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bulkdl.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database of either kind."""
    database = Database(database_url)
    yield database
    database.close()
