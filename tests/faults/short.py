"""The fault table in short, for CI: a few trials of each row, with real processes; two files run side by side."""

from __future__ import annotations

from pathlib import Path

from tests.faults.report import line_of
from tests.faults.system import System
from tests.faults.table import ROWS, find
from tests.faults.trials import Plan

SEED = 1
OF_SERVICES = ("1", "2", "3", "4", "5", "9")
"""Workers, Redis and the database are taken away."""
OF_OBJECTS = tuple(row.label for row in ROWS if row.short_trials and row.label not in OF_SERVICES)
"""The store, the messages, the clock and people do something unexpected."""


def check(label: str, system: System, folder: Path) -> None:
    """Run a few trials of the row; they hold, or AssertionError says what did not."""
    row = find(label)
    outcome = row.run(Plan(row.short_trials, SEED, folder, is_short=True, shared=system))
    print(line_of(row, outcome))
    assert outcome.holds, "\n".join([line_of(row, outcome), *outcome.complaints])
