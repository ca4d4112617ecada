"""How a contestant's program talks to the bench, over its standard input and output.

It is started with the path of a task (JSON), gets everything ready, says `ready`, waits for `go`, builds the
archive, says `done` with a line of JSON, and ends when its input is closed: so the bench can read time, CPU
seconds and peak memory of the work alone. Whatever else it has to say goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a contestant is to do. Credentials are in the usual AWS_ variables."""

    endpoint: str
    region: str
    source_bucket: str
    files: list[dict[str, Any]]  # Any: key, name, etag: str; size: int
    archive_bucket: str
    archive_key: str
    concurrency: int
    """Requests at once to begin with."""
    max_concurrency: int
    part_size: int
    variant: str = ""
    """What else a program can be told: `store`, `deflate` …"""
    redis_url: str = ""

    def write(self, path: Path) -> None:
        """As the program reads it, and the Node programs too."""
        path.write_text(json.dumps(asdict(self)))


def take_part(prepare: Callable[[Task], Callable[[], dict[str, object]]]) -> None:
    """Run the protocol: `prepare` gets ready and returns what builds the archive and says what came of it.

    That is `uploadId`, for servers that keep nothing but parts.
    """
    task = Task(**json.loads(Path(sys.argv[1]).read_text()))
    build = prepare(task)
    print("ready", flush=True)
    if sys.stdin.readline().strip() != "go":
        return
    print("done", json.dumps(build()), flush=True)
    sys.stdin.read()
