"""The fault table in short, for CI: a few trials of every row, with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.report import line_of
from tests.faults.table import ROWS, Row
from tests.faults.trials import Plan


@pytest.mark.timeout(180)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_the_service_holds_when(row: Row, tmp_path: Path) -> None:
    outcome = row.run(Plan(row.short_trials, seed=1, folder=tmp_path, is_short=True))

    print(line_of(row, outcome))
    assert outcome.holds, "\n".join([line_of(row, outcome), *outcome.complaints])
