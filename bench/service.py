"""The whole service, as the Procfile names its processes, on a private Redis and a fresh database."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import redis
import sqlalchemy as sa

from bench.children import ROOT, Child
from bench.client import ServiceClient
from bench.setup import Store, Workbench, own_environ
from bulkdl.database import Database
from bulkdl.jobs.catalogue import asset_id_of
from bulkdl.jobs.models import Asset, ObjectChecksum
from bulkdl.jobs.store import ledger
from bulkdl.jobs.store.clock import utc_now
from bulkdl.local.processes import free_port
from bulkdl.local.supervisor import load_procfile
from bulkdl.storage import ObjectVersion

_START_TIMEOUT_S = 60.0
_HEARTBEATS = "bulkdl:queue:__heartbeats__"


class Service:
    """web, worker and clock; a context manager."""

    def __init__(self, bench: Workbench, store: Store, *, more: Mapping[str, str] | None = None) -> None:
        self._bench = bench
        self._stack = contextlib.ExitStack()
        self._port = free_port()
        self._project_id = f"bench-{secrets.token_hex(6)}"
        secret = secrets.token_urlsafe(32)
        self._environ = {
            "S3_ENDPOINT_URL": store.endpoint,
            "S3_PROVIDER": store.provider,
            "S3_REGION": store.region,
            "BULK_DOWNLOAD_BUCKET": store.bucket,
            "BULKDL_BIND": f"127.0.0.1:{self._port}",
            "JWT_SECRET_KEY": secret,
            "PATH": f"{Path(sys.executable).parent}:{bench.environ.get('PATH', '')}",
            **store.environ,
            **(more or {}),
        }
        self.client = ServiceClient(self._port, secret, self._project_id)

    def __enter__(self) -> Service:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        server, url = self._bench.start_redis()
        self._stack.callback(server.stop)
        self._environ["REDIS_URL"] = url
        self._redis = self._stack.enter_context(redis.Redis.from_url(url, socket_timeout=5))
        self._database = Database(self._prepare_database())
        self._stack.callback(self._database.close)
        self._procfile = load_procfile(ROOT / "Procfile")
        web, self.worker = self._run("web"), self._run("worker")
        self._run("clock")
        self._wait_for(self._is_ready, web)
        self._wait_for_worker()

    def _prepare_database(self) -> str:
        """An SQLite file, or the empty database that BENCH_DATABASE_URL names; nothing is known of any object."""
        url = own_environ().get("BENCH_DATABASE_URL") or f"sqlite:///{self._bench.file('service.sqlite3')}"
        self._environ["DATABASE_URL"] = url
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=ROOT,
            env=self._bench.environ | self._environ,
            check=True,
            capture_output=True,
        )
        database = Database(url)
        with database.session() as session:
            session.execute(sa.delete(ObjectChecksum))
            session.commit()
        database.close()
        return url

    def _run(self, name: str) -> Child:
        # What it says goes to the log: nobody reads its standard output.
        child = self._bench.child(f"exec {self._procfile[name]} 1>&2", name, self._environ)
        self._stack.callback(child.stop)
        return child

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _wait_for_worker(self) -> None:
        processes = int((self._bench.environ | self._environ).get("WORKER_PROCESSES", "2"))
        self._wait_for(lambda: int(self._redis.zcard(_HEARTBEATS)) >= processes, self.worker)

    def _wait_for(self, is_true: Callable[[], bool], child: Child) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not is_true():
            if child.has_ended or time.monotonic() > deadline:
                raise child.failed("did not get ready")
            time.sleep(0.05)

    def add_assets(self, versions: Iterable[ObjectVersion], names: Iterable[str]) -> list[str]:
        """Put objects into the catalogue; their ids."""
        rows = [self._row(version, name) for version, name in zip(versions, names, strict=True)]
        with self._database.session() as session:
            for start in range(0, len(rows), 1000):
                session.execute(sa.insert(Asset), rows[start : start + 1000])
            session.commit()
        return [str(row["id"]) for row in rows]

    def know(self, crc32s: Iterable[tuple[ObjectVersion, int]]) -> None:
        """Write down CRC-32s as an earlier job over the same objects would have."""
        with self._database.session() as session:
            ledger.remember_checksums(session, crc32s)
            session.commit()

    def _row(self, version: ObjectVersion, name: str) -> dict[str, object]:
        return {
            "id": asset_id_of(self._project_id, version.bucket, version.key),
            "project_id": self._project_id,
            "name": name,
            "bucket": version.bucket,
            "key": version.key,
            "size": version.size,
            "etag": version.etag,
            "content_type": "image/jpeg",
            "created_at": utc_now(),
        }
