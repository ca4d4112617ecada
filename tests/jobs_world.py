"""A small world for tests of jobs: media in a memory store, a real database and Redis, a queue that is looked into."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import secrets
import zipfile
from collections.abc import Iterable
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.stub import StubBroker

from bulkdl.broker import BEGINNINGS, FINISH_DOWNLOAD, PLAN_DOWNLOAD, QUEUE_OF, RANGES, TRANSFER_RANGE
from bulkdl.database import Database
from bulkdl.events.progress import ProgressStore
from bulkdl.events.publisher import Publisher
from bulkdl.identity import Principal
from bulkdl.jobs import build, catalogue, read
from bulkdl.jobs.catalogue import NewAsset
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import Asset
from bulkdl.jobs.submit import SubmitRequest, submit
from bulkdl.jobs.view import JobView
from bulkdl.settings import Settings
from bulkdl.storage import ObjectVersion
from bulkdl.storage.memory import MemoryStore
from bulkdl.transfer import Transfer
from tests.factories import PROJECT, make_principal

PART = 64 * 1024


def make_settings(**overrides: Any) -> Settings:
    """Settings with parts so small that a few kilobytes are a large archive."""
    values: dict[str, Any] = {
        "database_url": "sqlite://",
        "redis_url": "redis://unused",
        "archive_bucket": "archives",
        "source_buckets": ("media",),
        "jwt_secret_key": "s" * 32,
        "part_size": PART,
        "range_size": 1 << 30,
        "lease_s": 5.0,
    }
    return Settings(**values | overrides)


class World:
    """Everything a job touches, and the means to look at it and to break it."""

    def __init__(
        self, database: Database, client: redis.Redis, *, store: MemoryStore | None = None, **settings: Any
    ) -> None:
        self.settings = make_settings(**settings)
        self.store: Any = store or MemoryStore(min_part_size=1)  # Any: tests put faulty stores in its place
        self.broker = StubBroker(middleware=[])
        for name, queue in QUEUE_OF.items():
            dramatiq.actor(lambda *args: None, actor_name=name, queue_name=queue, broker=self.broker)
        self.database = database
        self.redis = client
        self.ann: Principal = make_principal()

    def context(self, **changes: Any) -> JobContext:
        """A worker's context; each call is another worker."""
        store = changes.pop("store", self.store)
        transfer = Transfer(store, concurrency=4, max_concurrency=4, buffer_bytes=32 * PART, retry_base_s=0.01)
        context = JobContext(
            settings=self.settings,
            database=self.database,
            store=store,
            broker=self.broker,
            publisher=Publisher(self.redis),
            progress=ProgressStore(self.redis),
            owner=f"worker:{secrets.token_hex(3)}",
            transfer=transfer,
        )
        return dataclasses.replace(context, **changes)

    def add_files(self, files: dict[str, bytes]) -> list[Asset]:
        """Put objects into the media bucket and the demo project's library."""
        bucket = self.settings.source_buckets[0]
        new = []
        for name, data in files.items():
            key = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
            version = self.store.put(bucket, key, data, content_type="image/jpeg")
            new.append(NewAsset(name=name, bucket=bucket, key=key, size=len(data), etag=version.etag))
        return catalogue.save_assets(self.context(), PROJECT, new)

    def submit(self, assets: Iterable[Asset], **more: Any) -> JobView:
        """Submit a job for these assets as Ann."""
        request = SubmitRequest(project_id=PROJECT, asset_ids=[asset.id for asset in assets], **more)
        return submit(self.context(), self.ann, request).job

    def job(self, job_id: str) -> JobView:
        """The job as Ann sees it now."""
        return read.get_job(self.context(), self.ann, job_id)

    def messages(self) -> list[tuple[Any, ...]]:
        """What lies in the queues: (actor, arguments…), oldest first; the queues are empty afterwards."""
        found = []
        for queue in (self.broker.queues[BEGINNINGS], self.broker.queues[RANGES]):
            while not queue.empty():
                message = dramatiq.Message.decode(queue.get_nowait())
                queue.task_done()
                found.append((message.actor_name, *message.args))
        return found

    def work_off(self, context: JobContext | None = None) -> None:
        """Be the workers, until the queue is empty."""
        ctx = context or self.context()
        while messages := self.messages():
            for name, *args in messages:
                self.carry_out(ctx, name, *args)

    def carry_out(self, ctx: JobContext, name: str, *args: Any) -> None:
        """Be one worker with one message."""
        functions = {
            PLAN_DOWNLOAD: build.plan_download,
            TRANSFER_RANGE: build.transfer_range,
            FINISH_DOWNLOAD: build.finish_download,
        }
        functions[name](ctx, *args)

    def archive(self, job_id: str) -> zipfile.ZipFile:
        """The archive of a job."""
        return zipfile.ZipFile(io.BytesIO(self.archive_bytes(job_id)))

    def archive_bytes(self, job_id: str) -> bytes:
        """The bytes of a job's archive."""
        version: ObjectVersion = self.store.head(self.settings.archive_bucket, f"bulk-downloads/{job_id}.zip").version
        content = bytearray(version.size)
        filled = 0
        while filled < version.size:
            filled += self.store.read_into(version, filled, memoryview(content)[filled:])
        return bytes(content)

    def archive_count(self) -> int:
        """How many objects stand in the archive bucket."""
        return len(list(self.store.list_objects(self.settings.archive_bucket)))

    def upload_count(self) -> int:
        """How many multipart uploads are open."""
        return len(list(self.store.list_uploads(self.settings.archive_bucket, "")))


def some_bytes(size: int, seed: str = "") -> bytes:
    """Bytes that do not repeat, the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(size)
