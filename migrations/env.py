"""Alembic's entry: migrates the database that DATABASE_URL, or the caller's connection, names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError

from bulkdl.database import Base, Database
from bulkdl.errors import SettingsError
from bulkdl.jobs import models  # noqa: F401 - registers the tables
from bulkdl.settings import load_database_url


def _migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite alters a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    try:
        database = Database(load_database_url())
    except SettingsError as exc:
        # Alembic prints these as one line.
        raise CommandError(str(exc)) from exc
    try:
        with database.engine.connect() as opened:
            _migrate(opened)
    finally:
        database.close()
