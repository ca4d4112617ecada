"""Thousands of clients of live events in one process: `python -m bench.listeners sse|ws PORT COUNT SECRET PREFIX`.

Commands on standard input, an answer on standard output for each: `measure` forgets what was counted so far,
`report` says what was counted since, `ended` says how many have heard the end of their job.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import selectors
import socket
import sys
import time

import jwt

_OPENING_AT_ONCE = 100
_SSE = re.compile(rb"id: (\d+)\nevent: bulk-download:(\w+)\n")
_WS = re.compile(rb'"event":"bulk-download:(?P<name>\w+)","data":\{"jobs?(?:Id)?":(?:"[^"]+","seq":(?P<seq>\d+))?')
_PING = b"\x89\x00"
_PONG = b"\x8a\x80\x00\x00\x00\x00"
_LONGEST_TOKEN = 400


def user_id(number: int) -> str:
    """Of the listener with this number."""
    return f"listener-{number:05d}"


def make_token(user: str, secret: str) -> str:
    """A token as the service takes it, with an id by which it could be revoked."""
    claims = {"sub": user, "projects": ["bench"], "exp": int(time.time()) + 3600, "jti": secrets.token_hex(16)}
    return jwt.encode(claims, secret, algorithm="HS256")


def request_head(kind: str, port: int, token: str, prefix: str) -> bytes:
    """What opens a stream of this kind."""
    path = f"{prefix}/bulk-download/{'events' if kind == 'sse' else 'ws'}"
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {token}"]
    if kind == "ws":
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    return "\r\n".join([*lines, "", ""]).encode()


class Listener:
    """One client."""

    __slots__ = ("has_begun", "has_ended", "number", "sock", "tail")

    def __init__(self, number: int, port: int) -> None:
        self.number = number
        self.tail = b""
        self.has_begun = False
        self.has_ended = False
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setblocking(False)


class Listeners:
    """All clients, on one selector."""

    def __init__(self, kind: str, port: int, secret: str, prefix: str) -> None:
        self._kind = kind
        self._port = port
        self._secret = secret
        self._prefix = prefix
        self._selector = selectors.DefaultSelector()
        self._pattern = _SSE if kind == "sse" else _WS
        self._delays_ms: list[float] = []
        self._opening = self._begun = self._ended = self._lost = 0
        self._refused: list[int] = []
        self.refusals = 0

    def open(self, count: int, deadline_s: float = 900.0) -> None:
        """Open so many, some at a time, and wait for everybody's snapshot; who is refused comes back later."""
        deadline = time.monotonic() + deadline_s
        waiting = list(range(count))
        while self._begun < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {self._begun} of {count} streams have begun")
            while waiting and self._opening < _OPENING_AT_ONCE:
                self._open_one(waiting.pop(0))
            self.turn(1.0)
            if self._refused:
                time.sleep(0.5)
                waiting += self._refused
                self._refused.clear()

    def _open_one(self, number: int) -> None:
        listener = Listener(number, self._port)
        token = make_token(user_id(number), self._secret)
        listener.sock.sendall(request_head(self._kind, self._port, token, self._prefix))
        self._selector.register(listener.sock, selectors.EVENT_READ, listener)
        self._opening += 1

    def serve(self) -> None:
        """Listen, and obey, until standard input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)
        while self.turn(60.0):
            pass

    def turn(self, timeout_s: float) -> bool:
        """Read what is there."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                if not self._obey(sys.stdin.readline().strip()):
                    return False
            else:
                self._read(key.data)
        return True

    def _read(self, listener: Listener) -> None:
        try:
            data = listener.sock.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now_ms = time.time() * 1000
        if not listener.has_begun and data.startswith(b"HTTP/1.1 503 "):
            self._refuse(listener)
            return
        if not data:
            self._lost += 1
            self._selector.unregister(listener.sock)
            return
        if self._kind == "ws" and _PING in data:
            with contextlib.suppress(OSError):
                listener.sock.send(_PONG)
        data = listener.tail + data
        end = 0
        for match in self._pattern.finditer(data):
            end = match.end()
            self._hear(listener, match, now_ms)
        listener.tail = data[max(end, len(data) - _LONGEST_TOKEN) :]

    def _refuse(self, listener: Listener) -> None:
        self._selector.unregister(listener.sock)
        listener.sock.close()
        self._opening -= 1
        self._refused.append(listener.number)
        self.refusals += 1

    def _hear(self, listener: Listener, match: re.Match[bytes], now_ms: float) -> None:
        seq, name = match.groups() if self._kind == "sse" else (match["seq"], match["name"])
        if name == b"snapshot":
            if not listener.has_begun:
                self._begun += 1
                self._opening -= 1
            listener.has_begun = True
        elif name == b"progress":
            self._delays_ms.append(now_ms - int(seq))
        elif name == b"complete":
            self._ended += not listener.has_ended
            listener.has_ended = True

    def _obey(self, command: str) -> bool:
        if command == "measure":
            self._delays_ms.clear()
            answer: dict[str, object] = {}
        elif command == "report":
            answer = {"lost": self._lost, **_spread(self._delays_ms)}
        elif command == "ended":
            answer = {"count": self._ended, "lost": self._lost}
        else:
            return False
        print(command, json.dumps(answer), flush=True)
        return True

    def summary(self) -> dict[str, int]:
        """How many stand."""
        return {"begun": self._begun, "lost": self._lost, "refusals": self.refusals}


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[int(len(ordered) * 0.99)],
        "max": ordered[-1],
    }


def main() -> None:
    """Open all, say so, and serve."""
    kind, port, count, secret, prefix = sys.argv[1:6]
    listeners = Listeners(kind, int(port), secret, prefix)
    listeners.open(int(count))
    print("ready", json.dumps(listeners.summary()), flush=True)
    listeners.serve()


if __name__ == "__main__":
    main()
