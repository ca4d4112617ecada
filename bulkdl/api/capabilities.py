"""The route that tells what this service takes, so that a client can say so before it is refused."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, jsonify

from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_settings
from bulkdl.api.schemas import CapabilitiesSchema
from bulkdl.jobs.direct import MAX_BYTES, MAX_FILES
from bulkdl.jobs.status import FolderLayout, OnMissing

blueprint = Blueprint("capabilities", __name__, description="Limits as data.")


@blueprint.route("/capabilities", methods=["GET"])
@blueprint.response(HTTPStatus.OK, CapabilitiesSchema)
def show() -> Response:
    """The limits that hold here, and what can be chosen."""
    settings = current_settings()
    return jsonify(
        maxFiles=settings.max_files,
        maxBytes=settings.max_bytes,
        directMaxFiles=min(settings.max_files, MAX_FILES),
        directMaxBytes=min(settings.max_bytes, MAX_BYTES),
        maxActiveJobs=settings.max_active_jobs,
        maxStreams=settings.max_streams_per_user,
        expiryHours=settings.expiry_hours,
        urlTtlSeconds=settings.url_ttl_s,
        heartbeatSeconds=settings.heartbeat_s,
        formats=["zip"],
        layouts=list(FolderLayout),
        onMissing=list(OnMissing),
        transports=["websocket", "sse", "polling"],
    )
