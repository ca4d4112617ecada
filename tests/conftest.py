"""Fixtures for every tier; the servers behind them are in tests/services, started when first asked for."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine makes any example slow; what is slow by itself has a test that says so.
settings.register_profile("bulkdl", deadline=None)
settings.load_profile("bulkdl")

pytest_plugins = [
    "tests.services.redis",
    "tests.services.postgres",
    "tests.services.database",
    "tests.services.s3",
    "tests.services.web",
    "tests.services.system",
    "tests.services.local",
]

_ON_SERVERS = {"redis_server_url", "database_kind"}


# They last longest after the faults, mostly by waiting: begun late, all would wait for them.
_LONG_FILES = {"test_streams.py", "test_broker.py", "test_jobs_build.py", "test_archive_readers.py", "test_sweeps.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that REDIS_URL and DATABASE_URL make a difference to; on SQLite they say no more than without.

    Where files are run side by side, those that last longest begin first.
    """
    items.sort(key=_turn)
    for item in items:
        is_on_sqlite = hasattr(item, "callspec") and item.callspec.params.get("database_kind") == "sqlite"
        if _ON_SERVERS.intersection(getattr(item, "fixturenames", ())) and not is_on_sqlite:
            item.add_marker(pytest.mark.servers)


def _turn(item: pytest.Item) -> int:
    if item.path.parent.name == "faults":
        return 0
    return 1 if item.path.name in _LONG_FILES else 2
