"""The composition root: everything a process works with, built once from the settings and closed with it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bulkdl.broker import make_broker
from bulkdl.database import Database
from bulkdl.events.progress import ProgressStore
from bulkdl.events.publisher import Publisher
from bulkdl.events.tickets import Tickets
from bulkdl.jobs.context import JobContext
from bulkdl.redis_client import REPLY_TIMEOUT_S, make_redis
from bulkdl.settings import Settings
from bulkdl.storage import ObjectStore
from bulkdl.storage.s3 import make_s3_store
from bulkdl.transfer import Transfer

_WEB_REPLY_TIMEOUT_S = 1.0
"""Of Redis, and of a connection to PostgreSQL that is asked whether it is alive, in a web process."""
_WEB_STATEMENT_PATIENCE_S = 10.0
"""Of PostgreSQL, in a web process: a large library may well be searched for seconds."""
_STATEMENT_PATIENCE_S = 60.0
"""Elsewhere nobody waits, and nothing is lost by waiting; but a connection to a server that was replaced while it
hung would never say anything again."""


class Role(StrEnum):
    """What a process is for."""

    WEB = "web"
    WORKER = "worker"
    CLOCK = "clock"
    CLI = "cli"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running process."""

    settings: Settings
    role: Role
    database: Database
    store: ObjectStore
    redis: redis.Redis
    broker: RedisBroker
    publisher: Publisher
    progress: ProgressStore
    tickets: Tickets
    jobs: JobContext

    def close(self) -> None:
        """Close every connection; the process is about to end."""
        if self.jobs.transfer is not None:
            self.jobs.transfer.close()
        self.store.close()
        self.broker.close()
        self.redis.close()
        self.database.close()


def make_runtime(
    settings: Settings,
    role: Role = Role.WEB,
    *,
    middleware: Sequence[dramatiq.Middleware] = (),
    others_wait: Callable[[str], bool] = lambda job_id: False,
    has_room: Callable[[], bool] = lambda: False,
) -> Runtime:
    """Build the parts; nothing is connected yet, so this succeeds while services are away."""
    # In a web process somebody waits for the answer.
    is_web = role is Role.WEB
    database = Database(
        settings.database_url,
        patience_s=_WEB_STATEMENT_PATIENCE_S if is_web else _STATEMENT_PATIENCE_S,
        ping_patience_s=_WEB_REPLY_TIMEOUT_S if is_web else None,
    )
    store = make_store(settings)
    reply_timeout_s = _WEB_REPLY_TIMEOUT_S if is_web else REPLY_TIMEOUT_S
    client = make_redis(settings.redis_url, tls_verify=settings.redis_tls_verify, reply_timeout_s=reply_timeout_s)
    broker = make_broker(client, middleware=middleware)
    publisher = Publisher(client)
    progress = ProgressStore(client)
    jobs = JobContext(
        settings=settings,
        database=database,
        store=store,
        broker=broker,
        publisher=publisher,
        progress=progress,
        owner=f"{role}:{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}",
        transfer=make_transfer(settings, store) if role is Role.WORKER else None,
        others_wait=others_wait,
        has_room=has_room,
        stopping=threading.Event(),
    )
    return Runtime(
        settings=settings,
        role=role,
        database=database,
        store=store,
        redis=client,
        broker=broker,
        publisher=publisher,
        progress=progress,
        tickets=Tickets(client),
        jobs=jobs,
    )


def make_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name."""
    return make_s3_store(
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        region=settings.s3_region,
        provider=settings.s3_provider,
        addressing_style=settings.s3_addressing_style,
        max_connections=settings.max_concurrency + 16,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
        session_token=settings.s3_session_token,
    )


def make_transfer(settings: Settings, store: ObjectStore) -> Transfer:
    """The transfer of a worker process, shared by all its jobs."""
    return Transfer(
        store,
        concurrency=settings.concurrency,
        max_concurrency=settings.max_concurrency,
        buffer_bytes=settings.buffer_bytes,
        server_side_copy=settings.server_side_copy == "auto",
    )
