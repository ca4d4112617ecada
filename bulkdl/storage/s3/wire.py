"""One kept-alive HTTP/1.1 connection (RFC 9112): bodies go straight from and into the caller's buffers.

Why not http.client: it reads headers by way of the email package and bodies through a buffer that forgets, when the
connection breaks, how much had come. A ranged GET of 1 KiB from a nearly free server costs a worker 270 µs of CPU over
http.client with botocore's signer, 170 with ours, and 110 over this (medians of six interleaved runs on two busy
cores). urllib3 costs 10 to 45 % more than http.client, obstore about the same. Connecting, TLS and tunnels through
proxies are left to http.client (`pool`).
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from bulkdl.storage import Bytes

_HEAD_LIMIT = 64 * 1024
_INTERIM_LIMIT = 10
_SEND_BLOCK = 1024**2
"""A time-out of `sendall` counts for all that it is given, so it is given this much at a time."""


class MalformedAnswer(Exception):
    """What came back is not HTTP, or not what HTTP allows here."""


class ConnectionGone(ConnectionError):
    """The other end closed before the first byte of an answer: a kept-alive connection it had given up."""


@dataclass(frozen=True, slots=True)
class Crawl:
    """A body that brings less than this for so long is not worth waiting for."""

    window_s: float
    bytes_per_s: float


class Answer:
    """Status and headers of an answer whose body is still to be read."""

    __slots__ = ("_connection", "_is_chunked", "_left", "headers", "keeps_alive", "status")

    def __init__(self, connection: Connection, head: bytes, method: str) -> None:
        version, self.status, self.headers = _parse_head(head)
        self._connection = connection
        self._is_chunked = False
        tokens = self.headers.get("connection", "").lower()
        self.keeps_alive = "close" not in tokens and (version != "HTTP/1.0" or "keep-alive" in tokens)
        self._left = self._frame(method)

    def _frame(self, method: str) -> int:
        """Bytes until the end of the body or of its first chunk; RFC 9112 §6.3."""
        if method == "HEAD" or self.status < 200 or self.status in (204, 304):
            return 0
        encoding = self.headers.get("transfer-encoding", "").lower()
        if encoding:
            if encoding != "chunked":
                raise MalformedAnswer(f"a transfer encoding that was not asked for: {encoding!r}")
            self._is_chunked = True
            return self._next_chunk(is_first=True)
        length = self.headers.get("content-length")
        if length is None:
            self.keeps_alive = False
            return 2**63
        return _whole(length, "content length")

    @property
    def length(self) -> int | None:
        """Bytes of the body that were announced; None when they were not."""
        length = self.headers.get("content-length")
        return None if length is None else _whole(length, "content length")

    @property
    def is_over(self) -> bool:
        """The body has been read to its end, and the connection can carry another request."""
        return self._left == 0 and self.keeps_alive and not self._connection.has_unread

    def fill(self, target: memoryview, crawl: Crawl | None = None) -> int:
        """Read until the target is full or the body ends; return how many bytes came.

        Fewer when the connection breaks after some bytes, or crawls. Raises `OSError` when it breaks before the first.
        """
        received = looked_at = 0
        look_at_s = time.monotonic() + crawl.window_s if crawl is not None else 0.0
        try:
            while received < len(target) and self._left:
                count = self._connection.receive_into(target[received : received + self._left])
                if not count:
                    self._end_early()
                    break
                received += count
                self._left -= count
                if not self._left and self._is_chunked:
                    self._left = self._next_chunk()
                if crawl is not None and time.monotonic() >= look_at_s:
                    if received - looked_at < crawl.window_s * crawl.bytes_per_s:
                        self.keeps_alive = False
                        break
                    looked_at, look_at_s = received, time.monotonic() + crawl.window_s
        except (OSError, MalformedAnswer):
            self.keeps_alive = False
            if not received:
                raise
        return received

    def read(self, limit: int) -> bytes:
        """The rest of a small body. Raises `MalformedAnswer` if it is longer, or ends before its end."""
        if not self._left:
            return b""
        target = bytearray(limit + 1)
        count = self.fill(memoryview(target))
        if count > limit or self._left:
            raise MalformedAnswer(f"a body longer than {limit} bytes, or cut off")
        return bytes(target[:count])

    def _end_early(self) -> None:
        """The other end closed: that is the end of a body without a length, and a break of any other."""
        has_length = self._is_chunked or "content-length" in self.headers
        self._left = self._left if has_length else 0
        self.keeps_alive = False

    def _next_chunk(self, *, is_first: bool = False) -> int:
        """The size of the next chunk, 0 after the last (RFC 9112 §7.1)."""
        if not is_first and self._connection.receive_line():
            raise MalformedAnswer("a chunk longer than its size")
        size = _chunk_size(self._connection.receive_line())
        if not size:
            while self._connection.receive_line():
                pass
        return size


class Connection:
    """A socket with a read buffer."""

    __slots__ = ("_buffer", "_end", "_poll", "_start", "_view", "idle_since_s", "is_reused", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.is_reused = False
        self.idle_since_s = 0.0
        self._buffer = bytearray(16 * 1024)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    @property
    def has_unread(self) -> bool:
        """More has come than any answer announced."""
        return self._start < self._end

    @property
    def is_stale(self) -> bool:
        """Something arrived, or the other end closed, while nobody asked."""
        return bool(self._poll.poll(0))

    def send(self, head: bytes, body: Iterable[Bytes] = ()) -> None:
        """Send a request, its body in blocks straight from where they lie."""
        self.sock.sendall(head)
        for chunk in body:
            view = memoryview(chunk).cast("B")
            for offset in range(0, len(view), _SEND_BLOCK):
                self.sock.sendall(view[offset : offset + _SEND_BLOCK])

    def receive(self, method: str) -> Answer:
        """The head of the answer to a request; interim answers are passed over (RFC 9110 §15.2)."""
        for _ in range(_INTERIM_LIMIT):
            answer = Answer(self, self._receive_head(), method)
            if answer.status >= 200:
                return answer
        raise MalformedAnswer("nothing but interim answers")

    def receive_into(self, target: memoryview) -> int:
        """Some bytes, at least one unless the other end has closed."""
        held = self._end - self._start
        if not held:
            return self.sock.recv_into(target)
        count = min(held, len(target))
        target[:count] = self._view[self._start : self._start + count]
        self._start += count
        return count

    def receive_line(self) -> bytes:
        """Up to the next line break, without it."""
        return self._receive_until(b"\r\n")

    def close(self) -> None:
        self.sock.close()

    def _receive_head(self) -> bytes:
        if not self.has_unread:
            self._start = self._end = 0
            try:
                self._end = self.sock.recv_into(self._view)
            except ConnectionError as exc:
                raise ConnectionGone(str(exc)) from exc
            if not self._end:
                raise ConnectionGone("the connection was closed without an answer")
        return self._receive_until(b"\r\n\r\n")

    def _receive_until(self, mark: bytes) -> bytes:
        while (found := self._buffer.find(mark, self._start, self._end)) < 0:
            self._receive_more()
        text = bytes(self._view[self._start : found])
        self._start = found + len(mark)
        return text

    def _receive_more(self) -> None:
        held = self._end - self._start
        if held >= _HEAD_LIMIT:
            raise MalformedAnswer(f"headers of more than {_HEAD_LIMIT} bytes")
        if self._end == len(self._buffer):
            grown = bytearray(max(len(self._buffer), 2 * held))
            grown[:held] = self._view[self._start : self._end]
            self._buffer, self._view = grown, memoryview(grown)
            self._start, self._end = 0, held
        count = self.sock.recv_into(self._view[self._end :])
        if not count:
            raise MalformedAnswer("an answer that ends in its headers")
        self._end += count


def _parse_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    words = status_line.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or len(words[1]) != 3:
        raise MalformedAnswer(f"a status line {status_line[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedAnswer(f"a header line {line[:80]!r}")
        name = name.lower()
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return words[0], _whole(words[1], "status"), headers


def _whole(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise MalformedAnswer(f"a {what} of {text[:40]!r}")
    return int(text)


def _chunk_size(line: bytes) -> int:
    """Hexadecimal digits, then perhaps extensions that nobody uses."""
    digits = line.split(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", digits):
        raise MalformedAnswer(f"a chunk size of {digits[:40]!r}")
    return int(digits, 16)
