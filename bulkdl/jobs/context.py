"""What the jobs functions work with: built once per process by `runtime`, passed to every one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import dramatiq

from bulkdl.database import Database
from bulkdl.events.progress import ProgressStore
from bulkdl.events.publisher import Publisher
from bulkdl.settings import Settings
from bulkdl.storage import ObjectStore
from bulkdl.transfer import Transfer


def _nobody_waits(job_id: str) -> bool:
    return False


def _no_room() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class JobContext:
    """The system around a job."""

    settings: Settings
    database: Database
    store: ObjectStore
    broker: dramatiq.Broker
    publisher: Publisher
    progress: ProgressStore
    owner: str = "web"
    """Names this process in leases and logs."""
    transfer: Transfer | None = None
    """Only workers move bytes."""
    others_wait: Callable[[str], bool] = _nobody_waits
    """Whether the beginning of another job waits for a thread and this process has none: a long transfer makes room."""
    has_room: Callable[[], bool] = _no_room
    """Whether this process does nothing else: who planned a large job may then go on with it in the same thread."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process is asked to end: work under way is handed back."""

    def require_transfer(self) -> Transfer:
        """The transfer of this worker."""
        if self.transfer is None:
            raise RuntimeError("this process was built without a transfer; only workers have one")
        return self.transfer
