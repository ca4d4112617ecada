"""Engine, sessions and the clock of the database; PostgreSQL and SQLite alike."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import RV, PQGen
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.sql.functions import FunctionElement

from bulkdl.errors import ServiceUnavailable

_IDLE_TIMEOUT_S = 10.0
"""How long a transaction may hold its locks while nothing is asked in it. Nobody of ours takes that long; a process
that was suspended does, and somebody else is waiting to go on with its work."""


class Base(DeclarativeBase):
    """The declarative base of every model."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite, which keeps no zone, is given and gives UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class now_epoch(FunctionElement[float]):  # noqa: N801 - reads as the SQL function it is
    """The database's own wall clock as seconds since 1970: leases never compare two machines' clocks."""

    type = sa.Double()
    inherit_cache = True


@compiles(now_epoch, "postgresql")
def _now_epoch_postgresql(element: now_epoch, compiler: Any, **kw: Any) -> str:  # Any: SQLAlchemy's hook signature
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(now_epoch, "sqlite")
def _now_epoch_sqlite(element: now_epoch, compiler: Any, **kw: Any) -> str:  # Any: SQLAlchemy's hook signature
    return "((julianday('now') - 2440587.5) * 86400.0)"


def normalise_url(url: str) -> str:
    """Accept what platforms hand out (`postgres://…`) and name the driver that is installed."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


class Database:
    """The engine and its session factory; made once per process, closed with it."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        connect_timeout_s: int = 2,
        idle_timeout_s: float = _IDLE_TIMEOUT_S,
        patience_s: float | None = None,
        ping_patience_s: float | None = None,
    ) -> None:
        """`patience_s` is how long PostgreSQL may be silent within a statement; without it, for ever.

        `ping_patience_s` is the same for a connection of the pool that is asked whether it is alive.
        """
        self._engine = _make_engine(normalise_url(url), pool_size, connect_timeout_s, idle_timeout_s)
        if patience_s is not None:
            _end_patience(self._engine, patience_s, patience_s if ping_patience_s is None else ping_patience_s)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @property
    def engine(self) -> sa.Engine:
        """The engine, for migrations and inspection."""
        return self._engine

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A session that may write; what was not committed is rolled back at the end.

        Raises `ServiceUnavailable` when the database cannot be reached or drops the connection.
        """
        with _translated(), self._sessions() as session:
            yield session

    @contextlib.contextmanager
    def reader(self) -> Iterator[Session]:
        """A session that only reads: on SQLite it does not wait for the one writer."""
        with _translated(), self._sessions() as session:
            session.connection(execution_options={"bulkdl_read_only": True})
            yield session

    def ping(self) -> None:
        """Raise `ServiceUnavailable` unless the database answers a query."""
        with self.reader() as session:
            session.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as exc:
        raise ServiceUnavailable("database") from exc
    except sa.exc.DBAPIError as exc:
        if exc.connection_invalidated:
            raise ServiceUnavailable("database") from exc
        raise


def _make_engine(url: str, pool_size: int, connect_timeout_s: int, idle_timeout_s: float) -> sa.Engine:
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
        _prepare_sqlite(engine)
        return engine
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=2,
        pool_pre_ping=True,
        # Fail a dead peer in seconds instead of the kernel's minutes.
        connect_args={
            "connect_timeout": connect_timeout_s,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 10_000,
            "application_name": "bulkdl",
        },
    )
    _end_idle_transactions(engine, idle_timeout_s)
    return engine


def _end_idle_transactions(engine: sa.Engine, timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, record: Any) -> None:  # Any: the DBAPI has no common type
        # A statement, since poolers like PgBouncer refuse it among the options of a connection.
        connection.execute(f"SET idle_in_transaction_session_timeout = {round(timeout_s * 1000)}")
        connection.commit()


class _ImpatientConnection(psycopg.Connection[Any]):  # Any: rows of any kind
    """A connection that is closed when the server says nothing for too long.

    TCP alone does not tell: a server that hangs, or is suspended, still has its packets acknowledged. Nor does
    psycopg's own time-out, which is of a whole statement, however many rows go to and fro meanwhile.
    """

    patience_s: float | None = None

    # Any: psycopg's own further arguments, passed on.
    def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:
        """Run what psycopg has to do with the server; raises `psycopg.OperationalError` after such a silence."""
        return super().wait(self._unless_silent(gen), *args, **options)

    def _unless_silent(self, gen: PQGen[RV]) -> PQGen[RV]:
        try:
            wanted = next(gen)
            heard_at = time.monotonic()
            while True:
                # Comes back about ten times a second with nothing, or when the server lets us read or write.
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard_at = now
                elif self.patience_s is not None and now - heard_at >= self.patience_s:
                    self.close()
                    raise psycopg.OperationalError(f"the server has said nothing for {self.patience_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result


def _end_patience(engine: sa.Engine, patience_s: float, ping_patience_s: float) -> None:
    if engine.dialect.driver != "psycopg":
        return

    # Any, in all of these: the DBAPI has no common type.
    @event.listens_for(engine, "do_connect")
    def _connect(dialect: sa.Dialect, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        connection = _ImpatientConnection.connect(*arguments, **options)
        connection.patience_s = patience_s
        return connection

    @event.listens_for(engine, "checkin")
    def _rest(connection: Any, record: Any) -> None:
        # What is asked of it next is whether it is alive.
        if connection is not None:
            connection.patience_s = ping_patience_s

    @event.listens_for(engine, "checkout")
    def _work(connection: Any, record: Any, proxy: Any) -> None:
        connection.patience_s = patience_s


def _prepare_sqlite(engine: sa.Engine) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, record: Any) -> None:  # Any: the DBAPI has no common type
        # The driver's own BEGIN is switched off so that ours below decides when a lock is taken.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes its lock at once: upgrading a read lock later fails when another wrote meanwhile.
        read_only = connection.get_execution_options().get("bulkdl_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
