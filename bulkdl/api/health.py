"""Routes for machines: is the process there, can it serve, what does it measure."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http import HTTPStatus

from flask import Flask, Response, current_app, jsonify, request

import bulkdl
from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_settings
from bulkdl.api.observe import current_metrics
from bulkdl.api.schemas import LivenessSchema, ReadinessSchema
from bulkdl.errors import NotAuthenticated

blueprint = Blueprint("health", __name__, description="For load balancers and monitors.")

_KEY = "bulkdl.readiness"
_OPEN: dict[str, list[str]] = {"security": []}


class Readiness:
    """What this process needs, asked all at once, each with a deadline, and not more often than once a second."""

    def __init__(
        self, checks: Mapping[str, Callable[[], object]], *, timeout_s: float = 2.0, keep_s: float = 1.0
    ) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._keep_s = keep_s
        self._pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="ready")
        self._running: dict[str, Future[object]] = {}
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, str | None]] | None = None

    def ask(self) -> dict[str, str | None]:
        """What is wrong with each of them, None where nothing is."""
        with self._lock:
            if self._kept is not None and time.monotonic() - self._kept[0] < self._keep_s:
                return self._kept[1]
            for name, check in self._checks.items():
                # One that still hangs from last time is waited for, not asked again.
                if name not in self._running:
                    self._running[name] = self._pool.submit(check)
            wait(self._running.values(), timeout=self._timeout_s)
            found = {name: self._result(name) for name in self._checks}
            self._kept = (time.monotonic(), found)
            return found

    def _result(self, name: str) -> str | None:
        if not self._running[name].done():
            return f"no answer within {self._timeout_s:g} s"
        error = self._running.pop(name).exception()
        # The kind only: messages name hosts and keys, and anybody may ask.
        return None if error is None else type(error).__name__


def init_readiness(app: Flask, checks: Mapping[str, Callable[[], object]]) -> None:
    """Let `/readyz` of this application ask these."""
    app.extensions[_KEY] = Readiness(checks)


@blueprint.route("/healthz", methods=["GET"])
@blueprint.response(HTTPStatus.OK, LivenessSchema)
@blueprint.doc(**_OPEN)
def live() -> Response:
    """Whether the process answers."""
    return jsonify(status="ok", version=bulkdl.__version__)


@blueprint.route("/readyz", methods=["GET"])
@blueprint.response(HTTPStatus.OK, ReadinessSchema)
@blueprint.alt_response(HTTPStatus.SERVICE_UNAVAILABLE, schema=ReadinessSchema, description="`failing` says which.")
@blueprint.doc(**_OPEN)
def ready() -> Response:
    """Whether database, Redis and bucket can be reached from here."""
    found = current_app.extensions[_KEY].ask()
    failing = [name for name, error in found.items() if error is not None]
    response = jsonify(
        status="unready" if failing else "ready",
        checks={name: {"ok": error is None, "error": error} for name, error in found.items()},
        failing=failing,
    )
    if failing:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = "5"
    return response


@blueprint.route("/metrics", methods=["GET"])
@blueprint.response(HTTPStatus.OK, {"type": "string"}, content_type="text/plain")
@blueprint.doc(**_OPEN)
def metrics() -> Response:
    """Metrics in Prometheus' text format.

    Counts and durations only. With `BULKDL_METRICS_TOKEN` set it must be sent as `Authorization: Bearer …`.
    """
    token = current_settings().metrics_token
    given = request.headers.get("Authorization", "")
    if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise NotAuthenticated("Send the metrics token: `Authorization: Bearer …`.")
    return Response(current_metrics().render(), content_type="text/plain; version=0.0.4; charset=utf-8")
