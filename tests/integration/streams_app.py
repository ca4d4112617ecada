"""An application that has only the streams: what a web process serves, without a database behind it.

A token is `user` or `user:<seconds until it ends>`. The jobs of a person stand in Redis, written by the test.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from functools import partial

import redis
from flask import Flask, request

from bulkdl.api.errors import init_errors
from bulkdl.api.stream import Streams
from bulkdl.api.streams import attach_streams, blueprint
from bulkdl.errors import JobNotFound, NotAuthenticated, ServiceUnavailable
from bulkdl.events.hub import EventHub
from bulkdl.events.record import Job, JobRecord
from bulkdl.events.tickets import Tickets
from bulkdl.identity import Principal
from bulkdl.redis_client import make_redis

PREFIX = "/media-collab"


def jobs_key(user_id: str) -> str:
    """Where the test writes down the jobs of a person."""
    return f"test:jobs:{user_id}"


def create_app() -> Flask:
    """The application, from STREAMS_ variables of the environment."""
    client = make_redis(os.environ["STREAMS_REDIS_URL"])
    hub = EventHub(client, max_streams_per_user=int(os.environ.get("STREAMS_PER_USER", "20")))
    app = Flask("streams")
    init_errors(app)
    attach_streams(
        app,
        Streams(
            hub=hub,
            tickets=Tickets(client),
            record=JobRecord(partial(_read_jobs, client), partial(_read_active, client)),
            authenticate=_authenticate,
            is_revoked=lambda token_id: False,
            heartbeat_s=float(os.environ.get("STREAMS_HEARTBEAT_S", "15")),
            allowed_origins=frozenset({"https://app.example.com"}),
        ),
    )
    app.register_blueprint(blueprint, url_prefix=PREFIX)
    app.add_url_rule("/count", view_func=lambda: str(hub.stream_count))
    return app


def _read_jobs(client: redis.Redis, user_id: str, job_id: str | None) -> list[Job]:
    try:
        jobs: list[Job] = json.loads(client.get(jobs_key(user_id)) or "[]")  # type: ignore[arg-type]
    except redis.RedisError as exc:
        raise ServiceUnavailable("record") from exc
    if job_id is None:
        return jobs
    found = [job for job in jobs if job["jobId"] == job_id]
    if not found:
        raise JobNotFound(job_id)
    return found


def _read_active(client: redis.Redis, job_ids: Sequence[str]) -> set[str]:
    try:
        users = [key.decode().removeprefix(jobs_key("")) for key in client.scan_iter(jobs_key("*"))]
    except redis.RedisError as exc:
        raise ServiceUnavailable("record") from exc
    jobs = [job for user_id in users for job in _read_jobs(client, user_id, None)]
    return {job["jobId"] for job in jobs if job["status"] == "processing"} & set(job_ids)


def _authenticate() -> Principal:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        raise NotAuthenticated("Send a token.")
    user_id, _, lifetime_s = token.partition(":")
    return Principal(user_id, expires_at=time.time() + float(lifetime_s) if lifetime_s else None)
