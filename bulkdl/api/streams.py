"""Routes of live events: Server-Sent Events and a WebSocket over one subscription, and the tickets that open them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, request
from flask_sock import Sock
from marshmallow import fields
from simple_websocket import Server
from werkzeug.exceptions import BadRequest
from wsproto.utilities import RemoteProtocolError

from bulkdl.api.auth import current_principal
from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_runtime
from bulkdl.api.handshake import check_handshake
from bulkdl.api.long_lived import LongLivedRequests, continue_later
from bulkdl.api.present import job_json
from bulkdl.api.revocation import RevocationList
from bulkdl.api.schemas.base import Schema
from bulkdl.api.stream import Frames, Opened, Streams, open_stream
from bulkdl.api.websocket import SERVER_OPTIONS, GuardedSocket, guard_socket, keep_open, serve
from bulkdl.events import sse
from bulkdl.events.high_water import HighWater
from bulkdl.events.hub import EventHub, close_on_sigterm
from bulkdl.events.peer import client_socket
from bulkdl.events.record import Job, JobRecord
from bulkdl.events.tickets import LIFETIME_S
from bulkdl.identity import Principal
from bulkdl.jobs import read
from bulkdl.runtime import Runtime
from bulkdl.settings import Settings

blueprint = Blueprint("streams", __name__, description="Live events: a snapshot first, then what changes.")

_KEY = "bulkdl.streams"

_DESCRIPTION = (
    "`text/event-stream`: `bulk-download:snapshot` first, then `progress`, `complete`, `failed` and `cancelled`, each "
    "with its job's `seq` as `id`; `heartbeat` when nothing happens, `bye` before the server closes the stream."
)
_TICKET = {
    "in": "query",
    "name": "ticket",
    "schema": {"type": "string"},
    "description": "In place of a token, which EventSource and WebSocket cannot send: see `POST /stream-tickets`.",
}


class StreamTicketSchema(Schema):
    """What opens one stream."""

    ticket = fields.String(required=True, metadata={"description": "For the query of one stream's URL, once."})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds within which to open it."})


def init_streams(app: Flask, revocations: RevocationList, *, on_count: Callable[[int], None] | None = None) -> None:
    """Give this application its hub, from its runtime; `on_count` is told +1 and -1."""
    with app.app_context():
        runtime = current_runtime()
    settings = runtime.settings
    hub = EventHub(
        runtime.redis,
        max_streams=settings.max_streams,
        max_streams_per_user=settings.max_streams_per_user,
        on_count=on_count,
        revoked_among=revocations.revoked_among,
    )
    attach_streams(
        app,
        Streams(
            hub=hub,
            tickets=runtime.tickets,
            record=make_job_record(runtime, hub.high_water),
            authenticate=current_principal,
            is_revoked=revocations.is_revoked,
            heartbeat_s=settings.heartbeat_s,
            allowed_origins=_origins(settings),
        ),
    )


def attach_streams(app: Flask, streams: Streams) -> None:
    """Make them known to the routes, and flask-sock to its limits."""
    app.extensions[_KEY] = streams
    app.wsgi_app = LongLivedRequests(app.wsgi_app, ("/events", "/ws"))  # type: ignore[method-assign]  # Flask's way
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS


def close_streams(app: Flask) -> None:
    """Say good-bye to every open stream and listen to Redis no more."""
    app.extensions[_KEY].hub.close()


def close_streams_on_sigterm(app: Flask) -> None:
    """Let the open streams say good-bye on SIGTERM; for gunicorn's `post_worker_init`."""
    close_on_sigterm(app.extensions[_KEY].hub)


def make_job_record(runtime: Runtime, high_water: HighWater) -> JobRecord:
    """How streams read jobs: as the wire has them, without a request, and never less than they told before."""
    jobs, prefix = runtime.jobs, runtime.settings.url_prefix

    def read_jobs(user_id: str, job_id: str | None) -> list[Job]:
        if job_id is None:
            views = read.live_jobs(jobs, user_id)
        else:
            views = [read.get_job(jobs, Principal(user_id), job_id)]
        return [high_water.raised(job_json(view, prefix)) for view in views]

    return JobRecord(read_jobs, partial(read.active_among, jobs))


@blueprint.route("/stream-tickets", methods=["POST"])
@blueprint.response(HTTPStatus.OK, StreamTicketSchema)
def create_ticket() -> Response:
    """A ticket that opens one stream, for those who cannot send a header."""
    streams = _current()
    ticket = streams.tickets.issue(streams.authenticate())
    return jsonify(ticket=ticket, expiresIn=LIFETIME_S)


@blueprint.route("/bulk-download/events", methods=["GET"])
@blueprint.response(HTTPStatus.OK, content_type=sse.MIMETYPE, description=_DESCRIPTION)
@blueprint.doc(parameters=[_TICKET])
def events() -> Response:
    """What happens to your downloads, as Server-Sent Events."""
    return _stream(None)


@blueprint.route("/bulk-download/jobs/<string:job_id>/events", methods=["GET"])
@blueprint.response(HTTPStatus.OK, content_type=sse.MIMETYPE, description=_DESCRIPTION)
@blueprint.alt_response(
    HTTPStatus.NO_CONTENT, description="`Last-Event-ID` names the end of the job: do not come back.", success=True
)
@blueprint.doc(parameters=[_TICKET])
def job_events(job_id: str) -> Response:
    """What happens to one download, as Server-Sent Events; the stream ends with the job."""
    return _stream(job_id)


def ws(server: Server) -> None:
    """What happens to your downloads, as messages `{"event": …, "data": …}`; `?jobId=` for one download."""
    opened: Opened = g.pop("opened")
    keep_open(server)
    continue_later(request.environ, partial(_serve, server, g.guarded_socket, opened))


Sock().route("/bulk-download/ws", bp=blueprint)(ws)


def _serve(server: Server, sock: GuardedSocket, opened: Opened) -> None:
    with opened.subscription:
        serve(server, sock, opened.feed)


@blueprint.before_request
def _meet_websocket() -> None:
    """All that may refuse a WebSocket, before it is upgraded: after that there is no status to answer with."""
    if request.endpoint != "streams.ws":
        return
    check_handshake(request.environ, host=request.host, allowed_origins=_current().allowed_origins)
    sock = client_socket(request.environ)
    if sock is None:
        raise BadRequest("This server does not do WebSockets.")
    g.opened = open_stream(_current(), request.args.get("jobId"))
    g.guarded_socket = guard_socket(request.environ, sock, g.opened.subscription.close)


@blueprint.teardown_request
def _leave_websocket(exc: BaseException | None) -> None:
    if "opened" in g:
        g.opened.subscription.close()


@blueprint.errorhandler(RemoteProtocolError)
def _answer_handshake(exc: RemoteProtocolError) -> Response:
    return cast(Response, current_app.handle_user_exception(BadRequest("The WebSocket handshake is malformed.")))


def _stream(job_id: str | None) -> Response:
    opened = open_stream(_current(), job_id)
    frames = Frames(opened)
    if opened.feed.is_over and request.headers.get("Last-Event-ID") == str(opened.seq):
        # The client has been told the end already. No Content tells it not to come back (WHATWG HTML §9.2.3).
        frames.close()
        return Response(status=HTTPStatus.NO_CONTENT)
    if request.method == "HEAD":
        # Nobody iterates, and so nobody would close.
        frames.close()
    response = Response(frames, mimetype=sse.MIMETYPE, direct_passthrough=True)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    # Not to be collected by nginx before it is passed on.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _current() -> Streams:
    return cast(Streams, current_app.extensions[_KEY])


def _origins(settings: Settings) -> frozenset[str]:
    """The listed origins, and our own as the public knows it: a proxy may have changed the Host header."""
    origins = set(settings.allowed_origins)
    if settings.public_url is not None:
        parts = urlsplit(settings.public_url)
        origins.add(f"{parts.scheme}://{parts.netloc}")
    return frozenset(origins)
