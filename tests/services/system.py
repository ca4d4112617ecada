"""The system as it runs: web, workers and clock as processes, started by the Procfile's own lines."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from honcho.environ import parse_procfile

from bulkdl.cli.tokens import make_token
from bulkdl.database import Database
from bulkdl.jobs.models import Base
from bulkdl.settings import load_settings
from tests.services.database import migrated_database
from tests.services.processes import Process, free_port
from tests.services.redis import claimed_database
from tests.services.s3 import empty_bucket, fresh_bucket
from tests.services.sse import StreamEvent, parse_events
from tests.services.wait import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[2]
PREFIX = "/media-collab"
JOBS = f"{PREFIX}/bulk-download/jobs"
PROJECT = "demo"
COMMANDS = parse_procfile((ROOT / "Procfile").read_text()).processes
SECRET = "only-for-tests-and-32-characters-long"


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class System:
    """Processes against given services. Nothing is started by making it."""

    def __init__(self, folder: Path, environ: Mapping[str, str], s3: S3Client) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environ = {**_base_environ(self.port), **environ}
        self.settings = load_settings(self.environ)
        self.s3 = s3
        self.workers: list[Process] = []
        self.web: Process | None = None
        self.clock: Process | None = None
        self._folder = folder
        self._pool = urllib3.PoolManager(retries=False, timeout=30)
        self._started: list[Process] = []

    # --- processes ---

    def start(self, *, workers: int = 1) -> System:
        """Start web, workers and clock, and wait until the web process says that it is ready."""
        self.start_web()
        self.clock = self._spawn("clock")
        for _ in range(workers):
            self.start_worker()
        self.wait_ready()
        return self

    def start_web(self) -> Process:
        """Start the web process, or another one in the place of one that has ended."""
        self.web = self._spawn("web")
        return self.web

    def start_worker(self) -> Process:
        """Start one more worker process."""
        worker = self._spawn("worker")
        self.workers.append(worker)
        return worker

    def wait_ready(self) -> None:
        """Wait for `/readyz`, and for every worker to take messages."""
        wait_until(lambda: self._is_ready() and self._workers_are_ready(), 60, what=f"readiness\n{self.logs()}")

    def clear(self) -> None:
        """Forget every asset and job, and empty the bucket; a web process that has ended is started again."""
        if self.web is None or self.web.returncode is not None:
            self.start_web()
            self.wait_ready()
        with closing(Database(self.settings.database_url)) as database, database.session() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            session.commit()
        empty_bucket(self.s3, self.settings.archive_bucket)

    def stop(self) -> None:
        """End everything that was started."""
        for process in reversed(self._started):
            process.kill()
        self._pool.clear()

    def logs(self) -> str:
        """The last lines of every process."""
        return "\n".join(
            f"--- {process.log_path.name}\n" + "\n".join(process.output.splitlines()[-40:]) for process in self._started
        )

    # --- as a client ---

    def token(self, user: str = "ann", projects: tuple[str, ...] = (PROJECT,), **claims: Any) -> str:
        """A token that this system accepts."""
        return make_token(self.settings, user, projects, ttl_s=claims.pop("ttl_s", 600), **claims)

    def ask(self, method: str, path: str, *, user: str = "ann", body: Any = None, **headers: str) -> Answer:
        """One request with the user's token."""
        given = {"Authorization": f"Bearer {self.token(user, scopes=['assets:write'])}", **headers}
        answer = self._pool.request(
            method, self.base_url + path, json=body, headers=given, redirect=False, preload_content=True
        )
        return Answer(answer.status, answer.headers, answer.data)

    def submit(self, asset_ids: list[str], **more: Any) -> dict[str, Any]:
        """Ask for a job; it must be accepted."""
        answer = self.ask("POST", JOBS, body={"projectId": PROJECT, "assetIds": asset_ids, **more})
        assert answer.status == 202, answer.body
        return dict(answer.json)

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        return dict(self.ask("GET", f"{JOBS}/{job_id}").json)

    def wait_for(self, job_id: str, *statuses: str, timeout_s: float = 60) -> dict[str, Any]:
        """Wait until the job has one of these statuses; a job that ended otherwise fails the test."""
        seen: dict[str, Any] = {}

        def has_come() -> bool:
            seen.update(self.job(job_id))
            assert seen["status"] in (*statuses, "pending", "processing"), f"{seen}\n{self.logs()}"
            return seen["status"] in statuses

        try:
            wait_until(has_come, timeout_s, interval_s=0.1, what=f"status {statuses}")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{seen}\n{self.logs()}") from exc
        return seen

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Iterator[StreamEvent]]:
        """The events of a stream, as they come; a stream that is silent for 30 s raises."""
        answer = self._pool.request("GET", self.base_url + path, headers=headers, preload_content=False)
        try:
            assert answer.status == 200, answer.read()
            yield parse_events(iter(lambda: answer.read1() or None, None))
        finally:
            answer.close()

    # --- media and archives ---

    def add_files(self, files: Mapping[str, bytes]) -> list[str]:
        """Put objects into the bucket and the library; return the assets' ids in the same order."""
        new = []
        for name, data in files.items():
            key = f"media/{secrets.token_hex(8)}"
            self.s3.put_object(Bucket=self.settings.archive_bucket, Key=key, Body=data, ContentType="image/jpeg")
            new.append({"name": name, "bucket": self.settings.archive_bucket, "key": key, "size": len(data)})
        answer = self.ask("POST", f"{PREFIX}/assets", body={"projectId": PROJECT, "assets": new})
        assert answer.status == 201, answer.body
        return [asset["assetId"] for asset in answer.json["assets"]]

    def fetch_archive(self, job_id: str) -> bytes:
        """The archive, by the route that a browser takes."""
        answer = self.ask("GET", f"{JOBS}/{job_id}/download")
        assert answer.status == 302, answer.body
        archive = self._pool.request("GET", answer.headers["Location"])
        assert archive.status == 200, archive.data
        return archive.data

    # --- inside ---

    def _spawn(self, name: str) -> Process:
        log_path = self._folder / f"{name}-{len(self._started)}.log"
        process = Process(f"exec {COMMANDS[name]}", log_path=log_path, environ=self.environ, cwd=ROOT)
        self._started.append(process)
        return process

    def _is_ready(self) -> bool:
        wanted = [process for process in (self.web, self.clock, *self.workers) if process is not None]
        ended = [process for process in wanted if process.returncode is not None]
        assert not ended, self.logs()
        try:
            return self._pool.request("GET", f"{self.base_url}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _workers_are_ready(self) -> bool:
        return all("ready for action" in worker.output for worker in self.workers)


StartSystem = Callable[..., System]


@pytest.fixture
def make_system(
    database_url: str,
    s3_endpoint: str,
    s3_client: S3Client,
    bucket: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[StartSystem]:
    """A function that makes a system in fresh services; keyword arguments are variables of its environment."""
    made: list[System] = []

    def make(**variables: str) -> System:
        services = {"DATABASE_URL": database_url, "S3_ENDPOINT_URL": s3_endpoint, "BULK_DOWNLOAD_BUCKET": bucket}
        if "REDIS_URL" not in variables:
            services["REDIS_URL"] = request.getfixturevalue("redis_url")
        folder = tmp_path / f"system-{len(made)}"
        folder.mkdir()
        made.append(System(folder, services | variables, s3_client))
        return made[-1]

    yield make
    for system in made:
        system.stop()


@pytest.fixture
def system(make_system: StartSystem) -> System:
    """Web, one worker and clock, ready."""
    return make_system().start()


@pytest.fixture(scope="module")
def system_variables() -> Mapping[str, str]:
    """What a file sets in the environment of its `shared_system`."""
    return {}


@pytest.fixture(scope="module")
def shared_system(
    usual_database_kind: str,
    system_variables: Mapping[str, str],
    redis_server_url: str,
    s3_endpoint: str,
    s3_client: S3Client,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[System]:
    """Web, one worker and clock for all tests of a file: each leaves one of everything running."""
    folder = tmp_path_factory.mktemp("shared-system")
    with ExitStack() as services:
        variables = {
            "DATABASE_URL": services.enter_context(migrated_database(usual_database_kind, folder, request)),
            "REDIS_URL": services.enter_context(claimed_database(redis_server_url)),
            "S3_ENDPOINT_URL": s3_endpoint,
            "BULK_DOWNLOAD_BUCKET": services.enter_context(fresh_bucket(s3_client)),
        }
        system = System(folder, variables | system_variables, s3_client)
        services.callback(system.stop)
        yield system.start()


def _last_lines(output: str) -> str:
    return "\n".join([line for line in output.splitlines() if "[bulkdl.access]" not in line][-40:])


def _base_environ(port: int) -> dict[str, str]:
    own = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "LANG", "LC_"))}
    return {
        **own,
        "HOME": os.environ.get("HOME", "/"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "PORT": str(port),
        "BULKDL_BIND": f"127.0.0.1:{port}",
        "BULKDL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BULKDL_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "JWT_SECRET_KEY": SECRET,
        "LOG_FORMAT": "console",
        "WORKER_PROCESSES": "1",
    }
