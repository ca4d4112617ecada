"""The whole service as the Procfile starts it, over real servers, with proxies where faults are put in."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from honcho.environ import parse_procfile

from bulkdl.database import Database
from tests.faults.clients import Api, Watcher, make_token
from tests.faults.kept import Kept
from tests.faults.library import Library
from tests.faults.memory import MemorySampler
from tests.faults.s3_front import S3Front
from tests.faults.tcp_proxy import TcpProxy
from tests.faults.trials import Plan
from tests.services.database import ROOT, migrate
from tests.services.postgres import PostgresServer, find_binaries
from tests.services.processes import Process, free_port
from tests.services.redis import RedisServer
from tests.services.s3 import delete_bucket, list_uploads, make_s3_client
from tests.services.wait import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "bulk-downloads/"
JWT_SECRET = "jwt-secret-of-the-fault-suite-0123456789"
S3_SECRET = "s3-secret-of-the-fault-suite"


class System:
    """Start it with `with`; everything ends with the block."""

    def __init__(self, plan: Plan, label: str = "", *, postgres: bool = False, **environ: str) -> None:
        """`label` tells several systems of one row apart."""
        self.folder = plan.folder / label
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seed = plan.seed
        # In CI leases are shorter than the service's own, and so is everything that waits for their end.
        self.lease_s = 3.0 if plan.is_short else 8.0
        self.media_bucket, self.archive_bucket = (f"{name}-{secrets.token_hex(4)}" for name in ("media", "archives"))
        self._with_postgres = postgres
        self._more_environ = environ
        self.postgres: PostgresServer | None = None
        self._closers = ExitStack()
        """What was started, to be ended in the other order."""
        self._watchers: list[tuple[str, Watcher]] = []

    def __enter__(self) -> System:
        try:
            self._start_servers()
            self._make_processes()
            self._closers.callback(self._stop_processes)
            for kept in self._processes:
                kept.start()
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close_watchers()
        self._closers.close()

    @property
    def _processes(self) -> tuple[Kept, ...]:
        return self.web, self.worker, self.clock

    def _stop_processes(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Kept.stop, self._processes))

    # --- starting ---

    def _start_servers(self) -> None:
        given = os.environ.get("BULKDL_TEST_S3_ENDPOINT")
        upstream = given or self._start_moto()
        self._keys = (
            (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]) if given else ("faults", S3_SECRET)
        )
        self.s3: S3Client = make_s3_client(upstream, access_key_id=self._keys[0], secret_key=self._keys[1])
        self._closers.callback(self.s3.close)
        for bucket in (self.media_bucket, self.archive_bucket):
            self.s3.create_bucket(Bucket=bucket)
            if given:
                self._closers.callback(delete_bucket, self.s3, bucket)
        self.front = S3Front(upstream, seed=self.seed)
        self._closers.callback(self.front.close)
        (self.folder / "redis").mkdir(exist_ok=True)
        self.redis = RedisServer(self.folder / "redis")
        self._closers.callback(self.redis.stop)
        self.proxy = TcpProxy(self.redis.port)
        self._closers.callback(self.proxy.close)
        self.database_url = f"sqlite:///{self.folder / 'bulkdl.sqlite3'}"
        if self._with_postgres:
            binaries = find_binaries()
            assert binaries is not None, "this row needs PostgreSQL's programs (Debian: postgresql)"
            self.postgres = PostgresServer(binaries)
            self._closers.callback(self.postgres.remove)
            self.database_url = self.postgres.url
        migrate(self.database_url)
        self.database = Database(self.database_url)
        self._closers.callback(self.database.close)
        self.library = Library(self.s3, self.database, self.media_bucket)

    def _start_moto(self) -> str:
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = Process(command, log_path=self.folder / "moto.log")
        self._closers.callback(process.stop)
        process.wait_for_port(port, timeout_s=60)
        return f"http://127.0.0.1:{port}"

    def _make_processes(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environ = self._environment()
        commands = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
        self.web, self.worker, self.clock = (
            self.make_process(name, commands[name]) for name in ("web", "worker", "clock")
        )
        self.memory = MemorySampler(self.worker)
        self._closers.callback(self.memory.stop)

    def make_process(self, name: str, command: str, environ: Mapping[str, str] | None = None) -> Kept:
        """Another process of the service, not started yet."""
        return Kept(name, command, environ=environ or self.environ, cwd=ROOT, log_path=self.folder / f"{name}.log")

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return {
            "PATH": path,
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.proxy.port}/0",
            "S3_ENDPOINT_URL": self.front.url,
            "S3_PROVIDER": "ceph" if os.environ.get("BULKDL_TEST_S3_ENDPOINT") else "moto",
            "S3_ADDRESSING_STYLE": "path",
            "AWS_ACCESS_KEY_ID": self._keys[0],
            "AWS_SECRET_ACCESS_KEY": self._keys[1],
            "AWS_EC2_METADATA_DISABLED": "true",
            "JWT_SECRET_KEY": JWT_SECRET,
            "BULKDL_BIND": f"127.0.0.1:{self.port}",
            "BULKDL_RATE_LIMIT": "1000000 per minute",
            "BULKDL_HEARTBEAT_SECONDS": "2",
            "BULK_DOWNLOAD_BUCKET": self.archive_bucket,
            "BULK_DOWNLOAD_PREFIX": PREFIX,
            "BULK_DOWNLOAD_SOURCE_BUCKETS": self.media_bucket,
            "BULK_DOWNLOAD_PART_SIZE": str(5 * 1024**2),
            "BULK_DOWNLOAD_RANGE_SIZE": str(10 * 1024**2),
            "BULK_DOWNLOAD_LEASE_SECONDS": str(self.lease_s),
            "BULK_DOWNLOAD_MAX_ACTIVE_JOBS": "100",
            "WORKER_PROCESSES": "2",
            "WORKER_THREADS": "4",
            "WEB_CONCURRENCY": "1",
            "LOG_LEVEL": "DEBUG",
            **self._more_environ,
        }

    # --- using it ---

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Return when the API answers and the workers take messages."""
        api = self.api("ready")

        def answers() -> bool:
            try:
                return api.ask("GET", "/readyz", timeout_s=2).status_code == 200
            except OSError:
                return False

        wait_until(answers, timeout_s, interval_s=0.1, what="the service being ready")
        wait_until(
            lambda: len(self.worker.children()) >= int(self.environ["WORKER_PROCESSES"]), timeout_s, what="workers"
        )

    def api(self, user: str = "ann") -> Api:
        """A person's client."""
        return Api(self.address, make_token(JWT_SECRET, user))

    def watch(self, user: str = "ann", *, by_websocket: bool = False) -> Watcher:
        """A person's page, left open until the system ends."""
        watcher = Watcher(self.api(user), by_websocket=by_websocket)
        self._watchers.append((user, watcher))
        return watcher

    def close_watchers(self) -> None:
        """Close every page."""
        for _, watcher in self._watchers:
            watcher.close()
        self._watchers = []

    def reset(self) -> None:
        """As it was when it was started, but for what it has done."""
        self.close_watchers()
        self.front.faults.clear()
        self.front.before = None
        self.front.bytes_per_s = None
        self.proxy.forget_losses()
        self.wait_until_ready()

    def watchers_of(self, user: str) -> list[Watcher]:
        """The person's pages."""
        return [watcher for owner, watcher in self._watchers if owner == user]

    def redis_client(self) -> redis.Redis:
        """Straight to Redis, beside the proxy; to be closed."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=5)

    # --- looking at what is left ---

    def archive_keys(self) -> list[str]:
        """Every object in the archives' bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.archive_bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def archive(self, job_id: str) -> bytes:
        """The archive as it stands in the store."""
        return self.s3.get_object(Bucket=self.archive_bucket, Key=f"{PREFIX}{job_id}.zip")["Body"].read()

    def uploads(self) -> list[dict[str, str]]:
        """Every open multipart upload."""
        return list_uploads(self.s3, self.archive_bucket)

    def logs(self) -> str:
        """Everything that the service's processes wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


@contextmanager
def open_system(plan: Plan, label: str = "", *, postgres: bool = False, **environ: str) -> Iterator[System]:
    """A system for a row: the shared one where there is one and nothing special is wanted, else one of its own."""
    if plan.shared is None or label or postgres or environ:
        with System(plan, label, postgres=postgres, **environ) as system:
            yield system
        return
    plan.shared.reset()
    yield plan.shared
