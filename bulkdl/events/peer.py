"""The far end of a stream, as the socket that the WSGI server lends: is it there, is it reading."""

from __future__ import annotations

import _socket
import contextlib
import socket
from collections.abc import Mapping
from typing import Any

_SEND_BUFFER = 32 * 1024
"""What the kernel keeps for a reader that does not read. Left alone it grows to megabytes for each."""

_VANISHED_AFTER_MS = 130_000
"""How long sent bytes may stay unacknowledged, as when the reader's machine or network is gone.

Linux counts a reader that is there and does not read among them: longer, therefore, than such a one is suffered.
"""


class Peer:
    """The reader at the other end. The socket stays the server's own: nothing is read from it or written to it."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def limit_buffers(self) -> None:
        """Bound what the kernel holds for this reader in bytes and in time."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_AFTER_MS)

    def has_left(self) -> bool:
        """Whether the reader has closed its end or vanished. Without it a closed tab is noticed only by writing twice.

        Looks with the C socket itself: gevent's would wait for bytes instead of saying that there are none.
        """
        try:
            probe = _socket.socket(fileno=self._sock.fileno())
        except (OSError, ValueError):
            return True
        try:
            return probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            probe.detach()

    def drop(self) -> None:
        """End the connection under whoever is stuck in writing to it."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


def client_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """The client's socket, from servers that put it into the WSGI environment (gunicorn, Werkzeug's own)."""
    sock: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return sock
