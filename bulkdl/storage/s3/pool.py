"""Opens connections, through a proxy and TLS where they are wanted, and keeps idle ones for the next request."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import weakref
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bulkdl.errors import StorageRefused
from bulkdl.storage.s3.address import Origin
from bulkdl.storage.s3.wire import Connection

CONNECT_TIMEOUT_S = 5.0
_IDLE_LIMIT_S = 30.0
"""Stores close an idle connection after some 20 to 65 seconds; one that may be closing is not worth a try."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: TLS goes through it in a tunnel, plain HTTP is handed to it."""

    host: str
    port: int
    headers: dict[str, str]


class ConnectionPool:
    """Idle connections by origin, the last used first. Safe to share between threads.

    There is no limit to the connections in use: whoever transfers decides how many requests are in flight.
    `find_proxies` gives for a URL the proxies by scheme, as the environment (HTTPS_PROXY, NO_PROXY …) wants them.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None, find_proxies: Callable[[str], Mapping[str, str]], max_idle: int
    ) -> None:
        self._tls = tls
        self._find_proxies = find_proxies
        self._proxies: dict[Origin, Proxy | None] = {}
        self._max_idle = max_idle
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def proxy_of(self, origin: Origin) -> Proxy | None:
        """The proxy that requests to the origin go through; asked for once per origin."""
        if origin not in self._proxies:
            url = self._find_proxies(f"{origin.scheme}://{origin.authority}/").get(origin.scheme)
            self._proxies[origin] = _parse_proxy(url) if url else None
        return self._proxies[origin]

    def take(self, origin: Origin) -> Connection:
        """An idle connection (`is_reused`), else a new one. Raises `OSError`."""
        while True:
            with self._lock:
                idle = self._idle[origin]
                connection = idle.pop() if idle else None
            if connection is None:
                return self.open(origin)
            if time.monotonic() - connection.idle_since_s < _IDLE_LIMIT_S and not connection.is_stale:
                connection.is_reused = True
                return connection
            connection.close()

    def give(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose last answer has been read to its end."""
        connection.idle_since_s = time.monotonic()
        with self._lock:
            idle = self._idle[origin]
            if len(idle) < self._max_idle:
                idle.append(connection)
                return
        connection.close()

    def open(self, origin: Origin) -> Connection:
        """A new connection. http.client knows addresses (IPv6 too), tunnels and TLS; its socket is what is wanted."""
        proxy = self.proxy_of(origin)
        host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        if origin.scheme == "http":
            plain = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT_S)
        else:
            plain = http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT_S, context=self._tls)
            if proxy:
                plain.set_tunnel(origin.host, origin.port, proxy.headers)
        plain.connect()
        return Connection(plain.sock)

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            _close_all(self._idle)


def _close_all(idle: dict[Origin, list[Connection]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _parse_proxy(url: str) -> Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise StorageRefused("The proxy for object storage must be an http:// address (HTTP_PROXY, HTTPS_PROXY).")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + b64encode(user.encode()).decode("ascii")
    return Proxy(parts.hostname, parts.port or 80, headers)
