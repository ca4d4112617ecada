"""A PostgreSQL that hangs: its connections stay open, and nothing comes from it any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from bulkdl.database import Database
from bulkdl.errors import ServiceUnavailable
from tests.services.postgres import PostgresServer

SLOW_MACHINE_S = 5.0
"""What a machine that does other things as well may add to a second or two."""


@pytest.fixture
def impatient(postgres_server: PostgresServer) -> Iterator[Database]:
    database = Database(postgres_server.url, patience_s=0.5)
    yield database
    database.close()


def test_a_statement_that_nothing_comes_of_is_given_up(impatient: Database) -> None:
    began = time.monotonic()

    with pytest.raises(ServiceUnavailable), impatient.session() as session:
        session.execute(sa.text("SELECT pg_sleep(60)"))

    assert time.monotonic() - began < 0.5 + SLOW_MACHINE_S
    impatient.ping()


def test_a_server_that_hangs_is_given_up_and_found_again(impatient: Database, postgres_server: PostgresServer) -> None:
    impatient.ping()

    with postgres_server.suspended():
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(ServiceUnavailable):
                impatient.ping()
            # A second for the connection that was there, two for a new one.
            assert time.monotonic() - began < 3 + SLOW_MACHINE_S

    impatient.ping()


def test_what_takes_long_and_goes_on_is_waited_for(impatient: Database) -> None:
    with impatient.session() as session:
        session.execute(sa.text("CREATE TEMPORARY TABLE slow (number integer, hash text)"))
        began = time.monotonic()
        # Rows that come one after the other, each after a while; in all it takes longer than the patience.
        rows = session.execute(sa.text("SELECT repeat('x', 1000000), pg_sleep(0.02) FROM generate_series(1, 50)"))
        assert len(rows.all()) == 50
        numbers = [{"number": number} for number in range(30_000)]
        session.execute(sa.text("INSERT INTO slow VALUES (:number, repeat(md5(:number\\:\\:text), 20))"), numbers)

    assert time.monotonic() - began > 1.0


def test_who_is_patient_waits_for_a_server_that_hangs_for_a_while(postgres_server: PostgresServer) -> None:
    patient = Database(postgres_server.url, patience_s=60)
    patient.ping()

    with ThreadPoolExecutor(1) as pool:
        with postgres_server.suspended():
            ping = pool.submit(patient.ping)
            # Longer than the way out would take: another connection, given up after two seconds.
            time.sleep(4)
            was_waiting = not ping.done()
        ping.result(timeout=30)
    patient.close()

    assert was_waiting


def test_who_has_no_end_of_patience_waits(postgres_server: PostgresServer) -> None:
    patient = Database(postgres_server.url)
    with patient.session() as session:
        assert session.scalar(sa.text("SELECT 7 FROM pg_sleep(1.5)")) == 7
    patient.close()
