"""What the commands write: people read stderr and tables, scripts read JSON on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

notes = Console(stderr=True, highlight=False, soft_wrap=True)
"""For what is said beside the result."""


def write_json(document: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout."""
    table = Table(*titles, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        # Into a pipe as wide as it needs to be: nothing is cut off that a script might want.
        console.width = 1000
    console.print(table)


def size_text(size: int | None) -> str:
    """A size for people."""
    return "" if size is None else decimal(size)
