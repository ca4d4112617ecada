"""PostgreSQL for tests: the server that DATABASE_URL names, or a private one made by initdb."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa

from bulkdl.database import normalise_url
from tests.services.missing import missing
from tests.services.processes import Process, free_port
from tests.services.wait import wait_until


class PostgresServer:
    """A private server, in a temporary folder of its own user's, that a test may stop and start again."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # initdb and postgres refuse to run as root.
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="bulkdl-postgres-"))
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        self.port = free_port()
        self.url = f"postgresql://bulkdl@127.0.0.1:{self.port}/postgres"
        self._initialise()
        self.start()

    def start(self) -> None:
        """Start it on its port."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            # Durable enough for a test: the server is killed at times, the machine is not.
            "fsync": "off",
            "max_connections": "200",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = Process(
            [str(self._binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *arguments],
            log_path=self.folder / "server.log",
            cwd=self.folder,
            user=self._user,
        )
        self.process.wait_for_port(self.port)
        # It listens a moment before it lets anyone in.
        wait_until(self._accepts, 20, what="PostgreSQL accepting connections")

    def stop(self) -> None:
        """Stop it at once: connections end in mid-query and new ones are refused until `start`."""
        self.process.kill()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Halt every process of it for the block: connections stay open, nothing comes any more."""
        head = psutil.Process(self.process.pid)
        family = [head, *head.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accepts(self) -> bool:
        try:
            _autocommit(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        command = [self._binaries / "initdb", "-D", self.folder / "data", "-U", "bulkdl", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*map(str, command), "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self.folder,
            user=self._user,
            group=self._user,
        )


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """A PostgreSQL database from which others may be created."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    server = start_private_postgres()
    try:
        yield server.url
    finally:
        server.remove()


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A private server for tests that stop or break it; never the one that DATABASE_URL names."""
    server = start_private_postgres()
    try:
        yield server
    finally:
        server.remove()


def start_private_postgres() -> PostgresServer:
    """Start a private server; without PostgreSQL's programs skip the test, or fail it in CI."""
    binaries = find_binaries()
    if binaries is None:
        missing("PostgreSQL is missing: set DATABASE_URL=postgresql://… or install it (Debian: postgresql).")
    return PostgresServer(binaries)


def create_database(server_url: str, name: str, *, template: str = "template0") -> str:
    """Create a database beside the given one and return its URL."""
    with _autocommit(server_url) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, name: str) -> None:
    """Drop the database whoever is connected to it."""
    with _autocommit(server_url) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _autocommit(server_url: str) -> psycopg.Connection:
    return psycopg.connect(_url(server_url).render_as_string(hide_password=False), autocommit=True)


def _url(given: str) -> sa.URL:
    # Without the driver's name, and spelt as SQLAlchemy and libpq both take it.
    return sa.make_url(normalise_url(given)).set(drivername="postgresql")


def find_binaries() -> Path | None:
    """The folder of initdb and postgres."""
    on_path = [Path(folder) for folder in os.get_exec_path()]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in (*on_path, *debian):
        # Both programs, and beside each other: a lone link cannot find its own share folder.
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return (folder / "postgres").resolve().parent
    return None


def _unprivileged_user() -> str:
    import pwd

    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.fail("no user `postgres` or `nobody` to run a private PostgreSQL as.")
