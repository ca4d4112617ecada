"""The S3 adapter's control path, presigning, TLS, proxies and credentials, against a peer that remembers."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bulkdl.errors import StorageRefused, StorageUnavailable, UploadNotFound
from bulkdl.storage import ObjectVersion, Upload, UploadedPart
from bulkdl.storage.s3 import S3Store, make_s3_store
from tests.unit.storage_peer import Peer, answer, refusal

VERSION = ObjectVersion("media", "key", 4, '"tag"')
UPLOAD = Upload("archives", "out.zip", "id")
SLICE = answer(206, b"byte", etag='"tag"', content_range="bytes 0-3/4")
CREATED = answer(
    200,
    b"<InitiateMultipartUploadResult><Bucket>archives</Bucket><Key>out.zip</Key><UploadId>id</UploadId>"
    b"</InitiateMultipartUploadResult>",
)
COMPLETED = answer(200, b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')


@pytest.fixture
def proxy_free(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def read(store: S3Store) -> bytes:
    target = bytearray(4)
    store.read_into(VERSION, 0, memoryview(target))
    return bytes(target)


def create(store: S3Store) -> Upload:
    return store.create_upload(
        "archives", "out.zip", file_name="Ü.zip", content_type="application/zip", metadata={"job": "j"}
    )


# --- uploads -----------------------------------------------------------------------


def test_upload_on_aws_is_opened_for_a_crc32_of_the_whole() -> None:
    with Peer([CREATED]) as peer:
        upload = create(make_s3_store(endpoint_url=peer.url, provider="aws"))

    headers = peer.asked[0].headers
    assert upload == UPLOAD
    assert headers["x-amz-checksum-algorithm"] == "CRC32"
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert headers["x-amz-meta-job"] == "j"
    assert headers["content-type"] == "application/zip"
    assert headers["content-disposition"] == "attachment; filename=\"U.zip\"; filename*=UTF-8''%C3%9C.zip"


def test_upload_is_completed_with_the_size_and_crc32_that_aws_is_to_find() -> None:
    with Peer([COMPLETED]) as peer:
        store = make_s3_store(endpoint_url=peer.url, provider="aws")
        store.complete_upload(UPLOAD, [UploadedPart(1, '"a"'), UploadedPart(2, '"b"')], size=1234, crc32=500)

    [asked] = peer.asked
    headers = asked.headers
    assert headers["x-amz-checksum-crc32"] == "AAAB9A=="
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert headers["x-amz-mp-object-size"] == "1234"
    assert asked.body.count(b"<PartNumber>") == 2


def test_provider_that_is_not_known_to_check_is_sent_no_checksum() -> None:
    with Peer([CREATED, COMPLETED]) as peer:
        store = make_s3_store(endpoint_url=peer.url, provider="r2")
        store.complete_upload(create(store), [UploadedPart(1, '"a"')], size=1, crc32=1)

    sent = {name for asked in peer.asked for name in asked.headers}
    assert [name for name in sent if "checksum" in name or "crc" in name or "mp-object" in name] == []


@pytest.mark.parametrize(
    ("code", "error"),
    [("InternalError", StorageUnavailable), ("InvalidPart", StorageRefused), ("Odd", StorageUnavailable)],
)
def test_completion_that_fails_under_a_200_is_no_success(code: str, error: type[Exception]) -> None:
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>m</Message></Error>'.encode()
    parts = answer(200, b"<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>")
    with Peer([answer(200, body), parts]) as peer, pytest.raises(error):
        make_s3_store(endpoint_url=peer.url).complete_upload(UPLOAD, [UploadedPart(1, '"a"')], size=1, crc32=1)


def test_completion_is_sent_once_and_its_lost_answer_is_told_from_a_lost_upload() -> None:
    gone = refusal(404, "NoSuchUpload")
    with Peer([answer(500), gone]) as peer, pytest.raises(UploadNotFound):
        make_s3_store(endpoint_url=peer.url).complete_upload(UPLOAD, [UploadedPart(1, '"a"')], size=1, crc32=1)

    assert [asked.method for asked in peer.asked] == ["POST", "GET"]


def test_listing_asks_aws_what_has_been_restored() -> None:
    page = b"""<ListBucketResult><IsTruncated>false</IsTruncated>
        <Contents><Key>a</Key><Size>1</Size><ETag>"1"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>
          <StorageClass>GLACIER</StorageClass></Contents>
        <Contents><Key>b</Key><Size>1</Size><ETag>"2"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>
          <StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>
          <RestoreExpiryDate>2026-02-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>
        <Contents><Key>c</Key><Size>1</Size><ETag>"3"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>
          <StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"""
    with Peer([answer(200, page)]) as peer:
        found = list(make_s3_store(endpoint_url=peer.url, provider="aws").list_objects("media"))

    assert [(info.version.key, info.is_archived) for info in found] == [("a", True), ("b", False), ("c", False)]
    assert found[0].modified_at == datetime(2026, 1, 1, tzinfo=UTC)


# --- presigning --------------------------------------------------------------------


def presign(expires_s: int = 60, **overrides: str) -> str:
    return make_s3_store(endpoint_url="http://s3.internal:9000", region="eu-west-3", **overrides).presign(  # type: ignore[arg-type]
        "archives", "a b.zip", expires_s=expires_s, file_name="x\r\ny.zip", content_type="application/zip"
    )


def test_presigned_url_is_for_the_public_address() -> None:
    url = urlsplit(presign(public_endpoint_url="https://files.example.com"))

    assert (url.scheme, url.netloc, url.path) == ("https", "files.example.com", "/archives/a%20b.zip")


def test_presigned_url_is_for_the_only_address_there_is() -> None:
    assert urlsplit(presign()).netloc == "s3.internal:9000"


def test_presigned_url_carries_version_4_and_nothing_that_breaks_a_header() -> None:
    query = parse_qs(urlsplit(presign()).query)

    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "/eu-west-3/s3/aws4_request" in query["X-Amz-Credential"][0]
    assert query["response-content-disposition"] == ['attachment; filename="xy.zip"']
    assert query["response-content-type"] == ["application/zip"]


@pytest.mark.parametrize(("asked", "given"), [(60, "60"), (10**7, "604800"), (0, "1")])
def test_expiry_is_kept_within_what_the_signature_allows(asked: int, given: str) -> None:
    assert parse_qs(urlsplit(presign(asked)).query)["X-Amz-Expires"] == [given]


# --- addresses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-3", "media.s3.eu-west-3.amazonaws.com"),
        ("us-east-1", "media.s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "media.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_store_without_an_endpoint_is_aws_in_its_region(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere.example")
    store = make_s3_store(region=region)

    place = store.addresses.find("media", "key")

    assert store.provider.name == "aws"
    assert (place.origin.scheme, place.origin.authority, place.path) == ("https", host, "/key")


# --- credentials -------------------------------------------------------------------


def test_missing_credentials_are_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with Peer([]) as peer:
        store = make_s3_store(endpoint_url=peer.url)

        with pytest.raises(StorageRefused, match="credentials"):
            read(store)
        with pytest.raises(StorageRefused, match="credentials"):
            create(store)

    assert peer.asked == []


def test_credentials_that_expire_are_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A credential process is the smallest provider of botocore's that refreshes."""
    count = tmp_path / "count"
    count.write_text("")
    script = tmp_path / "give.sh"
    script.write_text(
        f"#!/bin/sh\nprintf x >> {count}\nn=$(wc -c < {count} | tr -d ' ')\n"
        f'printf \'{{"Version":1,"AccessKeyId":"key-%s","SecretAccessKey":"s","SessionToken":"token-%s",'
        f'"Expiration":"%s"}}\' "$n" "$n" {(datetime.now(UTC) + timedelta(seconds=5)).isoformat()}\n'
    )
    script.chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {script}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with Peer([SLICE, SLICE]) as peer:
        store = make_s3_store(endpoint_url=peer.url)
        read(store), read(store)

    tokens = [asked.headers["x-amz-security-token"] for asked in peer.asked]
    assert len(set(tokens)) == 2
    assert all(
        asked.headers["authorization"].find(token.replace("token", "key")) > 0
        for asked, token in zip(peer.asked, tokens, strict=True)
    )


def test_given_credentials_come_before_the_chain() -> None:
    with Peer([SLICE]) as peer:
        read(make_s3_store(endpoint_url=peer.url, access_key_id="MINE", secret_access_key="s"))

    assert "Credential=MINE/" in peer.asked[0].headers["authorization"]


# --- proxies -----------------------------------------------------------------------


def test_plain_http_is_handed_to_the_proxy(proxy_free: pytest.MonkeyPatch) -> None:
    with Peer([SLICE, SLICE]) as proxy:
        proxy_free.setenv("HTTP_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        proxy_free.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        store = make_s3_store(endpoint_url="http://s3.nowhere.example:9000")
        assert [read(store), read(store)] == [b"byte", b"byte"]

    asked = proxy.asked[0]
    assert asked.target == "http://s3.nowhere.example:9000/media/key"
    assert asked.headers["host"] == "s3.nowhere.example:9000"
    assert asked.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert proxy.connections == [0, 0]


def test_tls_goes_through_the_proxy_in_a_tunnel(proxy_free: pytest.MonkeyPatch) -> None:
    with Peer([answer(403)]) as proxy:
        proxy_free.setenv("https_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
        with pytest.raises(StorageUnavailable, match="403"):
            read(make_s3_store(endpoint_url="https://s3.nowhere.example"))

    [asked] = proxy.asked
    assert (asked.method, asked.target) == ("CONNECT", "s3.nowhere.example:443")
    assert asked.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_no_proxy_is_honoured(proxy_free: pytest.MonkeyPatch) -> None:
    with Peer([]) as proxy, Peer([SLICE]) as peer:
        proxy_free.setenv("http_proxy", proxy.url)
        proxy_free.setenv("no_proxy", "127.0.0.1")
        assert read(make_s3_store(endpoint_url=peer.url)) == b"byte"

    assert proxy.asked == []


# --- TLS ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only who has it trusts, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        built.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def serve_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_trusted_certificate_lets_one_connection_carry_many_requests(
    proxy_free: pytest.MonkeyPatch, certificate: Path
) -> None:
    proxy_free.setenv("AWS_CA_BUNDLE", str(certificate))
    with Peer([SLICE, answer(200, etag='"part"'), SLICE], tls=serve_tls(certificate)) as peer:
        store = make_s3_store(endpoint_url=peer.url)
        first = read(store)
        store.put_part(UPLOAD, 1, [bytes(3_000_000)])
        last = read(store)

    assert (first, last) == (b"byte", b"byte")
    assert peer.connections == [0, 0, 0]
    assert len(peer.asked[1].body) == 3_000_000


def test_certificate_that_nobody_vouches_for_is_refused(proxy_free: pytest.MonkeyPatch, certificate: Path) -> None:
    proxy_free.delenv("AWS_CA_BUNDLE", raising=False)
    with Peer([SLICE], tls=serve_tls(certificate)) as peer:
        store = make_s3_store(endpoint_url=peer.url)
        with pytest.raises(StorageRefused, match=r"(?i)certificate"):
            read(store)
        with pytest.raises(StorageRefused, match=r"(?i)certificate"):
            store.delete("media", "key")

    assert peer.asked == []
