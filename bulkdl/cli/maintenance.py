"""`bulkdl sweep`, `doctor` and `sample`: the operator's tools, on database, queue and bucket themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.markup import escape

from bulkdl.cli.doctor import Finding, examine
from bulkdl.cli.exits import Exit
from bulkdl.cli.screen import notes, write_json, write_table
from bulkdl.cli.state import State, pass_state
from bulkdl.jobs import sweep as sweeps
from bulkdl.local.demo import PROJECT
from bulkdl.local.library import load_library
from bulkdl.local.sample import ensure_sample

_SWEEPS = {
    "resent": sweeps.requeue_stalled,
    "announced": sweeps.announce_ends,
    "cleaned": sweeps.clean_ended,
    "expired": sweeps.expire_archives,
    "orphansAborted": sweeps.abort_orphans,
    "recordsPurged": sweeps.purge_records,
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@pass_state
def sweep(state: State, as_json: bool) -> None:
    """Run every sweep once, as the clock does by itself."""
    with state.runtime() as runtime:
        counts = {name: run(runtime.jobs) for name, run in _SWEEPS.items()}
    if as_json:
        write_json(counts)
    else:
        write_table(("Sweep", "Count"), counts.items())


@click.command()
@click.option("--fix", is_flag=True, help="Create the bucket and its lifecycle rules, abort orphaned uploads.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
@pass_state
def doctor(state: State, context: click.Context, fix: bool, as_json: bool) -> None:
    """Look whether everything that the system needs is there. Ends with 1 when something is not."""
    with state.runtime() as runtime:
        findings = examine(runtime, fix=fix)
    if as_json:
        write_json([{"subject": each.subject, "ok": each.is_ok, "text": each.text} for each in findings])
    else:
        for finding in findings:
            _print(finding)
    if not all(finding.is_ok for finding in findings):
        context.exit(Exit.ERROR)


@click.command()
@pass_state
def sample(state: State) -> None:
    """Load the sample media library into the bucket, for the project `demo`."""
    with tempfile.TemporaryDirectory() as folder, state.runtime() as runtime:
        load_library(runtime, ensure_sample(Path(folder), on_progress=lambda done, total: None))
    notes.print(f"The library of {PROJECT} is loaded.")


def _print(finding: Finding) -> None:
    mark = "[green]ok[/]  " if finding.is_ok else "[bold red]bad[/] "
    notes.print(f"{mark} {finding.subject:10} {escape(finding.text)}")
