"""The actors of a download, one line of work each; a message is a hint, and the row says what is to be done."""

from __future__ import annotations

import dramatiq

from actors.worker import broker, runtime
from bulkdl.broker import FINISH_DOWNLOAD, PLAN_DOWNLOAD, QUEUE, TRANSFER_RANGE
from bulkdl.jobs import build


@dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE, broker=broker)
def plan_download(job_id: str) -> None:
    """Plan the archive; a small one is built to its end."""
    build.plan_download(runtime.jobs, job_id)


@dramatiq.actor(actor_name=TRANSFER_RANGE, queue_name=QUEUE, broker=broker)
def transfer_range(job_id: str, number: int) -> None:
    """Transfer one range of the archive's parts."""
    build.transfer_range(runtime.jobs, job_id, number)


@dramatiq.actor(actor_name=FINISH_DOWNLOAD, queue_name=QUEUE, broker=broker)
def finish_download(job_id: str) -> None:
    """Complete the archive once every range is done."""
    build.finish_download(runtime.jobs, job_id)
