"""What every object store promises, asked of each adapter: memory, S3 over moto, S3 over the given server.

`BULKDL_TEST_S3_ENDPOINT` names the given server (credentials in the usual AWS_ variables) and
`BULKDL_TEST_S3_PROVIDER` its profile.
"""

from __future__ import annotations

import os
import secrets
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from bulkdl.errors import (
    ObjectArchived,
    ObjectChanged,
    ObjectForbidden,
    ObjectNotFound,
    ObjectUnreadable,
    StorageError,
    StorageRefused,
    StorageUnavailable,
    UploadNotFound,
)
from bulkdl.storage import MIN_PART_SIZE, Bytes, ObjectStore, ObjectVersion, Upload, UploadedPart
from bulkdl.storage.memory import MemoryStore
from bulkdl.storage.providers import CEPH, GENERIC, R2
from bulkdl.storage.s3 import make_s3_store
from tests.services.s3 import delete_bucket, make_s3_client

STRANGE_KEYS = [
    "with space/and+plus",
    "percent%41%2F and %",
    "ünï/日本語/🎞.mp4",
    "double//slash",
    "trailing/slash/",
    "dots/a..b/...",
    "quotes'\"&<>?#=;:@,$!*()",
    "tilde~under_score-dash.dot",
    "new\ttab",
]


@dataclass(frozen=True)
class Case:
    """One store with a bucket of its own."""

    name: str
    store: ObjectStore
    bucket: str
    endpoint: str | None

    @property
    def is_moto(self) -> bool:
        return self.name.startswith("moto")


@pytest.fixture(scope="module", params=["memory", "moto", "moto as aws", "given"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    bucket = f"bulkdl-contract-{secrets.token_hex(6)}"
    if request.param == "memory":
        yield Case("memory", MemoryStore([bucket]), bucket, None)
        return
    if request.param == "given":
        endpoint = request.getfixturevalue("given_s3_endpoint")
        provider = os.environ.get("BULKDL_TEST_S3_PROVIDER", "auto")
    else:
        endpoint = request.getfixturevalue("moto_endpoint")
        provider = "aws" if request.param == "moto as aws" else "moto"
    store = make_s3_store(endpoint_url=endpoint, provider=provider)
    store.ensure_bucket(bucket)
    yield Case(request.param, store, bucket, endpoint)
    store.close()
    client = make_s3_client(endpoint)
    delete_bucket(client, bucket)
    client.close()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return f"{secrets.token_hex(4)}/{request.function.__name__}"


def put(case: Case, key: str, body: Bytes, content_type: str = "application/octet-stream") -> ObjectVersion:
    return case.store.put(case.bucket, key, body, content_type=content_type)


def read(case: Case, version: ObjectVersion, offset: int = 0, size: int | None = None) -> bytes:
    """Read as callers do: go on behind what arrived."""
    target = bytearray(version.size - offset if size is None else size)
    received = 0
    while received < len(target):
        received += case.store.read_into(version, offset + received, memoryview(target)[received:])
    return bytes(target)


def create(case: Case, key: str, **overrides: str) -> Upload:
    return case.store.create_upload(
        case.bucket,
        key,
        file_name=overrides.get("file_name", "archive.zip"),
        content_type="application/zip",
        metadata={"bulkdl-job": "job-1"},
    )


def complete(case: Case, upload: Upload, parts: list[UploadedPart], content: bytes) -> None:
    case.store.complete_upload(upload, parts, size=len(content), crc32=zlib.crc32(content))


class Streamed:
    """A body that is made while it is sent, with a size that may be a lie."""

    def __init__(self, chunks: list[bytes], size: int | None = None) -> None:
        self._chunks = chunks
        self.size = sum(map(len, chunks)) if size is None else size

    def __iter__(self) -> Iterator[Bytes]:
        yield from self._chunks


# --- looking and reading -----------------------------------------------------------


def test_head_tells_what_was_put(case: Case, key: str) -> None:
    version = put(case, key, b"hello", "image/png")

    info = case.store.head(case.bucket, key)

    assert info.version == version == ObjectVersion(case.bucket, key, 5, '"5d41402abc4b2a76b9719d911017c592"')
    assert info.content_type == "image/png"
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert not info.is_archived


def test_empty_object_has_a_size_of_nothing(case: Case, key: str) -> None:
    version = put(case, key, b"")

    assert case.store.head(case.bucket, key).version == version
    assert version.size == 0
    assert case.store.read_into(version, 0, memoryview(bytearray())) == 0


@pytest.mark.parametrize("strange", STRANGE_KEYS)
def test_any_key_goes_round(case: Case, key: str, strange: str) -> None:
    name = f"{key}/{strange}"
    version = put(case, name, strange.encode())

    listed = [info.version.key for info in case.store.list_objects(case.bucket, name)]

    assert case.store.head(case.bucket, name).version == version
    assert read(case, version) == strange.encode()
    assert listed == [name]


@pytest.mark.parametrize("name", ["../above", "a/../b", "./here", "/leading", "a/./b"])
def test_dots_and_slashes_are_not_resolved(case: Case, key: str, name: str) -> None:
    version = put(case, f"{name}/{key}", name.encode())

    assert read(case, version) == name.encode()
    assert [info.version.key for info in case.store.list_objects(case.bucket, f"{name}/{key}")] == [version.key]


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (0, 300_000), (7, 100_000), (299_999, 1)])
def test_reading_fills_the_target_with_a_slice(case: Case, key: str, offset: int, size: int) -> None:
    content = os.urandom(300_000)
    version = put(case, key, content)

    assert read(case, version, offset, size) == content[offset : offset + size]


@pytest.mark.parametrize("other", [b"other", b"longer than before"])
def test_reading_an_overwritten_object_says_so(case: Case, key: str, other: bytes) -> None:
    version = put(case, key, b"first")
    put(case, key, other)
    target = bytearray(5)

    with pytest.raises(ObjectChanged) as caught:
        case.store.read_into(version, 0, memoryview(target))

    assert (caught.value.bucket, caught.value.key) == (case.bucket, key)
    assert target == bytes(5)


@pytest.mark.parametrize("offset", [0, 4, 5])
def test_reading_an_object_shorter_than_announced_says_so(case: Case, key: str, offset: int) -> None:
    version = replace(put(case, key, b"first"), size=9)

    with pytest.raises(ObjectChanged):
        case.store.read_into(version, offset, memoryview(bytearray(4)))


def test_missing_object_is_not_found(case: Case, key: str) -> None:
    version = put(case, key, b"gone")
    case.store.delete(case.bucket, key)

    with pytest.raises(ObjectNotFound) as caught:
        case.store.head(case.bucket, key)
    with pytest.raises(ObjectNotFound):
        case.store.read_into(version, 0, memoryview(bytearray(4)))

    assert (caught.value.bucket, caught.value.key) == (case.bucket, key)


def test_missing_bucket_is_refused_and_not_blamed_on_the_object(case: Case) -> None:
    version = ObjectVersion(case.bucket + "-not", "key", 1, '"e"')

    with pytest.raises(StorageRefused):
        case.store.ping(version.bucket)
    with pytest.raises(StorageRefused):
        case.store.head(version.bucket, version.key)
    with pytest.raises(StorageRefused):
        case.store.read_into(version, 0, memoryview(bytearray(1)))
    with pytest.raises(StorageRefused):
        list(case.store.list_objects(version.bucket))
    with pytest.raises(StorageRefused):
        case.store.put(version.bucket, "key", b"", content_type="text/plain")


def test_ping_is_silent_when_the_bucket_is_there(case: Case) -> None:
    case.store.ping(case.bucket)


def test_deleting_nothing_is_no_error(case: Case, key: str) -> None:
    case.store.delete(case.bucket, key)


def test_listing_goes_past_the_first_thousand_in_key_order(case: Case, key: str) -> None:
    names = [f"{key}/{number:05}" for number in range(1_003)]
    put(case, f"{key}-beside", b"")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(case, name, name.encode()), names))

    listed = list(case.store.list_objects(case.bucket, key + "/"))

    assert [info.version.key for info in listed] == names
    assert listed[0].version == case.store.head(case.bucket, names[0]).version
    assert listed[0].modified_at.tzinfo is UTC


# --- presigning --------------------------------------------------------------------


def test_presigned_url_downloads_under_the_given_name(case: Case, key: str) -> None:
    if case.endpoint is None:
        pytest.skip("Nothing serves what is in memory.")
    put(case, key, b"content")

    url = case.store.presign(
        case.bucket, key, expires_s=60, file_name='Urlaub "ä"\r\nX-Evil: 1.zip', content_type="application/zip"
    )

    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"content"
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"Urlaub _a_X-Evil: 1.zip\"; filename*=UTF-8''Urlaub%20%22%C3%A4%22X-Evil%3A%201.zip"
        )
        assert "X-Evil" not in answer.headers


def test_tampered_presigned_url_is_refused(case: Case, key: str) -> None:
    if case.name != "given":
        pytest.skip("This store checks no signatures.")
    put(case, key, b"content")
    url = case.store.presign(case.bucket, key, expires_s=60, file_name="a.zip", content_type="application/zip")

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), timeout=10)

    assert caught.value.code == 403
    caught.value.close()


def test_unknown_credentials_are_refused_and_not_blamed_on_the_object(
    case: Case, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.name != "given":
        pytest.skip("This store checks no signatures.")
    version = put(case, key, b"content")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    stranger = make_s3_store(endpoint_url=case.endpoint)

    with pytest.raises(StorageRefused):
        stranger.head(case.bucket, key)
    with pytest.raises(StorageRefused):
        stranger.read_into(version, 0, memoryview(bytearray(1)))
    stranger.close()


# --- multipart uploads -------------------------------------------------------------


def test_parts_in_any_order_make_the_object(case: Case, key: str) -> None:
    first, second, last = os.urandom(MIN_PART_SIZE), os.urandom(MIN_PART_SIZE), b"the end"
    content = first + second + last
    upload = create(case, key)

    tail = case.store.put_part(upload, 3, [last], crc32=zlib.crc32(last))
    head = case.store.put_part(upload, 1, [first[:10], memoryview(first)[10:], bytearray()], crc32=zlib.crc32(first))
    middle = case.store.put_part(upload, 2, Streamed([second[:1000], second[1000:]]), crc32=zlib.crc32(second))
    complete(case, upload, [head, middle, tail], content)

    info = case.store.head(case.bucket, key)
    assert read(case, info.version) == content
    assert info.content_type == "application/zip"
    assert info.metadata == {"bulkdl-job": "job-1"}
    if case.store.provider.stores_crc32 and case.store.provider.checks_whole:
        assert info.crc32 == zlib.crc32(content)


def test_parts_are_listed_by_number_with_their_sizes(case: Case, key: str) -> None:
    upload = create(case, key)
    later = case.store.put_part(upload, 7, [b"seven"])
    case.store.put_part(upload, 2, [b"first try"])
    earlier = case.store.put_part(upload, 2, [b"two"])

    listed = list(case.store.list_parts(upload))

    assert [(part.number, part.etag, part.size) for part in listed] == [(2, earlier.etag, 3), (7, later.etag, 5)]
    case.store.abort_upload(upload)


def test_single_small_part_is_an_object(case: Case, key: str) -> None:
    upload = create(case, key)
    part = case.store.put_part(upload, 1, [b"tiny"])

    complete(case, upload, [part], b"tiny")

    assert read(case, case.store.head(case.bucket, key).version) == b"tiny"


def test_open_uploads_are_listed_until_they_end(case: Case, key: str) -> None:
    aborted, completed, other = create(case, key + "/a"), create(case, key + "/b"), create(case, key + "-beside")
    part = case.store.put_part(completed, 1, [b"x"])
    before = [pending.upload for pending in case.store.list_uploads(case.bucket, key + "/")]

    case.store.abort_upload(aborted)
    complete(case, completed, [part], b"x")
    after = [pending.upload for pending in case.store.list_uploads(case.bucket, key + "/")]

    assert before == [aborted, completed]
    assert after == []
    case.store.abort_upload(other)


def test_pending_upload_knows_when_it_began(case: Case, key: str) -> None:
    upload = create(case, key)

    [pending] = case.store.list_uploads(case.bucket, key)

    assert pending.upload == upload
    assert pending.initiated_at.tzinfo is UTC
    if not case.is_moto:  # moto says 2010
        assert abs(pending.initiated_at - datetime.now(UTC)) < timedelta(minutes=5)
    case.store.abort_upload(upload)


def test_aborted_upload_is_gone_for_every_call(case: Case, key: str) -> None:
    upload = create(case, key)
    part = case.store.put_part(upload, 1, [b"x"])
    source = put(case, key + "-source", b"source")
    case.store.abort_upload(upload)

    case.store.abort_upload(upload)

    with pytest.raises(UploadNotFound):
        list(case.store.list_parts(upload))
    with pytest.raises(UploadNotFound):
        complete(case, upload, [part], b"x")
    if not case.is_moto:  # moto fails inside
        with pytest.raises(UploadNotFound):
            case.store.put_part(upload, 1, [b"x"])
        if case.store.provider.copies_ranges:
            with pytest.raises(UploadNotFound):
                case.store.copy_part(upload, 1, source, 0, 6)


def test_completing_with_a_part_that_is_not_there_is_refused(case: Case, key: str) -> None:
    upload = create(case, key)
    part = case.store.put_part(upload, 1, [b"x"])

    with pytest.raises(StorageRefused):
        complete(case, upload, [replace(part, etag='"00000000000000000000000000000000"')], b"x")

    with pytest.raises(ObjectNotFound):
        case.store.head(case.bucket, key)
    case.store.abort_upload(upload)


def test_small_part_before_the_last_is_refused(case: Case, key: str) -> None:
    upload = create(case, key)
    parts = [case.store.put_part(upload, number, [b"small"]) for number in (1, 2)]

    with pytest.raises(StorageRefused):
        complete(case, upload, parts, b"smallsmall")

    case.store.abort_upload(upload)


@pytest.mark.parametrize("size", [3, 5], ids=["more than announced", "less than announced"])
def test_streamed_body_of_another_size_stores_nothing(case: Case, key: str, size: int) -> None:
    upload = create(case, key)

    with pytest.raises(StorageError):
        case.store.put_part(upload, 1, Streamed([b"four"], size=size))

    assert list(case.store.list_parts(upload)) == []
    case.store.abort_upload(upload)


def test_error_while_a_body_is_made_reaches_the_caller_and_stores_nothing(case: Case, key: str) -> None:
    class Breaking(Streamed):
        def __iter__(self) -> Iterator[Bytes]:
            yield b"half"
            raise ObjectChanged("changed meanwhile", bucket="b", key="k")

    upload = create(case, key)

    with pytest.raises(ObjectChanged, match="changed meanwhile"):
        case.store.put_part(upload, 1, Breaking([], size=8))

    assert list(case.store.list_parts(upload)) == []
    case.store.abort_upload(upload)


def test_many_threads_share_one_store(case: Case, key: str) -> None:
    content = os.urandom(64 * 1024)
    version = put(case, key, content)
    upload = create(case, key + "-upload")

    def work(number: int) -> bool:
        part = case.store.put_part(upload, number, [content, bytes([number])])
        return part.number == number and read(case, version, number) == content[number:]

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(work, range(1, 65)))

    assert all(outcomes)
    assert [part.number for part in case.store.list_parts(upload)] == list(range(1, 65))
    case.store.abort_upload(upload)


# --- copying -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", *STRANGE_KEYS])
def test_copied_slice_is_the_slice(case: Case, key: str, name: str) -> None:
    if not case.store.provider.copies_ranges:
        pytest.skip("This store copies no ranges.")
    content = os.urandom(100_000)
    source = put(case, f"{key}/{name}", content)
    upload = create(case, key)

    part = case.store.copy_part(upload, 1, source, 1_000, 50_000)
    [listed] = case.store.list_parts(upload)
    complete(case, upload, [part], content[1_000:51_000])

    assert (listed.number, listed.etag, listed.size) == (1, part.etag, 50_000)
    assert part.crc32 in (None, zlib.crc32(content[1_000:51_000]))
    assert read(case, case.store.head(case.bucket, key).version) == content[1_000:51_000]


def test_copying_from_a_missing_object_blames_the_object(case: Case, key: str) -> None:
    if not case.store.provider.copies_ranges:
        pytest.skip("This store copies no ranges.")
    upload = create(case, key)

    with pytest.raises(ObjectNotFound) as caught:
        case.store.copy_part(upload, 1, ObjectVersion(case.bucket, key + "-not", 9, '"e"'), 0, 9)

    assert caught.value.key == key + "-not"
    case.store.abort_upload(upload)


def test_copying_past_the_end_never_looks_like_success(case: Case, key: str) -> None:
    if not case.store.provider.copies_ranges:
        pytest.skip("This store copies no ranges.")
    source = replace(put(case, key, b"short"), size=100)
    upload = create(case, key)

    try:
        case.store.copy_part(upload, 1, source, 0, 100)
    except (ObjectUnreadable, StorageRefused):
        assert list(case.store.list_parts(upload)) == []
    else:
        assert [part.size for part in case.store.list_parts(upload)] == [5]
    case.store.abort_upload(upload)


def test_copying_an_overwritten_object_says_so_where_the_store_compares(case: Case, key: str) -> None:
    if not case.store.provider.copies_if_match or case.is_moto:
        pytest.skip("This store does not compare.")
    source = put(case, key, b"first")
    put(case, key, b"other")
    upload = create(case, key + "-upload")

    with pytest.raises(ObjectChanged):
        case.store.copy_part(upload, 1, source, 0, 5)

    case.store.abort_upload(upload)


# --- the bucket --------------------------------------------------------------------


def test_bucket_is_made_once(case: Case) -> None:
    case.store.ensure_bucket(case.bucket)

    case.store.ping(case.bucket)


def test_lifecycle_is_written_once_and_again_when_it_differs(case: Case) -> None:
    def ensure(days: int) -> bool:
        return case.store.ensure_lifecycle(case.bucket, "downloads/", expire_days=days, abort_days=1)

    assert [ensure(2), ensure(2), ensure(3), ensure(3)] == [True, False, True, False]


def test_lifecycle_leaves_the_buckets_other_rules_alone(case: Case) -> None:
    if case.endpoint is None:
        pytest.skip("In memory there are no other rules.")
    client = make_s3_client(case.endpoint)
    other = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 9}}
    client.put_bucket_lifecycle_configuration(Bucket=case.bucket, LifecycleConfiguration={"Rules": [other]})  # type: ignore[list-item]

    case.store.ensure_lifecycle(case.bucket, "downloads/", expire_days=2, abort_days=1)

    rules = client.get_bucket_lifecycle_configuration(Bucket=case.bucket)["Rules"]
    assert [rule["ID"] for rule in rules if rule["ID"] == "other"] == ["other"]
    assert len(rules) == 2
    client.close()


# --- what only the in-memory store can arrange -------------------------------------


def test_memory_refuses_what_its_profile_cannot_do() -> None:
    store = MemoryStore(["b"], provider=GENERIC)
    source = store.put("b", "k", b"x", content_type="text/plain")
    upload = store.create_upload("b", "k2", file_name="a", content_type="a/b", metadata={})

    with pytest.raises(StorageRefused):
        store.copy_part(upload, 1, source, 0, 1)

    assert store.head("b", "k").crc32 is None


def test_memory_wants_equal_parts_where_the_provider_does() -> None:
    store = MemoryStore(["b"], provider=R2, min_part_size=1)
    upload = store.create_upload("b", "k", file_name="a", content_type="a/b", metadata={})
    unequal = [store.put_part(upload, number, [b"x" * size]) for number, size in ((1, 3), (2, 4), (3, 1))]
    with pytest.raises(StorageRefused):
        store.complete_upload(upload, unequal, size=8, crc32=0)

    equal = [store.put_part(upload, number, [b"x" * size]) for number, size in ((1, 3), (2, 3), (3, 1))]
    store.complete_upload(upload, equal, size=7, crc32=0)

    assert store.content("b", "k") == b"x" * 7


def test_memory_copies_a_changed_object_where_the_provider_does_not_compare() -> None:
    store = MemoryStore(["b"], provider=CEPH)
    source = store.put("b", "k", b"old", content_type="text/plain")
    store.put("b", "k", b"new", content_type="text/plain")
    upload = store.create_upload("b", "k2", file_name="a", content_type="a/b", metadata={})

    part = store.copy_part(upload, 1, source, 0, 3)
    store.complete_upload(upload, [part], size=3, crc32=0)

    assert store.content("b", "k2") == b"new"


def test_memory_checks_part_and_whole_where_the_provider_does() -> None:
    store = MemoryStore(["b"])
    upload = store.create_upload("b", "k", file_name="a", content_type="a/b", metadata={})
    with pytest.raises(StorageUnavailable):
        store.put_part(upload, 1, [b"x"], crc32=1)
    part = store.put_part(upload, 1, [b"x"], crc32=zlib.crc32(b"x"))

    with pytest.raises(StorageRefused):
        store.complete_upload(upload, [part], size=1, crc32=1)
    with pytest.raises(StorageRefused):
        store.complete_upload(upload, [part], size=2, crc32=zlib.crc32(b"x"))
    store.complete_upload(upload, [part], size=1, crc32=zlib.crc32(b"x"))

    assert part.crc32 == store.head("b", "k").crc32 == zlib.crc32(b"x")


def test_memory_tells_forbidden_and_archived_objects() -> None:
    store = MemoryStore(["b"])
    frozen = store.put("b", "frozen", b"x", content_type="text/plain")
    store.freeze("b", "frozen")
    store.put("b", "forbidden", b"x", content_type="text/plain")
    store.forbid("b", "forbidden")

    assert store.head("b", "frozen").is_archived
    with pytest.raises(ObjectArchived):
        store.read_into(frozen, 0, memoryview(bytearray(1)))
    with pytest.raises(ObjectForbidden):
        store.head("b", "forbidden")
