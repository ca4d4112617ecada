"""Redis for tests: a private server, or an empty database of the one that REDIS_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

from bulkdl.local.servers import find_redis_binary
from tests.services.processes import Process, free_port
from tests.services.wait import wait_until

_OWNER_MARK = "tests:owner"
"""Stands in the claimed database, so that a second test run on the same server takes another."""


class RedisServer:
    """A private server that a test may stop, start again on the same port and data, or suspend."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it; an append-only file keeps what it held when it was stopped or killed."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        arguments += ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = Process([find_redis_binary(), *arguments], log_path=self.folder / "server.log")
        self.process.wait_for_port(self.port)
        # It listens while it still reads its file, and refuses commands meanwhile.
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            wait_until(lambda: _has_loaded(client), 20, what="Redis having read its file")

    def stop(self) -> None:
        """Stop it: connections to it are refused until `start`."""
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()


def _has_loaded(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.BusyLoadingError:
        return False


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis database that is ours alone: of REDIS_URL an empty one, else a private server's."""
    given = os.environ.get("REDIS_URL")
    if given:
        with claimed_database(given) as url:
            yield url
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """The URL of a Redis database that holds nothing but the mark of this test run."""
    with redis.Redis.from_url(redis_server_url, socket_timeout=5) as client:
        client.flushdb()
        client.set(_OWNER_MARK, os.getpid())
    return redis_server_url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of `redis_url`."""
    with redis.Redis.from_url(redis_url, socket_timeout=5) as client:
        yield client


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A private server for tests that stop or break it; never the one that REDIS_URL names."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def claimed_database(server_url: str) -> Iterator[str]:
    """An empty database number of a server that others may use; only that number is ever flushed."""
    for number in range(15, 0, -1):
        url = urlunsplit(urlsplit(server_url)._replace(path=f"/{number}"))
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            if client.dbsize() == 0 and client.set(_OWNER_MARK, os.getpid(), nx=True):
                try:
                    yield url
                finally:
                    client.flushdb()
                return
    raise pytest.UsageError(f"{server_url} has no empty database from 1 to 15: the tests flush nothing of yours.")
