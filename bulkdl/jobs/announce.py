"""Telling the streams how a job ended, from the row, after the commit; what got lost is told again by the sweep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bulkdl.events import types
from bulkdl.events.types import Event
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store import outcomes, records
from bulkdl.jobs.view import JobView
from bulkdl.jobs.views import job_views

_NAMES = {
    JobStatus.COMPLETE: types.COMPLETE,
    JobStatus.FAILED: types.FAILED,
    JobStatus.CANCELLED: types.CANCELLED,
}


def announce(ctx: JobContext, job_id: str) -> None:
    """Publish the end of a job; nothing happens when it has not ended, or that was published already."""
    with ctx.database.reader() as session:
        job = records.get_job(session, job_id)
        if job is None or job.status not in _NAMES or job.announced_at is not None:
            return
        view = job_views(ctx, session, [job])[0]
    if not ctx.publisher.announce(end_event(view)):
        return
    with ctx.database.session() as session:
        outcomes.note_announced(session, job_id)
        session.commit()


def end_event(view: JobView) -> Event:
    """The event of a job that ended, with the customer's payload for it and what a dialog shows beside."""
    data: dict[str, Any] = {  # Any: a JSON object
        "jobId": view.job_id,
        "seq": view.seq,
        "status": view.status.value,
        "current": view.current,
        "total": view.total,
        "percent": view.percent,
        "bytesDone": view.bytes_done,
        "bytesTotal": view.bytes_total,
    }
    if view.status is JobStatus.COMPLETE:
        data |= {
            "downloadUrl": view.download_url,
            "expiresAt": _text(view.expires_at),
            "fileCount": view.file_count,
            "fileSize": view.file_size,
            "archiveName": view.archive_name,
            "skippedCount": view.skipped_count,
            "renamedCount": view.renamed_count,
        }
    if view.status is JobStatus.FAILED:
        data |= {"error": view.error, "errorCode": view.error_code}
    data["skipped"] = [
        {"assetId": item.asset_id, "name": item.name, "reason": item.reason.value} for item in view.skipped
    ]
    data["renamed"] = [
        {"assetId": item.asset_id, "name": item.name, "archiveName": item.archive_name} for item in view.renamed
    ]
    return Event(name=_NAMES[view.status], user_id=view.user_id, job_id=view.job_id, seq=view.seq, data=data)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
