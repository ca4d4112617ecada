"""One signed request and its answer, over kept-alive connections.

What runs for every request is written for speed here and in `signing`, `wire` and `address`: named tuples where
frozen dataclasses would cost four times as much to make, and no generator between a request and its bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import NamedTuple

from bulkdl import __version__
from bulkdl.errors import StorageRefused
from bulkdl.storage import PartBody
from bulkdl.storage.s3.address import Origin, Place
from bulkdl.storage.s3.answers import ANSWER_LIMIT, element, read_refusal, refusal_in
from bulkdl.storage.s3.body import NO_BODY, BodyFailed, OutgoingBody
from bulkdl.storage.s3.errors import Subject, translate
from bulkdl.storage.s3.pool import ConnectionPool
from bulkdl.storage.s3.signing import Signer
from bulkdl.storage.s3.vendor import FAILURES, explain
from bulkdl.storage.s3.wire import Answer, Connection, ConnectionGone, MalformedAnswer

_LATE_ANSWER_S = 2.0
_OWN_HEADERS = f"user-agent: bulkdl/{__version__}\r\naccept-encoding: identity\r\n"
"""Sent unsigned: proxies may change them."""


class Request(NamedTuple):
    """What is asked, without signature. Sent a second time, each has the same effect."""

    method: str
    place: Place
    subject: Subject
    headers: Mapping[str, str]
    """Names in lower case."""
    query: str = ""
    """Canonical, as `address.encode_query` makes it."""
    body: PartBody = ()
    timeout_s: float | None = None
    """How long the other end may stay silent, or take to accept a block, if not as long as usual."""
    expected: Collection[int] = ()
    """Statuses that are handed to the caller though they are no success."""


class Exchange:
    """Sends requests and reads answers. Safe to share between threads."""

    def __init__(self, pool: ConnectionPool, signer: Signer, timeout_s: float) -> None:
        self._pool = pool
        self._signer = signer
        self._timeout_s = timeout_s

    def send(self, request: Request) -> Exchanged:
        """The answer, if it is a success, to be read in a `with`.

        Raises what the refusal means (`errors.translate`), `StorageUnavailable` for a connection that fails,
        and what the making of the body raises.
        """
        try:
            connection, answer = self._ask(request)
        except BodyFailed as exc:
            raise exc.cause from exc.cause.__cause__
        except FAILURES as exc:
            raise explain(exc, request.subject) from exc
        exchanged = Exchanged(self._pool, request.place.origin, connection, request.subject, answer)
        if answer.status >= 300 and answer.status not in request.expected:
            with exchanged:
                raise translate(read_refusal(answer), request.subject)
        return exchanged

    def read_text(self, request: Request) -> str:
        """The body of an answer that may say 200 and then hold an error (API_UploadPartCopy)."""
        with self.send(request) as answer:
            text = answer.read(ANSWER_LIMIT).decode("utf-8", "replace")
        if element(text, "Code") is not None:
            raise translate(refusal_in(text, answer), request.subject)
        return text

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()

    def _ask(self, request: Request) -> tuple[Connection, Answer]:
        """Send over an idle connection; if the other end had just given that up, once more over a new one."""
        origin = request.place.origin
        body = OutgoingBody(request.body) if request.body else NO_BODY
        head = self._head(request, body.size)
        connection = self._pool.take(origin)
        try:
            return connection, self._try(connection, request, head, body)
        except ConnectionGone:
            if not connection.is_reused or not body.is_repeatable:
                raise
        connection = self._pool.open(origin)
        return connection, self._try(connection, request, head, body)

    def _try(self, connection: Connection, request: Request, head: bytes, body: OutgoingBody) -> Answer:
        """One request over one connection, which is closed if that fails."""
        try:
            connection.sock.settimeout(request.timeout_s or self._timeout_s)
            try:
                connection.send(head, body)
            except OSError as exc:
                return _late_answer(connection, request.method, exc)
            return connection.receive(request.method)
        except BaseException:
            connection.close()
            raise

    def _head(self, request: Request, size: int) -> bytes:
        """Request line and headers. To a proxy that is handed plain HTTP the line names the whole URL."""
        method, (origin, path), query = request.method, request.place, request.query
        headers = self._signer.sign(method, path, query, {"host": origin.authority, **request.headers})
        target = f"{path}?{query}" if query else path
        proxy = self._pool.proxy_of(origin)
        if proxy and origin.scheme == "http":
            target = f"http://{origin.authority}{target}"
            headers.update(proxy.headers)
        if method == "PUT":
            headers["content-length"] = str(size)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or not lines.isascii():
            raise StorageRefused("A name or ETag cannot be sent in a header: it has a line break, or is not ASCII.")
        return f"{method} {target} HTTP/1.1\r\n{lines}{_OWN_HEADERS}\r\n".encode("ascii")


class Exchanged:
    """An answer and its connection: used in a `with`, at whose end the connection is kept or closed."""

    __slots__ = ("_answer", "_connection", "_origin", "_pool", "_subject")

    def __init__(
        self, pool: ConnectionPool, origin: Origin, connection: Connection, subject: Subject, answer: Answer
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._connection = connection
        self._subject = subject
        self._answer = answer

    def __enter__(self) -> Answer:
        return self._answer

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What breaks while the body is read becomes our error too."""
        if self._answer.is_over:
            self._pool.give(self._origin, self._connection)
        else:
            self._connection.close()
        if isinstance(failure, FAILURES):
            raise explain(failure, self._subject) from failure


def _late_answer(connection: Connection, method: str, failure: OSError) -> Answer:
    """Why the other end would not take the rest: its refusal, if it sent one before it closed."""
    if isinstance(failure, TimeoutError):
        raise failure
    try:
        connection.sock.settimeout(_LATE_ANSWER_S)
        answer = connection.receive(method)
    except (OSError, MalformedAnswer):
        raise ConnectionGone(str(failure)) from failure
    if answer.status < 300:
        raise failure
    answer.keeps_alive = False
    return answer
