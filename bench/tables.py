"""Results as tables, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from bench.contestants import NODE
from bench.results import Section
from bench.targets import share_of, targets

MIB = 1024**2
_NONE = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a head and rows of text. The first column stands left, the others right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def race_table(section: Section, workload: str) -> Table:
    """Everybody's figures for one workload."""
    about = section.workloads[workload]
    node = section.seconds(workload, NODE)
    head = ("", "seconds", f"× {NODE}", "CPU s", "peak MiB", "requests", "MiB through", "of all")
    rows = []
    for name in section.contestants():
        seconds, cpu_s = section.seconds(workload, name), section.cpu_s(workload, name)
        if seconds is None or cpu_s is None:
            continue
        count, share = section.count(workload, name), share_of(section, workload, name)
        rows.append(
            (
                name,
                f"{seconds:.2f}",
                f"{node / seconds:.2f}" if node else _NONE,
                f"{cpu_s:.2f}",
                f"{(section.peak_bytes(workload, name) or 0) / MIB:.0f}",
                str(sum(count.requests.values())) if count else _NONE,
                f"{(count.sent + count.received) / MIB:.0f}" if count else _NONE,
                f"{share:.1f} %" if share is not None else _NONE,
            )
        )
    return Table(f"{section.name} · {workload} · {about['title']}", head, rows)


def target_table(sections: Mapping[str, Section]) -> Table:
    """Every target beside its figure."""
    signs = {True: "yes", False: "**no**", None: _NONE}
    rows = [(it.what, it.wanted, it.figure or "not measured", signs[it.is_met]) for it in targets(sections)]
    return Table("To reach", ("", "wanted", "measured", "reached"), rows)


def show(console: Console, table: Table) -> None:
    """Print it."""
    shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE)
    for index, name in enumerate(table.head):
        shown.add_column(name, justify="right" if index else "left")
    for row in table.rows:
        shown.add_row(*(cell.replace("**", "") for cell in row))
    console.print(shown)


def markdown(table: Table) -> str:
    """As Markdown, without the title."""
    rule = ["---", *["---:"] * (len(table.head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.head, rule, *table.rows))
