"""Databases for tests: each test in a fresh one, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.postgres import PostgresServer, create_database, drop_database

ROOT = Path(__file__).parents[2]
SQLITE = "sqlite"
POSTGRESQL = "postgresql"


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs the test once on each kind of database; override it by indirect parameters to run on one."""
    return str(request.param)


@pytest.fixture
def empty_database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without a table."""
    if database_kind == SQLITE:
        yield f"sqlite:///{tmp_path / 'bulkdl.sqlite3'}"
        return
    server_url = request.getfixturevalue("postgres_server_url")
    name = _fresh_name()
    try:
        yield create_database(server_url, name)
    finally:
        drop_database(server_url, name)


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database migrated to the newest revision, with no row in it."""
    with migrated_database(database_kind, tmp_path, request) as url:
        yield url


@pytest.fixture
def breakable_postgres_url(postgres_server: PostgresServer) -> str:
    """A migrated database on `postgres_server`, which the test may stop or suspend."""
    url = create_database(postgres_server.url, "bulkdl")
    migrate(url)
    return url


@contextmanager
def migrated_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database for the block, which lies in the folder when it is a file."""
    if kind == SQLITE:
        path = folder / "bulkdl.sqlite3"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite_path"), path)
        yield f"sqlite:///{path}"
        return
    server_url = request.getfixturevalue("postgres_server_url")
    name = _fresh_name()
    try:
        yield create_database(server_url, name, template=request.getfixturevalue("migrated_postgres_name"))
    finally:
        drop_database(server_url, name)


@pytest.fixture(scope="session")
def migrated_sqlite_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("migrated") / "bulkdl.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres_name(postgres_server_url: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database to use as a template."""
    name = _fresh_name()
    try:
        migrate(create_database(postgres_server_url, name))
        yield name
    finally:
        drop_database(postgres_server_url, name)


def migrate(url: str) -> None:
    """Bring the database to the newest revision, by the command that a release runs."""
    if not (ROOT / "alembic.ini").exists():
        _create_tables(url)
        return
    environ = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"


def _create_tables(url: str) -> None:
    import bulkdl.jobs.models  # noqa: F401 - declares the tables
    from bulkdl.database import Base, Database

    database = Database(url)
    Base.metadata.create_all(database.engine)
    database.close()


def _fresh_name() -> str:
    return f"bulkdl_test_{secrets.token_hex(6)}"
