"""Reading Server-Sent Events as a client does (WHATWG HTML §9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream."""

    name: str
    id: str | None
    data: Any


def parse_events(chunks: Iterable[bytes]) -> Iterator[StreamEvent]:
    """The events in a stream of bytes; comments and `retry:` lines are no events."""
    fields: dict[str, list[str]] = {}
    for line in _lines(chunks):
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif "data" in fields:
            event_id = fields.get("id", [None])[-1]
            yield StreamEvent(fields.get("event", ["message"])[-1], event_id, json.loads("\n".join(fields["data"])))
            fields = {}
        else:
            fields = {}


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r").decode() for line in whole)
