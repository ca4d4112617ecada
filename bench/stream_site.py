"""What the bench of live events runs on: Redis, a database with a job for everybody, one web process."""

from __future__ import annotations

import contextlib
import secrets
import time
import urllib.request
from collections.abc import Callable

import psutil
import redis

from bench.children import python_program
from bench.listeners import user_id
from bench.setup import Workbench
from bulkdl.database import Base, Database
from bulkdl.events.progress import ProgressStore, ProgressUpdate
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import FolderLayout, JobStatus, OnMissing
from bulkdl.jobs.store.clock import utc_now
from bulkdl.local.processes import free_port, is_listening

KIB, MIB = 1024, 1024**2
PREFIX = "/media-collab"
FROZEN_USER = "frozen"
FROZEN_STREAMS = 50
FROZEN_JOBS = 5
_TICK_S = 0.01


class Site:
    """Redis, a database with a job for everybody, and one web process."""

    def __init__(self, bench: Workbench, streams: int) -> None:
        self._stack = contextlib.ExitStack()
        server, self.redis_url = bench.start_redis()
        self._stack.callback(server.stop)
        self.client = redis.Redis.from_url(self.redis_url)
        self._stack.callback(self.client.close)
        self.secret = secrets.token_urlsafe(32)
        self.port = free_port()
        database_url = f"sqlite:///{bench.file('bench.sqlite3')}"
        users = [user_id(number) for number in range(streams)]
        _write_jobs(database_url, {user: [job_of(user)] for user in users})
        _write_jobs(database_url, {FROZEN_USER: [f"frozen-{number}" for number in range(FROZEN_JOBS)]})
        environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis_url,
            "BULK_DOWNLOAD_BUCKET": "bench",
            "S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "JWT_SECRET_KEY": self.secret,
            "BULKDL_BIND": f"127.0.0.1:{self.port}",
            "BULKDL_MAX_STREAMS_PER_USER": str(FROZEN_STREAMS + 1),
            "BULKDL_RATE_LIMIT": "1000000 per minute",
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        command = python_program("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
        self.web = bench.child(command, "web", environ)
        self._stack.callback(self.web.stop)
        wait_until(lambda: self._answers() or self.web.has_ended, 60)
        if self.web.has_ended:
            raise self.web.failed("ended")
        [self.worker] = psutil.Process(self.web.pid).children()

    def _answers(self) -> bool:
        if not is_listening(self.port):
            return False
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=30) as response:
            return bool(response.status == 200)

    @property
    def resident_bytes(self) -> int:
        """Of the web process."""
        return int(self.worker.memory_info().rss)

    @property
    def cpu_s(self) -> float:
        """User and system time of the web process."""
        times = self.worker.cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """End everything."""
        self._stack.close()


def publish(client: redis.Redis, users: list[str], rate: int, seconds: float) -> int:
    """Note progress of everybody's job in turn, so many a second, by the workers' own script; how many were."""
    published = 0
    began = time.monotonic()
    with client.pipeline(transaction=False) as pipeline:
        store = ProgressStore(pipeline)
        while (elapsed := time.monotonic() - began) < seconds:
            for number in range(published, int(elapsed * rate)):
                user = users[number % len(users)]
                store.write(make_update(user, job_of(user), 1 + number // len(users)))
            published = max(published, int(elapsed * rate))
            pipeline.execute()
            time.sleep(_TICK_S)
    return published


def make_update(user: str, job_id: str, step: int, *, is_forced: bool = False) -> ProgressUpdate:
    """Progress of a job; a later step is further on."""
    size = min(step, 990) * MIB
    return ProgressUpdate(
        job_id=job_id,
        user_id=user,
        range_number=0,
        files=step,
        size=size,
        total=1_000,
        bytes_total=1_000 * MIB,
        is_forced=is_forced,
    )


def job_of(user: str) -> str:
    """The job of a listener."""
    return f"job-{user}"


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return when the condition is true; raise `TimeoutError` when that takes too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true within {timeout_s:g} s")
        time.sleep(0.05)


def _write_jobs(database_url: str, jobs: dict[str, list[str]]) -> None:
    database = Database(database_url)
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        session.add_all(_job(user, job_id) for user, ids in jobs.items() for job_id in ids)
        session.commit()
    database.close()


def _job(user: str, job_id: str) -> BulkDownloadJob:
    return BulkDownloadJob(
        id=job_id,
        user_id=user,
        project_id="bench",
        status=JobStatus.PROCESSING,
        archive_name="bench.zip",
        on_missing=OnMissing.SKIP,
        layout=FolderLayout.RELATIVE,
        request_hash="",
        total=1_000,
        bytes_total=1_000 * MIB,
        archive_bucket="bench",
        archive_key=f"{job_id}.zip",
        created_at=utc_now(),
        started_at=utc_now(),
    )
