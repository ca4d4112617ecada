"""Fixtures for every tier; the servers behind them are in tests/services, started when first asked for."""

from __future__ import annotations

pytest_plugins = [
    "tests.services.redis",
    "tests.services.postgres",
    "tests.services.database",
    "tests.services.s3",
    "tests.services.web",
    "tests.services.system",
    "tests.services.local",
]
