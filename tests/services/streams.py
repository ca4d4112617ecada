"""A web process that serves streams, and clients of its Server-Sent Events and WebSockets."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websocket

from tests.services.processes import Process, free_port

ROOT = Path(__file__).parents[2]
PREFIX = "/media-collab"


class StreamServer:
    """gunicorn with one worker process that serves `tests.integration.streams_app`."""

    def __init__(self, redis_url: str, folder: Path, *, worker_class: str = "gevent", **environ: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-c", "tests/integration/streams_gunicorn.py"]
        command += ["-k", worker_class, "--threads", "100", "-b", f"127.0.0.1:{self.port}"]
        command += ["tests.integration.streams_app:create_app()"]
        self.process = Process(
            command,
            log_path=folder / "gunicorn.log",
            cwd=ROOT,
            environ={**os.environ, "STREAMS_REDIS_URL": redis_url, **environ},
        )
        self.process.wait_for_port(self.port)
        self._opened: list[EventStream | Socket] = []

    def request(
        self, method: str, path: str, *, token: str | None = "user", headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """An answer that ends by itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers={**_bearer(token), **(headers or {})})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def count(self) -> int:
        """How many streams are open."""
        return int(self.request("GET", "/count")[1])

    def ticket(self, token: str = "user") -> str:
        """A ticket for the bearer of this token."""
        response, body = self.request("POST", f"{PREFIX}/stream-tickets", token=token)
        assert response.status == 200, body
        return str(json.loads(body)["ticket"])

    def events(self, path: str = "/bulk-download/events", **options: Any) -> EventStream:
        """An open event stream, or the refusal of one."""
        stream = EventStream(self.port, PREFIX + path, **options)
        self._opened.append(stream)
        return stream

    def websocket(self, query: str = "", *, token: str | None = "user", **options: Any) -> Socket:
        """An open WebSocket; raises `websocket.WebSocketBadStatusException` when it is refused."""
        url = f"ws://127.0.0.1:{self.port}{PREFIX}/bulk-download/ws{query}"
        headers = [f"{name}: {value}" for name, value in {**_bearer(token), **options.pop("headers", {})}.items()]
        web_socket = Socket(websocket.create_connection(url, timeout=10, header=headers, **options))
        self._opened.append(web_socket)
        return web_socket

    def close_streams(self) -> None:
        """Close all that was opened here."""
        while self._opened:
            self._opened.pop().close()

    def stop(self) -> None:
        """End it, and the clients."""
        self.close_streams()
        self.process.stop()


class EventStream:
    """A reader of Server-Sent Events."""

    def __init__(
        self, port: int, path: str, *, token: str | None = "user", headers: dict[str, str] | None = None
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.request("GET", path, headers={**_bearer(token), **(headers or {})})
        self.sock = self._connection.sock
        self.response = self._connection.getresponse()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each event as a dict of its fields, `data` parsed."""
        event: dict[str, Any] = {}
        for line in iter(self.response.readline, b""):
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                event["data"] = json.loads(value)
            elif name:
                event[name] = value
            elif event:
                yield event
                event = {}

    def next(self, name: str | None = None) -> dict[str, Any]:
        """The next event, or the next of this name."""
        return next(event for event in self if name is None or event["event"] == f"bulk-download:{name}")

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self._connection.close()


class Socket:
    """A reader of a WebSocket's messages."""

    def __init__(self, inner: websocket.WebSocket) -> None:
        self.inner = inner

    def next(self, name: str | None = None) -> dict[str, Any]:
        """The next message, or the next of this name."""
        while True:
            message: dict[str, Any] = json.loads(self.inner.recv())
            if name is None or message["event"] == f"bulk-download:{name}":
                return message

    def read_close_code(self) -> int:
        """Read on until the server closes, and say with what code."""
        while True:
            opcode, data = self.inner.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")

    def close(self) -> None:
        """Leave, politely if that is still possible."""
        self.inner.close(timeout=1)
        self.inner.shutdown()


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}
