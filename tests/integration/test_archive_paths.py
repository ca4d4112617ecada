"""One selection, one archive: byte for byte the same whichever way the bytes went, and whatever the store can do.

Over moto, or over the server that `BULKDL_TEST_S3_ENDPOINT` names. A front before it refuses what a provider refuses.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bulkdl.database import Database
from bulkdl.errors import StorageRefused
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import Asset
from bulkdl.jobs.status import JobStatus
from bulkdl.storage.providers import CEPH, GENERIC, MOTO, R2, Provider
from bulkdl.storage.s3 import S3Store, make_s3_store
from bulkdl.transfer import Transfer
from tests.faults.s3_calls import Call
from tests.faults.s3_faults import Effect
from tests.faults.s3_front import S3Front
from tests.jobs_world import World, some_bytes
from tests.services.s3 import delete_bucket, make_s3_client

MIB = 1024**2
PART = 5 * MIB
SIZES = (11 * MIB + 1, 100, 0, 12 * MIB, 3000)


@pytest.fixture
def front(s3_endpoint: str) -> Iterator[S3Front]:
    front = S3Front(s3_endpoint)
    yield front
    front.close()


class Site:
    """The front with two buckets behind it, and worlds that see it as another provider each."""

    def __init__(self, front: S3Front, database: Database, client: redis.Redis) -> None:
        self.front = front
        self._database, self._redis = database, client
        self.media, self.archives = (f"{name}-{secrets.token_hex(6)}" for name in ("media", "archives"))
        self._stores: list[S3Store] = []

    def world(self, provider: Provider, **settings: Any) -> World:
        store = make_s3_store(endpoint_url=self.front.url, provider=provider.name)
        self._stores.append(store)
        for bucket in (self.media, self.archives):
            store.ensure_bucket(bucket)
        values = {"part_size": PART, "archive_bucket": self.archives, "source_buckets": (self.media,)}
        return World(self._database, self._redis, store=store, **values | settings)  # type: ignore[arg-type]

    def close(self, endpoint: str) -> None:
        for store in self._stores:
            store.close()
        client = make_s3_client(endpoint)
        for bucket in (self.media, self.archives):
            delete_bucket(client, bucket)
        client.close()


@pytest.fixture
def site(front: S3Front, database: Database, redis_client: redis.Redis, s3_endpoint: str) -> Iterator[Site]:
    site = Site(front, database, redis_client)
    yield site
    site.close(s3_endpoint)


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def able() -> Provider:
    """A profile with all that this server can do."""
    name = os.environ.get("BULKDL_TEST_S3_PROVIDER", "ceph") if os.environ.get("BULKDL_TEST_S3_ENDPOINT") else "moto"
    return {"ceph": CEPH, "moto": MOTO}.get(name, GENERIC)


def worker(world: World, *, copies: bool, memory: int = 96 * MIB) -> JobContext:
    transfer = Transfer(world.store, concurrency=4, max_concurrency=8, buffer_bytes=memory, server_side_copy=copies)
    return world.context(transfer=transfer)


def build(world: World, assets: list[Asset], *, copies: bool) -> bytes:
    job = world.submit(assets)
    world.work_off(worker(world, copies=copies))
    assert world.job(job.job_id).status is JobStatus.COMPLETE
    assert world.upload_count() == 0
    return world.archive_bytes(job.job_id)


def add_files(world: World) -> list[Asset]:
    return world.add_files({f"{n}.bin": some_bytes(size, str(n)) for n, size in enumerate(SIZES)})


def test_read_copied_resumed_and_fanned_out_it_is_the_same_archive(site: Site, able: Provider) -> None:
    world = site.world(able)
    assets = add_files(world)
    read = build(world, assets, copies=False)
    assert site.front.count("UploadPartCopy") == 0

    copied = build(world, assets, copies=True)
    assert site.front.count("UploadPartCopy") >= 2
    fanned_out = build(site.world(able, range_size=PART), assets, copies=False)
    both = build(site.world(able, range_size=PART), assets, copies=True)
    resumed = build_in_two_halves(world, assets, site.front)

    assert [archive == read for archive in (copied, fanned_out, both, resumed)] == [True] * 4


def build_in_two_halves(world: World, assets: list[Asset], front: S3Front) -> bytes:
    """One worker, with memory for two parts at once, is told to end while the third is stored; another goes on."""
    job = world.submit(assets)
    first = worker(world, copies=False, memory=16 * MIB)

    def tell(call: Call) -> None:
        if call.operation == "UploadPart" and call.part == 3:
            first.stopping.set()
            # Long enough for it to notice before it begins the last ones.
            time.sleep(1)

    front.before = tell
    [(name, *arguments)] = world.messages()
    world.carry_out(first, name, *arguments)
    front.before = None
    assert world.job(job.job_id).status is JobStatus.PROCESSING
    stored = front.count("UploadPart")
    world.work_off(worker(world, copies=False))
    assert world.job(job.job_id).status is JobStatus.COMPLETE
    part_count = -(-sum(SIZES) // PART)
    assert 0 < front.count("UploadPart") - stored <= part_count
    return world.archive_bytes(job.job_id)


def test_a_provider_without_ranged_copies_is_never_asked_for_one(site: Site) -> None:
    rule = site.front.faults.add(Effect.REFUSED, operations=("UploadPartCopy",), when=lambda call: call.copies_slice)
    world = site.world(GENERIC)
    assets = add_files(world)

    first, second = build(world, assets, copies=True), build(world, assets, copies=True)

    assert rule.struck == 0
    assert first == second


def test_a_provider_that_refuses_copies_against_its_profile_is_read(site: Site, able: Provider) -> None:
    world = site.world(able)
    assets = add_files(world)
    read = build(world, assets, copies=False)
    rule = site.front.faults.add(Effect.REFUSED, operations=("UploadPartCopy",))

    assert build(world, assets, copies=True) == read
    assert rule.struck > 0


def test_a_provider_that_cannot_compare_the_source_is_never_asked_to(site: Site, able: Provider) -> None:
    rule = site.front.faults.add(Effect.REFUSED, operations=("UploadPartCopy",), when=lambda call: call.compares_source)
    world = site.world(able)
    assets = add_files(world)
    read = build(world, assets, copies=False)

    assert build(world, assets, copies=True) == read
    assert site.front.count("UploadPartCopy") > 0
    assert rule.struck == 0


class EqualParts:
    """Refuses to complete an upload whose parts, but the last, differ in size, as R2 does."""

    def __init__(self, front: S3Front) -> None:
        self._sizes: dict[str, dict[int, int]] = {}
        front.before = self._note
        self.rule = front.faults.add(
            Effect.REFUSED, operations=("CompleteMultipartUpload",), when=lambda call: not self._are_equal(call)
        )

    def _note(self, call: Call) -> None:
        if call.part:
            self._sizes.setdefault(call.upload_id, {})[call.part] = call.size

    def _are_equal(self, call: Call) -> bool:
        sizes = [size for _, size in sorted(self._sizes[call.upload_id].items())]
        return len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]


@pytest.mark.parametrize("range_size", [1024 * MIB, PART])
def test_a_provider_that_wants_equal_parts_gets_them(site: Site, range_size: int) -> None:
    equal_parts = EqualParts(site.front)
    world = site.world(R2, range_size=range_size)
    assets = add_files(world)

    read, copied = build(world, assets, copies=False), build(world, assets, copies=True)

    assert read == copied
    assert site.front.count("UploadPartCopy") > 0
    assert equal_parts.rule.struck == 0


def test_the_front_does_refuse_parts_that_are_not_equal(site: Site) -> None:
    equal_parts = EqualParts(site.front)
    store = site.world(R2).store
    upload = store.create_upload(site.archives, "x", file_name="x", content_type="x", metadata={})
    parts = [store.put_part(upload, n, [bytes(size)], crc32=0) for n, size in ((1, PART), (2, PART + 1), (3, 1))]

    with pytest.raises(StorageRefused):
        store.complete_upload(upload, parts, size=2 * PART + 2, crc32=0)

    assert equal_parts.rule.struck == 1
