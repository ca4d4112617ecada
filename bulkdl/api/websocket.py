"""One WebSocket on flask-sock: frames that arrive whole, limits on what a client sends.

flask-sock and simple-websocket do the handshake and read what comes in. What goes out is written here.
"""

from __future__ import annotations

import _thread
import contextlib
import socket
import threading
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from simple_websocket import ConnectionClosed, Server
from wsproto.frame_protocol import CloseReason

from bulkdl.events.feed import Feed
from bulkdl.events.types import BYE, HEARTBEAT
from bulkdl.events.wire import PING_FRAME, close_frame

MAX_MESSAGE_SIZE = 4 * 1024
"""Of a message from the client, who need not send any: more is answered by 1009."""

_ALLOWANCE = 16 * 1024
"""Bytes that a client may send between two heartbeats: more is answered by 1008."""

_MISSED_PONGS = 3
_LINGER_S = 1.0
_LINGER_SIZE = 1024 * 1024


class ReaderThread:
    """As much of `threading.Thread` as simple-websocket uses, at a fraction of its size: there is one for each."""

    def __init__(self, target: Callable[[], None]) -> None:
        self.name = ""
        self._target = target
        self._done = threading.Lock()
        self._done.acquire()

    def start(self) -> None:
        """Run the target in a thread that the process does not wait for."""
        _thread.start_new_thread(self._run, ())

    def join(self, timeout: float) -> bool:
        """Wait until it has ended, at most so many seconds, and say whether it has."""
        has_ended = self._done.acquire(timeout=timeout)
        if has_ended:
            self._done.release()
        return has_ended

    def _run(self) -> None:
        try:
            self._target()
        finally:
            self._done.release()


class Unheard:
    """Stands in for the event by which simple-websocket says that something has come in: nobody waits for that."""

    def set(self) -> None:
        """Nothing."""


SERVER_OPTIONS = {
    "max_message_size": MAX_MESSAGE_SIZE,
    "receive_bytes": MAX_MESSAGE_SIZE,
    "thread_class": ReaderThread,
    "event_class": Unheard,
}
"""What flask-sock makes its servers with."""

# Any: the WSGI environment.
Environ = MutableMapping[str, Any]


def guard_socket(environ: Environ, sock: socket.socket, on_close: Callable[[], None]) -> GuardedSocket:
    """Put a guarded socket in the place of the client's, before flask-sock takes it out of the environment."""
    guarded = GuardedSocket(sock, on_close)
    for name in ("gunicorn.socket", "werkzeug.socket"):
        if name in environ:
            environ[name] = guarded
    # Compression would cost a few hundred KiB of zlib state for each connection, for messages of 300 bytes.
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    return guarded


class GuardedSocket:
    """The client's socket as simple-websocket uses it.

    simple-websocket writes with `send`, which under gevent may send a part of a frame and leave the stream
    of frames broken (simple-websocket issue 45); and it writes from two threads.
    """

    def __init__(self, sock: socket.socket, on_close: Callable[[], None]) -> None:
        self._sock = sock
        self._on_close = on_close
        self._lock = threading.Lock()
        self._allowance = _ALLOWANCE

    def send(self, data: bytes) -> int:
        """Send all of it, and nothing of anybody else's in between."""
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """Read; a client that sends more than it may is told so and not read any more."""
        data = self._sock.recv(size)
        self._allowance -= len(data)
        if self._allowance < 0:
            self.send(close_frame(CloseReason.POLICY_VIOLATION, "too much was sent"))
            raise ConnectionAbortedError("the client sends too much")
        return data

    def renew_allowance(self) -> None:
        """A heartbeat has passed."""
        self._allowance = _ALLOWANCE

    def close(self) -> None:
        """The reading thread has come to its end; the socket is closed by the server that lent it."""
        self._on_close()

    def fileno(self) -> int:
        """The descriptor."""
        return self._sock.fileno()

    def finish(self, thread: ReaderThread) -> None:
        """End the connection so that the other side still gets the last frame.

        A socket that is closed with bytes unread makes the kernel send a reset, which overtakes what was written.
        """
        thread.join(_LINGER_S)
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            self._drain()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _drain(self) -> None:
        deadline = time.monotonic() + _LINGER_S
        left = _LINGER_SIZE
        while left > 0 and (remaining := deadline - time.monotonic()) > 0:
            self._sock.settimeout(remaining)
            data = self._sock.recv(65_536)
            if not data:
                return
            left -= len(data)


def keep_open(server: Server) -> None:
    """Keep flask-sock from closing the connection when the view returns; `serve` will."""
    server.close = _do_nothing


def _do_nothing() -> None:
    pass


def serve(server: Server, sock: GuardedSocket, feed: Feed) -> None:
    """Send the feed until it ends or the client is gone, then close."""
    del server.close
    code, reason = CloseReason.NORMAL_CLOSURE, ""
    try:
        missed_pongs = 0
        for message in feed.messages():
            frame = message.frame
            if message.name == HEARTBEAT:
                missed_pongs = 0 if server.pong_received else missed_pongs + 1
                if missed_pongs >= _MISSED_PONGS:
                    break
                server.pong_received = False
                server.input_buffer.clear()
                sock.renew_allowance()
                frame += PING_FRAME
            elif message.name == BYE:
                code, reason = CloseReason.GOING_AWAY, "come back"
            sock.send(frame)
        server.close(code, reason)
    except (OSError, ConnectionClosed):
        pass  # The client has left, and that ends it too.
    finally:
        sock.finish(server.thread)
        if server.thread.join(_LINGER_S):
            # flask-sock makes a class for each connection, and that leads to the server: without this, all that hangs
            # on a connection would wait for the garbage collector.
            vars(server).clear()
