"""The fault table in short, for CI: a few trials of every row, with real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import invariants
from tests.faults.report import line_of
from tests.faults.system import System
from tests.faults.table import ROWS, Row
from tests.faults.trials import Plan

SEED = 1


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The service, for all rows that want nothing special of it."""
    with System(Plan(0, SEED, tmp_path_factory.mktemp("shared"), is_short=True)) as system:
        yield system


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", [row for row in ROWS if row.short_trials], ids=lambda row: row.label)
def test_the_service_holds_when(row: Row, system: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp(f"row-{row.label}")
    outcome = row.run(Plan(row.short_trials, SEED, folder, is_short=True, shared=system))

    print(line_of(row, outcome))
    assert outcome.holds, "\n".join([line_of(row, outcome), *outcome.complaints])


def test_nothing_is_left_lying_about_when_all_is_over(system: System) -> None:
    system.reset()

    invariants.check_everything(system)
