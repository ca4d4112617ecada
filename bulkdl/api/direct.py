"""The deprecated route that answers with the archive itself, for callers that know nothing of jobs."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, current_app

from bulkdl.api.auth import current_principal
from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_jobs, current_settings
from bulkdl.api.present import jobs_path
from bulkdl.api.schemas import JobRequestSchema
from bulkdl.errors import ServiceUnavailable
from bulkdl.jobs.direct import DirectArchive, build_directly
from bulkdl.jobs.submit import SubmitRequest
from bulkdl.jobs.views import ARCHIVE_TYPE
from bulkdl.storage.disposition import attachment

blueprint = Blueprint("direct", __name__, description="A few files at once, as before there were jobs.")

DEPRECATED_SINCE = "@1795737600"
"""2026-11-27, the day it came, as a structured date (RFC 9745 §2.1)."""

AT_ONCE = 8
"""Archives that one process sends side by side: each holds a file in memory or on disk."""

_KEY = "bulkdl.direct"
_TEXT = {"schema": {"type": "string"}}
_HEADERS = {
    "Content-Length": {"description": "Of the whole archive, exact.", "schema": {"type": "integer"}},
    "Deprecation": {"description": "Since when (RFC 9745).", **_TEXT},
    "Link": {"description": "To the route that replaces this one.", **_TEXT},
    "Skipped-Count": {"description": "Files left out; the archive lists them.", "schema": {"type": "integer"}},
}


@blueprint.route("", methods=["POST"])
@blueprint.arguments(JobRequestSchema)
@blueprint.response(HTTPStatus.OK, {"type": "string", "format": "binary"}, content_type=ARCHIVE_TYPE, headers=_HEADERS)
@blueprint.doc(deprecated=True)
def create(body: dict[str, Any]) -> Response:  # Any: arguments as the schema gives them
    """Pack fewer than 20 files and answer with the ZIP. Ask for a job instead: it knows no such limit.

    An answer that ends before its `Content-Length` is no archive: an object could not be read any more.
    """
    slots = cast(threading.BoundedSemaphore, current_app.extensions[_KEY])
    if not slots.acquire(blocking=False):
        raise ServiceUnavailable(
            "direct download", f"{AT_ONCE} archives are being sent already; try later, or ask for a job."
        )
    try:
        response = _answer(build_directly(current_jobs(), current_principal(), SubmitRequest(**body)))
    except BaseException:
        slots.release()
        raise
    response.call_on_close(slots.release)
    return response


def init_direct(app: Flask) -> None:
    """Give this application its slots."""
    app.extensions[_KEY] = threading.BoundedSemaphore(AT_ONCE)


def _answer(archive: DirectArchive) -> Response:
    successor = jobs_path(current_settings().url_prefix)
    return Response(
        archive.chunks,
        content_type=ARCHIVE_TYPE,
        headers={
            "Content-Disposition": attachment(archive.file_name),
            "Content-Length": str(archive.size),
            "Deprecation": DEPRECATED_SINCE,
            "Link": f'<{successor}>; rel="successor-version"',
            "Skipped-Count": str(archive.skipped_count),
        },
    )
