"""An HTTP peer that answers what it is told to, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """Bytes to send, and what becomes of the connection then."""

    data: bytes = b""
    then: Literal["keep", "close", "reset", "stall"] = "keep"
    is_early: bool = False
    """Sent before the request's body has been read."""
    continuation: bytes = b""
    """Sent after `data`, in a packet of its own."""
    method: str | None = None
    """Only for a request with this method, where two come over two connections in either order."""


class Peer:
    """Serves a script: each request is answered by the next reply, whichever connection it comes over."""

    def __init__(self, replies: Sequence[Reply], *, family: int = socket.AF_INET, tls: ssl.SSLContext | None = None):
        self.asked: list[Asked] = []
        self._replies = deque(replies)
        self._tls = tls
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for sock in (self._listener, *self._connections):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def connections(self) -> list[int]:
        """Which connection each request came over, counted from 0."""
        return [request.connection for request in self.asked]

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
                if self._tls:
                    sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError:
                continue
            thread = threading.Thread(target=self._serve, args=(sock, len(self._connections)), daemon=True)
            self._connections.append(sock)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError), sock, sock.makefile("rb") as stream:
            while line := stream.readline():
                method, target, _ = line.decode("ascii").split(" ")
                headers = {}
                while (header := stream.readline().decode("ascii").rstrip("\r\n")) != "":
                    name, _, value = header.partition(": ")
                    headers[name.lower()] = value
                reply = self._next(method)
                size = int(headers.get("content-length", "0"))
                body = b"" if reply.is_early else stream.read(size)
                self.asked.append(Asked(number, method, target, headers, body))
                if not self._reply(sock, reply):
                    return

    def _next(self, method: str) -> Reply:
        with self._lock:
            found = next((reply for reply in self._replies if reply.method in (None, method)), None)
            if found is None:
                return Reply(then="close")
            self._replies.remove(found)
            return found

    def _reply(self, sock: socket.socket, reply: Reply) -> bool:
        sock.sendall(reply.data)
        if reply.continuation:
            sock.sendall(reply.continuation)
        if reply.then == "stall":
            self._stopped.wait(60)
        if reply.then == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if reply.then in ("close", "stall"):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        return reply.then == "keep"


def answer(status: int = 200, body: bytes = b"", *, then: Literal["keep", "close"] = "keep", **headers: str) -> Reply:
    """A well-formed answer; header names with `_` for `-`."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Reply("\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body, then)


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> Reply:
    """An error as S3 writes it."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return answer(status, text.encode(), **headers)
