"""The fault table: what is broken, how often, and what the others do in the same place (docs/reliability.md)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import fairness, soak
from tests.faults.rows import (
    cancelled,
    changed_source,
    clocks_and_disks,
    crash,
    database_away,
    deploy,
    duplicates,
    lost_reply,
    poison,
    redis_away,
    store_faults,
    zombie,
)
from tests.faults.trials import Run


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    label: str
    fault: str
    baseline: str
    """What was measured of, or is promised by, others."""
    run: Run
    trials: int
    short_trials: int
    """In CI; 0 for none."""
    unit: str = "trials"


ROWS = [
    Row(
        "1",
        "SIGKILL of a worker process, or of the master with all below it, at a random moment",
        "Dramatiq as it comes: nothing within 330 s. Sidekiq Pro: 60 s and more. BullMQ: 30–60 s. Celery: 1 h",
        crash.run,
        100,
        2,
    ),
    Row("2", "SIGSTOP past the lease, then SIGCONT", "Dramatiq: the job runs twice", zombie.run, 12, 1),
    Row(
        "3",
        "Redis restarted for 1–3 s, emptied in mid-job, gone for 60 s",
        "Dramatiq: 10 of 10 delayed messages stuck until the worker is restarted; emptied: all lost",
        redis_away.run,
        16,
        3,
    ),
    Row(
        "4",
        "a lost reply to fetch, ack, enqueue",
        "Dramatiq: stuck until the worker is restarted",
        lost_reply.run,
        18,
        2,
    ),
    Row(
        "5",
        "PostgreSQL restarted, serialization failures, SQLite locked",
        "—",
        database_away.run,
        16,
        3,
    ),
    Row(
        "6",
        "object store: 503 20 %, 500 5 %, resets 5 %, cut bodies 1 %, completions that lie, an object at 1 KB/s",
        "rclone: `NoSuchUpload` when the reply to Complete is lost",
        store_faults.run,
        26,
        4,
    ),
    Row(
        "7",
        "a source overwritten or deleted at each moment of the build",
        "rclone: mixed bytes are served",
        changed_source.run,
        40,
        5,
    ),
    Row(
        "8",
        "every message twice and more, in the wrong order",
        "Dramatiq's GroupCallbacks: fire early and twice",
        duplicates.run,
        20,
        2,
    ),
    Row("9", "an object that kills its worker each time", "Dramatiq: for ever", poison.run, 10, 1),
    Row("10", "SIGTERM in mid-transfer under load, 30 s to go", "Dramatiq: a retry and 15 s", deploy.run, 12, 1),
    Row("11", "clocks ±1 h, two clock processes, full and read-only disk", "—", clocks_and_disks.run, 12, 1),
    Row("12", "cancelled at every stage", "—", cancelled.run, 200, 8),
    Row(
        "13",
        "soak: one random fault every 10 s, 20 jobs in flight",
        "—",
        soak.run,
        1800,
        0,
        unit="seconds",
    ),
    Row("fairness", "one person's ten large jobs beside another's small ones", "—", fairness.run, 20, 3),
]


def find(label: str) -> Row:
    """The row of this label."""
    return next(row for row in ROWS if row.label == label)
