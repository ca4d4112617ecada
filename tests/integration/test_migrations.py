"""The migrated schema is what the models say, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bulkdl.database import Base, Database
from bulkdl.jobs import models  # noqa: F401 - registers the tables


def test_migrated_schema_equals_the_models(database_url: str) -> None:
    database = Database(database_url)
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})

            differences = compare_metadata(context, Base.metadata)
    finally:
        database.close()

    assert differences == []
