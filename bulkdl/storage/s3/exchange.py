"""One signed request and its answer, over kept-alive connections."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bulkdl import __version__
from bulkdl.storage import PartBody
from bulkdl.storage.s3.address import Place
from bulkdl.storage.s3.answers import ANSWER_LIMIT, element, read_refusal, refusal_in
from bulkdl.storage.s3.body import BodyFailed, OutgoingBody
from bulkdl.storage.s3.errors import Subject, translate
from bulkdl.storage.s3.pool import ConnectionPool
from bulkdl.storage.s3.signing import Signer
from bulkdl.storage.s3.vendor import translated
from bulkdl.storage.s3.wire import Answer, Connection, ConnectionGone, MalformedAnswer

_LATE_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, without signature. Sent a second time, each has the same effect."""

    method: str
    place: Place
    subject: Subject
    query: str = ""
    """Canonical, as `address.encode_query` makes it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
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

    @contextmanager
    def send(self, request: Request) -> Iterator[Answer]:
        """The answer, if it is a success; its body is read inside the `with`.

        Raises what the refusal means (`errors.translate`), `StorageUnavailable` for a connection that fails,
        and what the making of the body raises.
        """
        try:
            with translated(request.subject):
                connection, answer = self._ask(request)
                try:
                    if answer.status >= 300 and answer.status not in request.expected:
                        raise translate(read_refusal(answer), request.subject)
                    yield answer
                finally:
                    if answer.is_over:
                        self._pool.give(request.place.origin, connection)
                    else:
                        connection.close()
        except BodyFailed as exc:
            raise exc.cause from exc.cause.__cause__

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
        body = OutgoingBody(request.body)
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
        origin = request.place.origin
        headers = self._signer.sign(
            request.method, request.place.path, request.query, {"host": origin.authority, **request.headers}
        )
        headers["user-agent"] = f"bulkdl/{__version__}"
        headers["accept-encoding"] = "identity"
        if request.method == "PUT":
            headers["content-length"] = str(size)
        target = f"{request.place.path}?{request.query}" if request.query else request.place.path
        proxy = self._pool.proxy_of(origin)
        if proxy and origin.scheme == "http":
            target = f"http://{origin.authority}{target}"
            headers.update(proxy.headers)
        lines = [f"{request.method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("A line break would begin another header.")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


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
