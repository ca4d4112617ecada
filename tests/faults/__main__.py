"""`python -m tests.faults`: run the table, print a line for each row, exit with 1 unless everything holds."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.faults.report import line_of, write_table
from tests.faults.table import ROWS, Row
from tests.faults.trials import Outcome, Plan


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--row", "labels", multiple=True, type=click.Choice([row.label for row in ROWS]), help="Only these rows.")
@click.option("--short", is_flag=True, help="The few trials that CI runs.")
@click.option("--trials", type=click.IntRange(1), help="So many in each row, in place of its own number.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed breaks the same things.")
@click.option("--write", is_flag=True, help="Put the figures into docs/reliability.md.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep what the processes wrote in this folder.")
def main(labels: tuple[str, ...], short: bool, trials: int | None, seed: int, write: bool, keep: Path | None) -> None:
    """Break the service in every way of the table, and say whether it holds."""
    outcomes: dict[str, Outcome] = {}
    with contextlib.ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkdl-faults-")))
        for row in ROWS:
            if labels and row.label not in labels:
                continue
            count = trials or (row.short_trials if short else row.trials)
            if not count:
                continue
            outcomes[row.label] = _run(row, Plan(count, seed, folder / row.label, is_short=short))
            if write:
                write_table(outcomes, seed)
    sys.exit(0 if all(outcome.holds for outcome in outcomes.values()) else 1)


def _run(row: Row, plan: Plan) -> Outcome:
    began = time.monotonic()
    outcome = row.run(plan)
    click.echo(f"{line_of(row, outcome)} [{time.monotonic() - began:.0f} s]")
    for complaint in outcome.complaints:
        click.echo(f"    {complaint}", err=True)
    return outcome


if __name__ == "__main__":
    main()
