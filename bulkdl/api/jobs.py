"""Routes of bulk downloads: ask for one, look at it, its ledger and its archive, cancel it."""

from __future__ import annotations

import hashlib
import time
from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, jsonify, request

from bulkdl.api.auth import current_principal
from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_jobs, current_settings
from bulkdl.api.fields import is_id
from bulkdl.api.present import item_json, job_json, job_path
from bulkdl.api.schemas import (
    ArchiveUrlSchema,
    ItemListQuerySchema,
    ItemListSchema,
    JobCreateQuerySchema,
    JobListQuerySchema,
    JobListSchema,
    JobRequestHeadersSchema,
    JobRequestSchema,
    JobSchema,
    PreviewSchema,
)
from bulkdl.errors import JobNotFound
from bulkdl.jobs import cancel as cancelling
from bulkdl.jobs import read
from bulkdl.jobs.preview import preview
from bulkdl.jobs.submit import SubmitRequest, submit
from bulkdl.jobs.view import JobView

# Any: arguments as the schemas give them.
Arguments = dict[str, Any]

blueprint = Blueprint("jobs", __name__, description="Bulk downloads: a selection of assets becomes one ZIP.")

_LOCATION = {"Location": {"description": "Where the job can be read.", "schema": {"type": "string"}}}
_ETAG = {"ETag": {"description": "Changes with the job.", "schema": {"type": "string"}}}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The ETag of the last answer: 304 while nothing has changed.",
}


@blueprint.before_request
def _check_job_id() -> None:
    job_id = (request.view_args or {}).get("job_id")
    if job_id is None:
        return
    if not is_id(job_id):
        raise JobNotFound(job_id)
    structlog.contextvars.bind_contextvars(job_id=job_id)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(JobCreateQuerySchema, location="query")
@blueprint.arguments(JobRequestHeadersSchema, location="headers")
@blueprint.arguments(JobRequestSchema)
@blueprint.response(HTTPStatus.ACCEPTED, JobSchema, headers=_LOCATION)
@blueprint.alt_response(HTTPStatus.OK, schema=PreviewSchema, description="With `dryRun=true`.", success=True)
def create(query: Arguments, headers: Arguments, body: Arguments) -> Response:
    """Ask for a download.

    The job is written down before this answers and will end, whatever happens. Watch it by its `links.events`,
    by the stream of all jobs, or by polling it.
    """
    wanted = SubmitRequest(**body, idempotency_key=headers["idempotency_key"])
    if query["dry_run"]:
        return jsonify(PreviewSchema().dump(preview(current_jobs(), current_principal(), wanted)))
    submitted = submit(current_jobs(), current_principal(), wanted)
    response = _job_response(submitted.job)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = job_path(submitted.job.job_id, current_settings().url_prefix)
    if not submitted.is_new:
        response.headers["Idempotency-Replayed"] = "true"
    return response


@blueprint.route("", methods=["GET"])
@blueprint.arguments(JobListQuerySchema, location="query")
@blueprint.response(HTTPStatus.OK, JobListSchema)
def list_own(query: Arguments) -> Response:
    """Your downloads, newest first."""
    page = read.list_jobs(current_jobs(), current_principal(), query["cursor"], query["limit"], query["status"])
    prefix = current_settings().url_prefix
    return jsonify(jobs=[job_json(job, prefix) for job in page.jobs], nextCursor=page.next_cursor)


@blueprint.route("/<string:job_id>", methods=["GET"], parameters=[])
@blueprint.response(HTTPStatus.OK, JobSchema, headers=_ETAG)
@blueprint.alt_response(HTTPStatus.NOT_MODIFIED, description="Nothing has changed since that ETag.", success=True)
@blueprint.doc(parameters=[_IF_NONE_MATCH])
def show(job_id: str) -> Response:
    """One of your downloads as it is now."""
    job = read.get_job(current_jobs(), current_principal(), job_id)
    tag = _etag(job)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        response = _job_response(job)
    response.set_etag(tag, weak=True)
    return response


@blueprint.route("/<string:job_id>", methods=["DELETE"])
@blueprint.response(HTTPStatus.OK, JobSchema)
def cancel(job_id: str) -> Response:
    """Cancel a download, or delete a finished archive. Doing it twice changes nothing."""
    return _job_response(cancelling.cancel(current_jobs(), current_principal(), job_id))


@blueprint.route("/<string:job_id>/items", methods=["GET"])
@blueprint.arguments(ItemListQuerySchema, location="query")
@blueprint.response(HTTPStatus.OK, ItemListSchema)
def list_items(query: Arguments, job_id: str) -> Response:
    """The ledger: every requested asset and what became of it."""
    page = read.list_items(
        current_jobs(), current_principal(), job_id, query["cursor"], query["limit"], query["outcome"]
    )
    return jsonify(items=[item_json(item) for item in page.items], nextCursor=page.next_cursor)


@blueprint.route("/<string:job_id>/download", methods=["GET"])
@blueprint.response(HTTPStatus.OK, ArchiveUrlSchema, description="The URL as JSON, for `Accept: application/json`.")
@blueprint.alt_response(
    HTTPStatus.FOUND, description="To the archive, by a URL made for this answer.", headers=_LOCATION, success=True
)
def download(job_id: str) -> Response:
    """Fetch the archive of a complete download, straight from the bucket."""
    archive = read.archive_url(current_jobs(), current_principal(), job_id)
    if _wants_json():
        response = jsonify(ArchiveUrlSchema().dump(archive))
    else:
        response = Response(status=HTTPStatus.FOUND, headers={"Location": archive.url})
    response.vary.add("Accept")
    return response


def _job_response(job: JobView) -> Response:
    return jsonify(job_json(job, current_settings().url_prefix))


def _wants_json() -> bool:
    # A browser and curl take anything and shall be led to the file.
    accepted = request.accept_mimetypes
    return accepted.find("application/json") >= 0 and accepted["application/json"] > accepted["text/html"]


def _etag(job: JobView) -> str:
    parts: list[object] = [job.status, job.seq, job.current, job.bytes_done, job.skipped_count, job.renamed_count]
    if job.download_url is not None:
        # The URL inside ages though the job does not change: give a fresh one before half its life is over.
        parts.append(int(time.time() / (current_settings().url_ttl_s / 2)))
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
