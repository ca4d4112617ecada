"""The S3 adapter's data path against a peer that breaks, lies and stalls."""

from __future__ import annotations

import functools
import socket
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.credentials import ReadOnlyCredentials

from bulkdl.errors import (
    ObjectArchived,
    ObjectChanged,
    ObjectForbidden,
    ObjectNotFound,
    StorageRefused,
    StorageUnavailable,
    UploadNotFound,
)
from bulkdl.storage import Bytes, ObjectVersion, Upload
from bulkdl.storage.providers import PROVIDERS
from bulkdl.storage.s3 import S3Store, data, make_s3_store
from bulkdl.storage.s3.address import AddressBook
from bulkdl.storage.s3.clients import Clients
from bulkdl.storage.s3.exchange import Exchange
from bulkdl.storage.s3.pool import ConnectionPool
from bulkdl.storage.s3.signing import Signer
from bulkdl.storage.s3.wire import Crawl
from tests.unit.storage_peer import Peer, Reply, answer, refusal

CONTENT = bytes(range(200)) * 5
VERSION = ObjectVersion("media", "a key", len(CONTENT), '"tag"')
UPLOAD = Upload("archives", "out.zip", "id+/1")


@functools.cache
def boto3_clients() -> Clients:
    """Made once: it takes long, and the data path does without."""
    return make_s3_store(endpoint_url="http://127.0.0.1:1").clients


def make_store(peer: Peer, provider: str = "generic", timeout_s: float = 10.0) -> S3Store:
    pool = ConnectionPool(tls=None, find_proxies=lambda url: {}, max_idle=10)
    signer = Signer(lambda: ReadOnlyCredentials("access", "secret", None), "us-east-1")
    exchange = Exchange(pool, signer, timeout_s)
    return S3Store(PROVIDERS[provider], boto3_clients(), AddressBook(peer.url, "path"), exchange)


def slice_of(offset: int = 0, size: int = 100, **overrides: str) -> Reply:
    """The answer to a ranged GET of `VERSION`."""
    headers = {"etag": '"tag"', "content_range": f"bytes {offset}-{offset + size - 1}/{len(CONTENT)}", **overrides}
    return answer(206, CONTENT[offset : offset + size], **headers)


def read(store: S3Store, offset: int = 0, size: int = 100) -> tuple[int, bytearray]:
    target = bytearray(size)
    return store.read_into(VERSION, offset, memoryview(target)), target


def head_of(status: int, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode("ascii")


SLICE_HEAD = head_of(206, "content-length: 100", "content-range: bytes 0-99/1000", 'etag: "tag"')


# --- what is asked -----------------------------------------------------------------


def test_reading_asks_for_the_slice_of_the_version() -> None:
    with Peer([slice_of(7, 20)]) as peer:
        received, target = read(make_store(peer), 7, 20)

    [asked] = peer.asked
    assert (received, bytes(target)) == (20, CONTENT[7:27])
    assert (asked.method, asked.target) == ("GET", "/media/a%20key")
    assert asked.headers["range"] == "bytes=7-26"
    assert asked.headers["if-match"] == '"tag"'
    assert asked.headers["host"] == f"127.0.0.1:{peer.port}"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")


def test_part_is_sent_in_one_piece_whatever_it_is_made_of() -> None:
    with Peer([answer(200, etag='"part"')]) as peer:
        part = make_store(peer).put_part(UPLOAD, 3, [b"ab", bytearray(b"cd"), memoryview(b"xefx")[1:3]], crc32=1)

    [asked] = peer.asked
    assert (part.number, part.etag, part.size, part.crc32) == (3, '"part"', None, None)
    assert (asked.method, asked.target) == ("PUT", "/archives/out.zip?partNumber=3&uploadId=id%2B%2F1")
    assert asked.headers["content-length"] == "6"
    assert asked.body == b"abcdef"
    assert "x-amz-checksum-crc32" not in asked.headers


def test_part_carries_its_crc32_where_the_store_compares_it() -> None:
    crc32 = zlib.crc32(b"part")
    encoded = b64encode(crc32.to_bytes(4, "big")).decode()
    with Peer([answer(200, etag='"part"', x_amz_checksum_crc32=encoded)]) as peer:
        part = make_store(peer, "aws").put_part(UPLOAD, 1, [b"part"], crc32=crc32)

    assert part.crc32 == crc32
    assert peer.asked[0].headers["x-amz-checksum-crc32"] == encoded


def test_large_chunk_is_sent_whole() -> None:
    content = bytes(3 * 1024**2 + 5)
    with Peer([answer(200, etag='"part"')]) as peer:
        make_store(peer).put_part(UPLOAD, 1, [content])

    assert peer.asked[0].body == content


def test_copy_names_its_source_and_compares_it_only_where_the_store_does() -> None:
    body = b"<CopyPartResult><ETag>&quot;part&quot;</ETag></CopyPartResult>"
    version = ObjectVersion("media", "a b/ü+%", 1000, '"tag"')
    with Peer([answer(200, body), answer(200, body)]) as peer:
        part = make_store(peer, "aws").copy_part(UPLOAD, 1, version, 10, 90)
        make_store(peer, "moto").copy_part(UPLOAD, 1, version, 10, 90)

    compared, not_compared = peer.asked
    assert (part.etag, part.crc32) == ('"part"', None)
    assert compared.headers["x-amz-copy-source"] == "media/a%20b/%C3%BC%2B%25"
    assert compared.headers["x-amz-copy-source-range"] == "bytes=10-99"
    assert compared.headers["x-amz-copy-source-if-match"] == '"tag"'
    assert compared.headers["content-length"] == "0"
    assert "x-amz-copy-source-if-match" not in not_compared.headers


def test_source_with_a_percent_sign_is_read_and_put_where_a_copy_might_find_another() -> None:
    version = ObjectVersion("media", "50%41", 1000, '"tag"')
    replies = [replace(answer(200, etag='"part"'), method="PUT"), replace(slice_of(10, 90), method="GET")]
    with Peer(replies) as peer:
        part = make_store(peer, "ceph").copy_part(UPLOAD, 1, version, 10, 90)

    methods = sorted((asked.method, asked.target) for asked in peer.asked)
    assert part.etag == '"part"'
    assert methods == [("GET", "/media/50%2541"), ("PUT", "/archives/out.zip?partNumber=1&uploadId=id%2B%2F1")]
    assert next(asked.body for asked in peer.asked if asked.method == "PUT") == CONTENT[10:100]


# --- bodies that are not what was told ---------------------------------------------


@pytest.mark.parametrize("then", ["close", "reset"])
def test_broken_body_is_what_arrived_and_the_rest_can_be_read(then: str) -> None:
    broken = Reply(SLICE_HEAD + CONTENT[:30], then=then)  # type: ignore[arg-type]
    with Peer([broken, slice_of(30, 70)]) as peer:
        store = make_store(peer)
        target = bytearray(100)
        received = store.read_into(VERSION, 0, memoryview(target))
        rest = store.read_into(VERSION, received, memoryview(target)[received:])

    assert (received, rest) == (30, 70)
    assert target == CONTENT[:100]
    assert peer.connections == [0, 1]


@pytest.mark.parametrize("then", ["close", "reset", "stall"])
def test_body_without_a_byte_is_unavailable(then: str) -> None:
    with Peer([Reply(SLICE_HEAD, then=then)]) as peer, pytest.raises(StorageUnavailable):  # type: ignore[arg-type]
        read(make_store(peer, timeout_s=0.2))


def test_stalled_body_is_what_arrived() -> None:
    with Peer([Reply(SLICE_HEAD + CONTENT[:30], then="stall")]) as peer:
        received, target = read(make_store(peer, timeout_s=0.2))

    assert (received, bytes(target[:30])) == (30, CONTENT[:30])


def test_crawling_body_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_CRAWL", Crawl(window_s=0.0, bytes_per_s=0.0))
    with Peer([slice_of()]) as peer:
        assert read(make_store(peer))[0] == 100
    monkeypatch.setattr(data, "_CRAWL", Crawl(window_s=1e-9, bytes_per_s=1e15))
    with Peer([Reply(SLICE_HEAD + CONTENT[:30], continuation=CONTENT[30:60], then="stall")]) as peer:
        received, _ = read(make_store(peer))

    assert received in (30, 60)


def test_silent_store_is_unavailable() -> None:
    with Peer([Reply(then="stall")]) as peer, pytest.raises(StorageUnavailable, match="timed out"):
        read(make_store(peer, timeout_s=0.2))


def test_body_longer_than_told_is_cut_and_its_connection_not_used_again() -> None:
    with Peer([Reply(SLICE_HEAD + CONTENT[:150]), slice_of()]) as peer:
        store = make_store(peer)
        first, second = read(store), read(store)

    assert first == second == (100, CONTENT[:100])
    assert peer.connections == [0, 1]


def test_body_in_chunks_is_put_together() -> None:
    head = head_of(206, "transfer-encoding: chunked", "content-range: bytes 0-99/1000", 'etag: "tag"')
    body = b"a\r\n" + CONTENT[:10] + b"\r\n5A;x=y\r\n" + CONTENT[10:100] + b"\r\n0\r\nTrailer: t\r\n\r\n"
    with Peer([Reply(head + body[:50], continuation=body[50:]), slice_of()]) as peer:
        store = make_store(peer)
        first, second = read(store), read(store)

    assert first == second == (100, CONTENT[:100])
    assert peer.connections == [0, 0]


def test_body_that_ends_with_its_connection_is_read() -> None:
    head = head_of(206, "content-range: bytes 0-99/1000")
    with Peer([Reply(head + CONTENT[:100], then="close")]) as peer:
        assert read(make_store(peer)) == (100, CONTENT[:100])


@pytest.mark.parametrize(
    "overrides",
    [
        {"etag": '"other"'},
        {"content_range": "bytes 0-99/1001"},
    ],
)
def test_answer_about_another_version_says_so_and_leaves_the_target_alone(overrides: dict[str, str]) -> None:
    target = bytearray(100)
    with Peer([slice_of(0, 100, **overrides)]) as peer, pytest.raises(ObjectChanged):
        make_store(peer).read_into(VERSION, 0, memoryview(target))

    assert target == bytes(100)


def test_weak_etag_of_a_proxy_is_the_same_etag() -> None:
    with Peer([slice_of(0, 100, etag='W/"tag"')]) as peer:
        assert read(make_store(peer)) == (100, CONTENT[:100])


@pytest.mark.parametrize(
    "content_range", ["bytes 1-100/1000", "bytes 0-100/1000", "bytes 0-98/1000", "bytes */1000", "items 0-99/1000"]
)
def test_slice_other_than_the_one_asked_for_is_unavailable(content_range: str) -> None:
    with Peer([slice_of(0, 100, content_range=content_range)]) as peer, pytest.raises(StorageUnavailable):
        read(make_store(peer))


def test_slice_shorter_than_asked_for_is_a_short_read() -> None:
    with Peer([slice_of(0, 40)]) as peer:
        received, target = read(make_store(peer))

    assert (received, bytes(target[:40])) == (40, CONTENT[:40])


def test_whole_object_in_place_of_a_slice_is_refused() -> None:
    with Peer([answer(200, CONTENT, etag='"tag"')]) as peer, pytest.raises(StorageRefused, match="does not serve"):
        read(make_store(peer))


def test_whole_object_of_another_size_in_place_of_a_slice_has_changed() -> None:
    with Peer([answer(200, CONTENT + b"x")]) as peer, pytest.raises(ObjectChanged):
        read(make_store(peer))


@pytest.mark.parametrize("headers", [{}, {"content_range": "bytes 0-999/1000"}])
def test_whole_object_is_taken_when_all_of_it_was_wanted(headers: dict[str, str]) -> None:
    with Peer([answer(200, CONTENT, **headers)]) as peer:
        assert read(make_store(peer), 0, 1000) == (1000, CONTENT)


# --- garbage -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 206 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
        b"\x00" * 50_000,
    ],
    ids=lambda garbage: repr(garbage[:60]),
)
def test_answer_that_is_no_http_is_unavailable(garbage: bytes) -> None:
    with Peer([Reply(garbage, then="close")]) as peer, pytest.raises(StorageUnavailable):
        read(make_store(peer))


def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    with Peer([Reply(interim + slice_of().data)]) as peer:
        assert read(make_store(peer)) == (100, CONTENT[:100])


def test_head_in_many_packets_is_put_together() -> None:
    reply = slice_of(0, 100, x_long="y" * 30_000).data
    with Peer([Reply(reply[:20_000], continuation=reply[20_000:])]) as peer:
        assert read(make_store(peer)) == (100, CONTENT[:100])


# --- connections -------------------------------------------------------------------


def test_requests_share_one_connection() -> None:
    with Peer([slice_of(), answer(200, etag='"part"'), slice_of()]) as peer:
        store = make_store(peer)
        read(store)
        store.put_part(UPLOAD, 1, [b"part"])
        read(store)

    assert peer.connections == [0, 0, 0]


@pytest.mark.parametrize("first", [slice_of(0, 100, connection="close"), Reply(slice_of().data, then="close")])
def test_connection_that_is_closed_after_an_answer_is_replaced(first: Reply) -> None:
    with Peer([first, slice_of()]) as peer:
        store = make_store(peer)
        outcomes = [read(store), read(store)]

    assert outcomes == [(100, CONTENT[:100])] * 2
    assert peer.connections == [0, 1]


def test_http_1_0_connection_is_not_kept() -> None:
    old = Reply(slice_of().data.replace(b"HTTP/1.1", b"HTTP/1.0"))
    with Peer([old, slice_of()]) as peer:
        store = make_store(peer)
        read(store), read(store)

    assert peer.connections == [0, 1]


@pytest.mark.parametrize("then", ["close", "reset"])
def test_kept_connection_given_up_under_a_request_is_replaced_once(then: str) -> None:
    dropped = Reply(then=then)  # type: ignore[arg-type]
    with Peer([slice_of(), dropped, slice_of()]) as peer:
        store = make_store(peer)
        outcomes = [read(store), read(store)]

    assert outcomes == [(100, CONTENT[:100])] * 2
    assert peer.connections == [0, 0, 1]


def test_request_dropped_twice_is_unavailable() -> None:
    with Peer([slice_of(), Reply(then="close"), Reply(then="close"), slice_of()]) as peer:
        store = make_store(peer)
        read(store)
        with pytest.raises(StorageUnavailable):
            read(store)

    assert peer.connections == [0, 0, 1]


def test_request_dropped_by_a_new_connection_is_not_repeated() -> None:
    with Peer([Reply(then="close"), slice_of()]) as peer, pytest.raises(StorageUnavailable):
        read(make_store(peer))

    assert len(peer.asked) == 1


def test_part_in_memory_is_sent_again_over_a_new_connection() -> None:
    with Peer([slice_of(), Reply(then="close"), answer(200, etag='"part"')]) as peer:
        store = make_store(peer)
        read(store)
        part = store.put_part(UPLOAD, 1, [b"pa", b"rt"])

    assert part.etag == '"part"'
    assert [asked.body for asked in peer.asked] == [b"", b"part", b"part"]


def test_part_made_while_it_is_sent_is_not_made_twice() -> None:
    class Made:
        size = 4
        times = 0

        def __iter__(self) -> Iterator[Bytes]:
            Made.times += 1
            yield b"part"

    with Peer([slice_of(), Reply(then="close"), answer(200, etag='"part"')]) as peer:
        store = make_store(peer)
        read(store)
        with pytest.raises(StorageUnavailable):
            store.put_part(UPLOAD, 1, Made())

    assert Made.times == 1


def test_closed_store_opens_connections_again() -> None:
    with Peer([slice_of(), slice_of()]) as peer:
        store = make_store(peer)
        read(store)
        store.close()
        read(store)

    assert peer.connections == [0, 1]


def test_store_that_does_not_listen_is_unavailable() -> None:
    with Peer([]) as peer:
        store = make_s3_store(endpoint_url=peer.url)

    with pytest.raises(StorageUnavailable):
        read(store)
    with pytest.raises(StorageUnavailable):
        store.ping("media")
    with pytest.raises(StorageUnavailable):
        list(store.list_objects("media"))


def test_ipv6_address_is_reached() -> None:
    try:
        peer = Peer([slice_of()], family=socket.AF_INET6)
    except OSError:
        pytest.skip("This machine has no IPv6.")
    with peer:
        assert read(make_store(peer)) == (100, CONTENT[:100])

    assert peer.asked[0].headers["host"] == f"[::1]:{peer.port}"


# --- refusals ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refusal(404, "NoSuchKey"), ObjectNotFound),
        (refusal(404, "NoSuchBucket"), StorageRefused),
        (refusal(403, "AccessDenied"), ObjectForbidden),
        (refusal(403, "InvalidObjectState"), ObjectArchived),
        (refusal(403, "SignatureDoesNotMatch"), StorageRefused),
        (refusal(400, "ExpiredToken"), StorageRefused),
        (refusal(412, "PreconditionFailed"), ObjectChanged),
        (refusal(416, "InvalidRange"), ObjectChanged),
        (answer(412), ObjectChanged),
        (answer(500, b"<html>Bad gateway</html>"), StorageUnavailable),
    ],
)
def test_refused_read_says_what_it_means(reply: Reply, error: type[Exception]) -> None:
    with Peer([reply]) as peer, pytest.raises(error):
        read(make_store(peer))


def test_throttled_read_says_how_long_to_wait() -> None:
    with Peer([refusal(503, "SlowDown", retry_after="7")]) as peer, pytest.raises(StorageUnavailable) as caught:
        read(make_store(peer))

    assert caught.value.throttled
    assert caught.value.retry_after_s == 7


def test_refusal_keeps_the_connection() -> None:
    with Peer([refusal(404, "NoSuchKey"), slice_of()]) as peer:
        store = make_store(peer)
        with pytest.raises(ObjectNotFound):
            read(store)
        read(store)

    assert peer.connections == [0, 0]


def test_bucket_in_another_region_says_which() -> None:
    with (
        Peer([refusal(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3")]) as peer,
        pytest.raises(StorageRefused, match=r"region eu-west-3: set S3_REGION"),
    ):
        read(make_store(peer))


def test_part_refused_before_it_was_all_sent_says_why() -> None:
    early = Reply(refusal(503, "SlowDown", connection="close").data, then="reset", is_early=True)
    with Peer([early]) as peer, pytest.raises(StorageUnavailable):
        make_store(peer).put_part(UPLOAD, 1, [bytes(64 * 1024**2)])


def test_part_of_an_upload_that_is_gone_says_so() -> None:
    with Peer([refusal(404, "NoSuchUpload")]) as peer, pytest.raises(UploadNotFound):
        make_store(peer).put_part(UPLOAD, 1, [b"part"])


def test_part_answered_without_an_etag_is_unavailable() -> None:
    with Peer([answer(200)]) as peer, pytest.raises(StorageUnavailable, match="without an ETag"):
        make_store(peer).put_part(UPLOAD, 1, [b"part"])


# --- copies that say 200 -----------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "is_throttled"), [("InternalError", False), ("SlowDown", True), ("SomethingNew", False)]
)
def test_copy_that_fails_under_a_200_is_unavailable(code: str, is_throttled: bool) -> None:
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>m</Message></Error>'.encode()
    with Peer([answer(200, body)]) as peer, pytest.raises(StorageUnavailable) as caught:
        make_store(peer, "aws").copy_part(UPLOAD, 1, VERSION, 0, 100)

    assert caught.value.throttled is is_throttled


@pytest.mark.parametrize("body", [b"", b"<CopyPartResult></CopyPartResult>", b"<CopyPartResult><ETag></ETag>"])
def test_copy_without_an_etag_is_unavailable(body: bytes) -> None:
    with Peer([answer(200, body)]) as peer, pytest.raises(StorageUnavailable, match="without an ETag"):
        make_store(peer, "aws").copy_part(UPLOAD, 1, VERSION, 0, 100)


def test_copy_waits_through_blanks_and_tells_the_crc32() -> None:
    result = (
        b'<?xml version="1.0"?>\n<CopyPartResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;part&quot;</ETag>"
        b"<ChecksumCRC32>AAAB9A==</ChecksumCRC32></CopyPartResult>"
    )
    head = head_of(200, "transfer-encoding: chunked")
    chunks = b"1\r\n \r\n1\r\n \r\n%x\r\n%s\r\n0\r\n\r\n" % (len(result), result)
    with Peer([Reply(head + chunks[:8], continuation=chunks[8:])]) as peer:
        part = make_store(peer, "aws").copy_part(UPLOAD, 2, VERSION, 0, 100)

    assert (part.number, part.etag, part.crc32) == (2, '"part"', 500)


def test_copy_of_a_changed_source_says_so() -> None:
    with Peer([refusal(412, "PreconditionFailed")]) as peer, pytest.raises(ObjectChanged) as caught:
        make_store(peer, "aws").copy_part(UPLOAD, 1, VERSION, 0, 100)

    assert (caught.value.bucket, caught.value.key) == ("media", "a key")


# --- looking -----------------------------------------------------------------------


def object_head(**headers: str) -> Reply:
    lines = {"last_modified": "Thu, 26 Nov 2026 09:06:06 GMT", "etag": '"tag"', "content_type": "image/png", **headers}
    shown = [f"{name.replace('_', '-')}: {value}" for name, value in lines.items()]
    return Reply(head_of(200, "content-length: 1000", *shown))


def test_head_has_no_body_and_keeps_the_connection() -> None:
    with Peer([object_head(x_amz_meta_job="j"), object_head()]) as peer:
        store = make_store(peer)
        info = store.head("media", "a key")
        store.head("media", "a key")

    assert info.version == VERSION
    assert info.content_type == "image/png"
    assert info.modified_at.isoformat() == "2026-11-26T09:06:06+00:00"
    assert info.metadata == {"job": "j"}
    assert peer.connections == [0, 0]
    assert "x-amz-checksum-mode" not in peer.asked[0].headers


@pytest.mark.parametrize(
    ("headers", "crc32"),
    [
        ({"x_amz_checksum_crc32": "AAAB9A==", "x_amz_checksum_type": "FULL_OBJECT"}, 500),
        ({"x_amz_checksum_crc32": "AAAB9A=="}, 500),
        ({"x_amz_checksum_crc32": "AAAB9A==", "x_amz_checksum_type": "COMPOSITE"}, None),
        ({"x_amz_checksum_crc32": "AAAB9A==-3"}, None),
        ({"x_amz_checksum_crc32": "not base64"}, None),
        ({"x_amz_checksum_crc32": "AAAB9AAA"}, None),
        ({"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="}, None),
    ],
)
def test_stored_crc32_counts_only_for_the_bytes_themselves(headers: dict[str, str], crc32: int | None) -> None:
    with Peer([object_head(**headers)]) as peer:
        info = make_store(peer, "aws").head("media", "a key")

    assert info.crc32 == crc32
    assert peer.asked[0].headers["x-amz-checksum-mode"] == "ENABLED"


@pytest.mark.parametrize(
    ("headers", "is_archived"),
    [
        ({"x_amz_storage_class": "GLACIER"}, True),
        ({"x_amz_storage_class": "DEEP_ARCHIVE", "x_amz_restore": 'ongoing-request="true"'}, True),
        ({"x_amz_storage_class": "GLACIER", "x_amz_restore": 'ongoing-request="false", expiry-date="x"'}, False),
        ({"x_amz_storage_class": "GLACIER_IR"}, False),
        ({"x_amz_storage_class": "INTELLIGENT_TIERING", "x_amz_archive_status": "ARCHIVE_ACCESS"}, True),
    ],
)
def test_storage_class_says_whether_an_object_can_be_read(headers: dict[str, str], is_archived: bool) -> None:
    with Peer([object_head(**headers)]) as peer:
        assert make_store(peer, "aws").head("media", "a key").is_archived is is_archived


@pytest.mark.parametrize(
    ("status", "why", "error"),
    [
        (404, refusal(404, "NoSuchKey"), ObjectNotFound),
        (404, refusal(404, "NoSuchBucket"), StorageRefused),
        (403, refusal(403, "AccessDenied"), ObjectForbidden),
        (403, refusal(403, "InvalidAccessKeyId"), StorageRefused),
        (403, refusal(403, "RequestTimeTooSkewed"), StorageRefused),
        (400, refusal(400, "ExpiredToken"), StorageRefused),
        (404, slice_of(0, 1), StorageUnavailable),
    ],
)
def test_refused_look_is_asked_again_for_its_reason(status: int, why: Reply, error: type[Exception]) -> None:
    with Peer([Reply(head_of(status, "content-length: 300")), why]) as peer, pytest.raises(error):
        make_store(peer).head("media", "a key")

    assert [asked.method for asked in peer.asked] == ["HEAD", "GET"]


def test_unavailable_look_is_not_asked_again() -> None:
    with Peer([answer(503)]) as peer, pytest.raises(StorageUnavailable):
        make_store(peer).head("media", "a key")

    assert len(peer.asked) == 1


@pytest.mark.parametrize("head", [head_of(200, "content-length: 5"), head_of(200, 'etag: "e"')])
def test_look_without_length_or_etag_is_unavailable(head: bytes) -> None:
    with Peer([Reply(head)]) as peer, pytest.raises(StorageUnavailable):
        make_store(peer).head("media", "a key")


def test_ping_says_why_the_bucket_cannot_be_reached() -> None:
    with (
        Peer([Reply(head_of(403)), refusal(403, "InvalidAccessKeyId", "no such key")]) as peer,
        pytest.raises(StorageRefused, match="InvalidAccessKeyId no such key"),
    ):
        make_store(peer).ping("media")

    assert peer.asked[1].target == "/media?max-keys=0"
