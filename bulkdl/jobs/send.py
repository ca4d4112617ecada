"""Sending a step's message after the commit that made it necessary; the sweep makes up for what fails here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bulkdl.broker import send_finish_download, send_plan_download, send_transfer_range
from bulkdl.errors import ServiceUnavailable
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.store import leases
from bulkdl.logs import get_logger

log = get_logger(__name__)


def send_plan(ctx: JobContext, job_id: str, *, sends: int = 1) -> None:
    """Ask for the job to be planned; `sends` counts the messages since somebody last began it."""
    _send(ctx, partial(send_plan_download, ctx.broker, job_id), job_id, None, sends)


def send_range(ctx: JobContext, job_id: str, number: int, *, sends: int = 1) -> None:
    """Ask for one range to be transferred."""
    _send(ctx, partial(send_transfer_range, ctx.broker, job_id, number), job_id, number, sends)


def send_finish(ctx: JobContext, job_id: str, *, sends: int = 1) -> None:
    """Ask for the archive to be completed."""
    _send(ctx, partial(send_finish_download, ctx.broker, job_id), job_id, None, sends)


def _send(ctx: JobContext, enqueue: Callable[[], None], job_id: str, number: int | None, sends: int) -> None:
    try:
        enqueue()
    except ServiceUnavailable as exc:
        # The row stays due (`resend_at` in the past), so the next sweep sends it.
        log.warning("message not sent, the sweep will", job_id=job_id, error=str(exc))
        return
    with ctx.database.session() as session:
        leases.note_sent(session, job_id, number, sends=sends)
        session.commit()
