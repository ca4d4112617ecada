"""Row 5: PostgreSQL restarted, serialization failures, and SQLite locked by somebody else."""

from __future__ import annotations

import sqlite3
import time

import psycopg

from tests.faults import invariants
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import SLOW_BYTES_PER_S, make_media

_FAILING = """
CREATE OR REPLACE FUNCTION fail_at_times() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF random() < {share} THEN RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END IF;
  RETURN NEW;
END $$;
"""
_TABLES = ("bulk_download_jobs", "bulk_download_ranges", "bulk_download_parts", "bulk_download_items")


def run(plan: Plan) -> Outcome:
    """Half of the trials on each database."""
    outcome, ends = Outcome(), []
    on_postgres = (plan.trials + 1) // 2
    with open_system(plan, "postgres", postgres=True) as system:
        for number in range(on_postgres):
            kind = ("restart", "serialization")[number % 2]
            _trial(system, plan, number, kind, outcome, ends)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    with open_system(plan) as system:
        for number in range(on_postgres, plan.trials):
            _trial(system, plan, number, "locked", outcome, ends)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = (
        f"ended {percentile(ends, 0.5):.1f} s (p50), {max(ends, default=0):.1f} s (longest) after the fault"
    )
    return outcome


def _trial(system: System, plan: Plan, number: int, kind: str, outcome: Outcome, ends: list[float]) -> None:
    dice = plan.dice(number)
    if not system.watchers_of("ann"):
        system.watch()
    with outcome.trial(f"trial {number} ({kind})"):
        media = [make_media(system, f"set-{which}", seed=which) for which in range(2)]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        jobs = [system.api().submit(one) for one in media]
        time.sleep(dice.uniform(0, 2))
        if kind == "restart":
            _restart(system, dice.uniform(0.5, 2 if plan.is_short else 12))
        elif kind == "serialization":
            _serialization_failures(system, dice.choice((0.05, 0.2)), 3.0 if plan.is_short else 8.0)
        else:
            _lock(system, dice.uniform(1, 3 if plan.is_short else 10))
        over_at = time.monotonic()
        invariants.check_trial(system, jobs)
        ends.append(time.monotonic() - over_at)


def _restart(system: System, gone_s: float) -> None:
    assert system.postgres is not None
    system.postgres.stop()
    time.sleep(gone_s)
    system.postgres.start()


def _serialization_failures(system: System, share: float, for_s: float) -> None:
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        connection.execute(_FAILING.format(share=share).encode())
        for table in _TABLES:
            connection.execute(
                f"CREATE OR REPLACE TRIGGER at_times BEFORE INSERT OR UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION fail_at_times()".encode()
            )
        time.sleep(for_s)
        for table in _TABLES:
            connection.execute(f"DROP TRIGGER at_times ON {table}".encode())


def _lock(system: System, for_s: float) -> None:
    connection = sqlite3.connect(system.folder / "bulkdl.sqlite3", timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(for_s)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
