"""A relay that counts requests and bytes between a client and an S3 endpoint, for a round that is not timed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_BLOCK = 256 * 1024


@dataclass(slots=True)
class Traffic:
    """What a client has asked for, sent and received: bytes of bodies, without headers."""

    requests: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0
    """With the answers' headers: some 300 bytes a request."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Begin anew."""
        with self.lock:
            self.requests.clear()
            self.sent = self.received = 0

    def asked(self, method: str) -> None:
        with self.lock:
            self.requests[method] += 1

    def moved(self, *, sent: int = 0, received: int = 0) -> None:
        with self.lock:
            self.sent += sent
            self.received += received


class CountingRelay:
    """Listens on a loopback port and passes everything on, unchanged."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._target = (parts.hostname or "", parts.port or 80)
        self.traffic = Traffic()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            _Requests(client, server, self.traffic).pass_on()

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        buffer = memoryview(bytearray(_BLOCK))
        with contextlib.suppress(OSError):
            while count := server.recv_into(buffer):
                self.traffic.moved(received=count)
                client.sendall(buffer[:count])
            client.shutdown(socket.SHUT_WR)


class _Requests:
    """The way there: heads are read, bodies passed on as they come."""

    def __init__(self, client: socket.socket, server: socket.socket, traffic: Traffic) -> None:
        self._client = client
        self._server = server
        self._traffic = traffic
        self._held = b""

    def pass_on(self) -> None:
        """Until the client closes."""
        while head := self._read_until(b"\r\n\r\n"):
            self._server.sendall(head)
            self._traffic.asked(head.split(b" ", 1)[0].decode("latin-1"))
            headers = dict(_headers(head))
            if headers.get("transfer-encoding", "").lower() == "chunked":
                self._pass_chunks()
            else:
                self._pass(int(headers.get("content-length", "0")))
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_WR)

    def _pass_chunks(self) -> None:
        while line := self._read_until(b"\r\n"):
            self._server.sendall(line)
            size = int(line.split(b";")[0], 16)
            self._pass(size + 2)
            if size == 0:
                return

    def _pass(self, size: int) -> None:
        while size:
            data = self._held or self._client.recv(min(_BLOCK, size))
            if not data:
                return
            self._held = data[size:]
            data = data[:size]
            self._traffic.moved(sent=len(data))
            self._server.sendall(data)
            size -= len(data)

    def _read_until(self, mark: bytes) -> bytes:
        while (end := self._held.find(mark)) < 0:
            received = self._client.recv(_BLOCK)
            if not received:
                return b""
            self._held += received
        found, self._held = self._held[: end + len(mark)], self._held[end + len(mark) :]
        return found


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()
