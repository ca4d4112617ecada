"""The Lua scripts beside this module, and the names of the keys they work on."""

from __future__ import annotations

from importlib.resources import files

import redis
from redis.commands.core import Script

from bulkdl.redis_client import database_number

DAY_S = 86_400


def load_script(client: redis.Redis, name: str) -> Script:
    """A script of this package, sent by its digest and loaded again by itself when Redis has forgotten it."""
    return client.register_script(files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8"))


def progress_key(prefix: str, job_id: str) -> str:
    """The hash that holds how far a job has come."""
    return f"{prefix}:progress:{job_id}"


def events_channel(client: redis.Redis, prefix: str, user_id: str) -> str:
    """The channel on which everything about one person's jobs is published.

    Redis' database numbers keep keys apart and channels not (Redis, "Pub/Sub": database and scoping); so the name
    carries the number, and two deployments on one server do not hear each other.
    """
    return f"{prefix}:events:{database_number(client)}:{user_id}"
