"""Seeing requests go by: an id on each, on its log lines and on its answer, and how long it took."""

from __future__ import annotations

import re
import secrets
import time
from typing import cast

import structlog
from flask import Flask, Response, current_app, g, request

from bulkdl.api.request_id import REQUEST_ID_HEADER
from bulkdl.metrics import WebMetrics

_KEY = "bulkdl.metrics"
_FIT_ID = re.compile(r"[A-Za-z0-9._-]{8,64}").fullmatch
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def init_observation(app: Flask, metrics: WebMetrics) -> None:
    """Give every request an id and measure it; register this before anything that may answer early."""
    app.extensions[_KEY] = metrics
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def current_metrics() -> WebMetrics:
    """The metrics of the process that serves the current request."""
    return cast(WebMetrics, current_app.extensions[_KEY])


def _begin() -> None:
    given = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = given if _FIT_ID(given) else secrets.token_hex(8)
    g.began = time.perf_counter()
    _forget()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _forget(exc: BaseException | None = None) -> None:
    # A thread, or the greenlet of a kept-alive connection, serves one request after another.
    structlog.contextvars.unbind_contextvars("request_id", "job_id")


def _end(response: Response) -> Response:
    if "request_id" not in g:
        return response
    response.headers[REQUEST_ID_HEADER] = g.request_id
    endpoint = request.endpoint or "none"
    if not response.is_streamed or endpoint == "static":
        method = request.method if request.method in _METHODS else "other"
        current_metrics().durations.labels(method, endpoint, response.status_code).observe(
            time.perf_counter() - g.began
        )
    return response
