"""The actors of a download, one line of work each; a message is a hint, and the row says what is to be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import dramatiq

from actors.worker import broker, runtime
from bulkdl.broker import FINISH_DOWNLOAD, PLAN_DOWNLOAD, PRIORITY_OF, QUEUE_OF, TRANSFER_RANGE
from bulkdl.jobs import build

P = ParamSpec("P")


def _actor(name: str) -> Callable[[Callable[P, None]], dramatiq.Actor[P, None]]:
    return dramatiq.actor(actor_name=name, queue_name=QUEUE_OF[name], priority=PRIORITY_OF[name], broker=broker)


@_actor(PLAN_DOWNLOAD)
def plan_download(job_id: str) -> None:
    """Plan the archive; a small one is built to its end."""
    build.plan_download(runtime.jobs, job_id)


@_actor(TRANSFER_RANGE)
def transfer_range(job_id: str, number: int) -> None:
    """Transfer one range of the archive's parts."""
    build.transfer_range(runtime.jobs, job_id, number)


@_actor(FINISH_DOWNLOAD)
def finish_download(job_id: str) -> None:
    """Complete the archive once every range is done."""
    build.finish_download(runtime.jobs, job_id)
