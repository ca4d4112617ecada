"""Every refusal and failure as a problem document (RFC 9457), from one table of our errors to HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from bulkdl import errors
from bulkdl.logs import get_logger

log = get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
PROBLEMS_PATH = "/docs/problems"

# Any: members of a JSON object.
Members = dict[str, Any]


class RequestInvalid(errors.InvalidRequest):
    """The request's body, query or headers are not what the operation takes."""

    def __init__(self, message: str, *, problems: Sequence[Mapping[str, str]]) -> None:
        super().__init__(message)
        self.problems = problems


class UnsupportedMediaType(errors.InvalidRequest):
    """The body is not sent as JSON."""

    code = "unsupported_media_type"


class RateLimited(errors.BulkdlError):
    """The caller sends more requests than one person or address may."""

    code = "rate_limited"

    def __init__(self, limit: str, *, retry_after_s: int) -> None:
        super().__init__(f"You are sending more than {limit} requests; wait {retry_after_s} s.")
        self.limit = limit
        self.retry_after_s = retry_after_s


# The most specific class wins. 422 for a re-used Idempotency-Key follows
# draft-ietf-httpapi-idempotency-key-header §2.7.
STATUS: dict[type[errors.BulkdlError], HTTPStatus] = {
    errors.BulkdlError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ArchiveError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.AssetNotFound: HTTPStatus.NOT_FOUND,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.JobNotReady: HTTPStatus.CONFLICT,
    errors.ArchiveExpired: HTTPStatus.GONE,
    errors.FilesUnavailable: HTTPStatus.CONFLICT,
    errors.QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StorageError: HTTPStatus.BAD_GATEWAY,
    errors.StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ObjectNotFound: HTTPStatus.NOT_FOUND,
    errors.ServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

TITLES = {
    "validation_error": "The request is not valid",
    "unsupported_media_type": "The body must be JSON",
    "too_many_files": "Too many files for one download",
    "too_many_bytes": "Too many bytes for one archive",
    "asset_not_found": "Some assets are not in the project",
    "archive_impossible": "The archive cannot be made",
    "idempotency_conflict": "The Idempotency-Key was used for another request",
    "quota_pending": "Too many unfinished downloads",
    "rate_limited": "Too many requests",
    "token_missing": "Authentication is needed",
    "token_invalid": "The token is not valid",
    "token_expired": "The token has expired",
    "token_revoked": "The token has been revoked",
    "csrf_failed": "The CSRF token is missing or does not match",
    "ticket_invalid": "The stream ticket is not valid",
    "permission_denied": "Not allowed",
    "job_not_found": "There is no such job",
    "job_not_ready": "The archive is not ready",
    "files_unavailable": "Some of the selected files cannot be had",
    "archive_expired": "The archive has been deleted",
    "storage_unavailable": "The object storage cannot be reached",
    "too_many_streams": "Too many open streams",
    "service_unavailable": "A part of the service cannot be reached",
    "not_found": "There is no such page",
    "method_not_allowed": "The method is not allowed here",
    "request_too_large": "The request is too large",
    "internal_error": "Something went wrong here",
}

# Of what Flask itself refuses; the rest is called after its reason phrase.
HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
}

_SHOWN_ASSETS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem document before it is written: RFC 9457 §3, `code` and further members beside."""

    status: int
    code: str
    detail: str
    members: Members = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_response(self) -> Response:
        """The answer to the current request."""
        document: Members = {
            "type": f"{PROBLEMS_PATH}#{self.code}",
            "title": TITLES.get(self.code) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": request.path,
            **({"requestId": g.request_id} if "request_id" in g else {}),
            **self.members,
        }
        response = Response(json.dumps(document), status=self.status, content_type=CONTENT_TYPE)
        response.headers.update(self.headers)
        response.headers["Cache-Control"] = "no-store"
        return response


def init_errors(app: Flask) -> None:
    """Answer everything that goes wrong in this application with a problem document."""
    app.register_error_handler(errors.BulkdlError, lambda exc: problem_of(exc).to_response())
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def problem_of(exc: errors.BulkdlError) -> Problem:
    """The problem document of one of our errors."""
    status = next(STATUS[family] for family in type(exc).__mro__ if family in STATUS)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", code=exc.code, error=str(exc), exc_info=status != HTTPStatus.SERVICE_UNAVAILABLE)
    # What failed inside is for the log: it may name buckets, hosts and keys.
    is_internal = status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY)
    return Problem(
        status=status,
        code=exc.code,
        detail=HTTPStatus(status).description if is_internal else _detail(exc),
        members=_members(exc),
        headers=_headers(exc),
    )


def _detail(exc: errors.BulkdlError) -> str:
    if isinstance(exc, errors.StorageUnavailable):
        return "The object storage cannot be reached at the moment."
    return str(exc)


def _members(exc: errors.BulkdlError) -> Members:
    members: Members = {}
    if isinstance(exc, RequestInvalid):
        members["errors"] = list(exc.problems)
    elif isinstance(exc, errors.InvalidRequest) and exc.field is not None:
        place = {"parameter": exc.field} if request.method == "GET" else {"pointer": f"#/{exc.field}"}
        members["errors"] = [{"detail": str(exc), **place}]
    if isinstance(exc, errors.AssetNotFound):
        members["assetIds"] = list(exc.asset_ids[:_SHOWN_ASSETS])
    if isinstance(exc, errors.JobError):
        members["jobId"] = exc.job_id
    for name in ("limit", "count", "size", "service"):
        if hasattr(exc, name):
            members[name] = getattr(exc, name)
    return members


def _headers(exc: errors.BulkdlError) -> dict[str, str]:
    if isinstance(exc, errors.NotAuthenticated):
        return {"WWW-Authenticate": _challenge(exc)}
    if isinstance(exc, errors.StorageUnavailable):
        return {"Retry-After": str(max(1, round(exc.retry_after_s or 5)))}
    retry_after_s = getattr(exc, "retry_after_s", None)
    return {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def _challenge(exc: errors.NotAuthenticated) -> str:
    # RFC 6750 §3: no error code when no token was sent at all.
    challenge = 'Bearer realm="bulkdl"'
    return challenge if exc.code == "token_missing" else f'{challenge}, error="invalid_token"'


def _answer_http(exc: HTTPException) -> Response:
    if exc.response is not None or exc.code is None or exc.code < HTTPStatus.BAD_REQUEST:
        return cast(Response, Response.force_type(exc.get_response(), request.environ))
    members: Members = {}
    if exc.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        members["limit"] = request.max_content_length
    headers = {name: value for name, value in exc.get_headers() if name.lower() != "content-type"}
    return Problem(
        status=exc.code,
        code=HTTP_CODES.get(exc.code) or exc.name.lower().replace(" ", "_"),
        detail=exc.description or HTTPStatus(exc.code).description,
        members=members,
        headers=headers,
    ).to_response()


def _answer_unexpected(exc: Exception) -> Response:
    log.error("unexpected error", error=type(exc).__name__, exc_info=exc)
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR, code="internal_error", detail="It has been logged; try again later."
    ).to_response()
