"""The events on the wire: their names and the payloads that the front end reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROGRESS = "bulk-download:progress"
COMPLETE = "bulk-download:complete"
FAILED = "bulk-download:failed"
CANCELLED = "bulk-download:cancelled"
SNAPSHOT = "bulk-download:snapshot"
BYE = "bulk-download:bye"
HEARTBEAT = "bulk-download:heartbeat"
"""Every `BULKDL_HEARTBEAT_SECONDS` with data `{}`, as a named event on SSE and a message on the WebSocket: the
browser's EventSource and WebSocket hide comments and pings from the page, which must tell quiet from dead."""

ENDS = frozenset({COMPLETE, FAILED, CANCELLED})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one job, for all streams of the job's owner."""

    name: str
    user_id: str
    job_id: str
    seq: int
    """Grows with every event of the job; a reader drops what is older than what it has."""
    data: Mapping[str, Any]
    """JSON object in the wire's camelCase; carries `jobId` and `seq` too."""

    @property
    def is_end(self) -> bool:
        """True when the job will not move again."""
        return self.name in ENDS
