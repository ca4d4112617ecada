"""What happens around every message: log context, the last retry, the end of the process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import dramatiq
import structlog
from sqlalchemy.orm import configure_mappers

from bulkdl.errors import ServiceUnavailable, StorageUnavailable
from bulkdl.jobs import endings
from bulkdl.jobs.context import JobContext
from bulkdl.logs import get_logger

log = get_logger(__name__)


class LogContext(dramatiq.Middleware):
    """Puts the job's id, the actor's name and the message's id on every line that is logged meanwhile."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        structlog.contextvars.bind_contextvars(
            job_id=message.args[0] if message.args else None, actor=message.actor_name, message_id=message.message_id
        )

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        structlog.contextvars.clear_contextvars()

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        structlog.contextvars.clear_contextvars()


class JobOfFailedMessage(dramatiq.Middleware):
    """Ends the job of a message whose last retry has failed: a defect must not leave a person waiting.

    Not so when a service was out of reach: the row says what is to be done, and the sweep sends it again.
    Stands outside Retries, whose verdict (`message.failed`) it reads.
    """

    def __init__(self, context: Callable[[], JobContext]) -> None:
        self._context = context

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is None or not message.failed or not message.args:
            return
        job_id = str(message.args[0])
        if isinstance(exception, (ServiceUnavailable, StorageUnavailable)):
            log.warning("message given up, the sweep sends another", job_id=job_id, error=str(exception))
            return
        log.error("last retry failed", job_id=job_id, actor=message.actor_name, error=repr(exception))
        endings.fail(self._context(), job_id, "The archive could not be built.", code="internal_error")


class HandBackOnShutdown(dramatiq.Middleware):
    """Tells the work under way that the process ends, so that it is checkpointed and handed back in time."""

    def __init__(self, context: Callable[[], JobContext]) -> None:
        self._context = context

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._context().stopping.set()


class WarmUp(dramatiq.Middleware):
    """Makes what the process needs all its life before the first message, and keeps the garbage collector off it."""

    def __init__(self, context: Callable[[], JobContext]) -> None:
        self._context = context

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        configure_mappers()
        transfer = self._context().transfer
        if transfer is not None:
            transfer.buffers.fill()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        gc.collect()
        gc.freeze()


class Crowd(dramatiq.Middleware):
    """Knows how many messages are being worked on in this process, and whether one waits for a thread."""

    def __init__(self, next_beginning: Callable[[], str | None]) -> None:
        self._next_beginning = next_beginning
        self._worker: dramatiq.Worker | None = None
        self._busy = 0
        self._lock = threading.Lock()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._worker = worker

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        with self._lock:
            self._busy += 1

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        with self._lock:
            self._busy -= 1

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        self.after_process_message(broker, message)

    def has_room(self) -> bool:
        """True when nothing but the message that asks is worked on here."""
        return self._busy <= 1

    def others_wait(self, job_id: str) -> bool:
        """True when a beginning of another job is in line and this process has no thread left for it."""
        if self._worker is None or self._busy < self._worker.worker_threads:
            return False
        return self._next_beginning() not in (None, job_id)
