"""The table in docs/reliability.md: written between two marks, everything else of the page left alone."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.table import ROWS, Row
from tests.faults.trials import Outcome
from tests.services.database import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
_HEAD = ["| # | Fault | Elsewhere | Trials passed | Figure |", "|---|---|---|---|---|"]


def line_of(row: Row, outcome: Outcome) -> str:
    """What is printed when a row is done."""
    verdict = "holds" if outcome.holds else "DOES NOT HOLD"
    return f"row {row.label}: {outcome.passed} of {outcome.trials} trials, {verdict}: {outcome.figure}"


def write_table(outcomes: dict[str, Outcome], seed: int, page: Path = PAGE) -> None:
    """Replace the lines of the rows that were run; the others stay."""
    text = page.read_text()
    before, rest = text.split(BEGIN, 1)
    old, after = rest.split(END, 1)
    lines = {line.split("|")[1].strip(): line for line in old.splitlines() if line.startswith("| ")}
    lines |= {row.label: _line(row, outcomes[row.label]) for row in ROWS if row.label in outcomes}
    made = f"Last run {datetime.now(UTC):%Y-%m-%d}, seed {seed}, Python {platform.python_version()}, {_cpus()} cores."
    body = [made, "", *_HEAD, *(lines[row.label] for row in ROWS if row.label in lines)]
    page.write_text(before + BEGIN + "\n" + "\n".join(body) + "\n" + END + after)


def _line(row: Row, outcome: Outcome) -> str:
    count = f"{outcome.passed} of {outcome.trials}"
    if not outcome.holds:
        count = f"**{count}**"
    return f"| {row.label} | {row.fault} | {row.baseline} | {count} | {outcome.figure} |"


def _cpus() -> int:
    import os

    return os.cpu_count() or 1
