"""One event stream, whatever carries it: opened for the caller of a request, and the body of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import request

from bulkdl.api.fields import is_id
from bulkdl.errors import JobNotFound, NotAuthenticated
from bulkdl.events.feed import Feed
from bulkdl.events.hub import EventHub
from bulkdl.events.peer import Peer, client_socket
from bulkdl.events.record import JobRecord
from bulkdl.events.subscription import Subscription
from bulkdl.events.tickets import Tickets
from bulkdl.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What the routes work with."""

    hub: EventHub
    tickets: Tickets
    record: JobRecord
    authenticate: Callable[[], Principal]
    """The caller by the request's token; raises `NotAuthenticated`."""
    is_revoked: Callable[[str | None], bool]
    """Whether the token with this `jti` has been revoked."""
    heartbeat_s: float
    allowed_origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that may be sent."""

    subscription: Subscription
    feed: Feed
    seq: int | None
    """Of its first message."""


class Frames:
    """The body of an event stream. Closes the subscription when the server is done with it."""

    __slots__ = ("_messages", "_subscription")

    def __init__(self, opened: Opened) -> None:
        self._subscription = opened.subscription
        self._messages = opened.feed.messages()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._messages).sse

    def close(self) -> None:
        """The last word of the WSGI server (PEP 3333), said also when the client has left."""
        self._subscription.close()


def open_stream(streams: Streams, job_id: str | None) -> Opened:
    """Open a stream for whoever sends the current request.

    Subscribes first and reads the jobs then, so that nothing falls between. Raises `NotAuthenticated`, `JobNotFound`,
    `TooManyStreams` or `ServiceUnavailable`.
    """
    principal = _caller(streams)
    if job_id is not None and not is_id(job_id):
        raise JobNotFound(job_id)
    sock = client_socket(request.environ)
    peer = Peer(sock) if sock is not None else None
    subscription = streams.hub.subscribe(principal.user_id, job_id, peer, principal.token_id)
    try:
        feed = Feed(subscription, streams.record, heartbeat_s=streams.heartbeat_s, expires_at=principal.expires_at)
        seq = feed.begin()
        if peer is not None:
            peer.limit_buffers()
    except BaseException:
        subscription.close()
        raise
    return Opened(subscription, feed, seq)


def _caller(streams: Streams) -> Principal:
    ticket = request.args.get("ticket")
    if ticket is None:
        return streams.authenticate()
    principal = streams.tickets.redeem(ticket)
    if principal is None:
        raise NotAuthenticated("The ticket is unknown, used or too old: get another.", code="ticket_invalid")
    if streams.is_revoked(principal.token_id):
        raise NotAuthenticated("The token that the ticket was got with has been revoked.", code="token_revoked")
    return principal
