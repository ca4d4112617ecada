"""Server-Sent Events as bytes (WHATWG HTML §9.2, "Server-sent events"). Pure."""

from __future__ import annotations

MIMETYPE = "text/event-stream"


def frame(event: str, data: str, *, event_id: int | None = None, retry_ms: int | None = None) -> bytes:
    """One event. `data` may have several lines; the reader joins them again by line feeds.

    `event_id` comes back as `Last-Event-ID` when the browser reconnects by itself; `retry_ms` is how long it waits.
    """
    lines = []
    if retry_ms is not None:
        lines.append(f"retry: {retry_ms}")
    if event_id is not None:
        lines.append(f"id: {event_id}")
    lines.append(f"event: {_one_line(event)}")
    # A carriage return ends a line too (§9.2.5); splitlines() would also split at characters that do not.
    unified = data.replace("\r\n", "\n").replace("\r", "\n")
    lines += [f"data: {line}" for line in unified.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def comment(text: str = "") -> bytes:
    """A line that readers ignore and proxies count as life."""
    return f": {_one_line(text)}\n\n".encode()


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
