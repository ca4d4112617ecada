"""Signatures and addresses against botocore's own."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from bulkdl.storage.s3.address import AddressBook, encode_query
from bulkdl.storage.s3.clients import Addressing
from bulkdl.storage.s3.signing import UNSIGNED_PAYLOAD, Signer

NOW = datetime(2026, 11, 26, 23, 59, 58, tzinfo=UTC)
REGION = "eu-central-1"
KEYS = [
    "plain.jpg",
    "with space",
    "plus+and%and%2F",
    "ünï/日本語/🎞.mp4",
    "double//slash",
    "/leading",
    "../above/./here",
    "trailing/",
    "tilde~_-.",
    "!*'()&$@=;:,?#[]{}|\\^`<>\"",
    "new\nline\tand\x01control",
]


class UnhashedS3SigV4Auth(S3SigV4Auth):
    """botocore's signer, told not to hash the body (which it only lets TLS do)."""

    def payload(self, request: AWSRequest) -> str:
        return UNSIGNED_PAYLOAD


def sign_by_botocore(
    credentials: ReadOnlyCredentials, method: str, url: str, headers: dict[str, str]
) -> dict[str, str]:
    request = AWSRequest(method, url, headers=headers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
        UnhashedS3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40).map(str.strip)


@given(
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
    key=text,
    upload_id=st.none() | text,
    extra=st.dictionaries(st.sampled_from(["range", "if-match", "x-amz-copy-source", "x-amz-meta-a"]), printable),
    token=st.none() | st.just("session/token+="),
)
def test_every_signature_is_botocores(
    method: str, key: str, upload_id: str | None, extra: dict[str, str], token: str | None
) -> None:
    credentials = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    place = AddressBook("https://s3.example.com:9000/base", "path").find("bucket", key)
    query = encode_query(partNumber=7, uploadId=upload_id) if upload_id else ""
    headers = {"host": place.origin.authority, **extra}

    signed = Signer(lambda: credentials, REGION).sign(method, place.path, query, headers, now_s=NOW.timestamp())

    url = f"https://{place.origin.authority}{place.path}" + (f"?{query}" if query else "")
    assert signed == sign_by_botocore(credentials, method, url, headers)


def test_signing_key_follows_the_day_and_the_secret() -> None:
    current = [ReadOnlyCredentials("one", "first secret", None)]
    signer = Signer(lambda: current[0], REGION)

    def sign(day: int) -> dict[str, str]:
        return signer.sign("GET", "/b/k", "", {"host": "h"}, now_s=NOW.timestamp() + day * 86_400)

    first, same, tomorrow = sign(0), sign(0), sign(1)
    current[0] = ReadOnlyCredentials("two", "second secret", "token")
    renewed = sign(0)

    assert first == same
    assert len({answer["authorization"] for answer in (first, tomorrow, renewed)}) == 3
    assert renewed["x-amz-security-token"] == "token"
    assert renewed == sign_by_botocore(current[0], "GET", "http://h/b/k", {"host": "h"})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("endpoint", "addressing", "bucket"),
    [
        ("http://127.0.0.1:9000", "path", "media"),
        ("http://127.0.0.1:80", "path", "media"),
        ("https://s3.example.com", "path", "dotted.bucket"),
        ("https://s3.example.com", "virtual", "media"),
        ("https://s3.example.com:8443", "virtual", "media"),
        ("https://s3.eu-central-1.amazonaws.com", "virtual", "media"),
    ],
)
def test_every_address_is_botocores(endpoint: str, addressing: Addressing, bucket: str, key: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="a",
        aws_secret_access_key="s",
        config=Config(signature_version="s3v4", s3={"addressing_style": addressing}),
    )
    theirs = urlsplit(client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}))

    ours = AddressBook(endpoint, addressing).find(bucket, key)

    assert (ours.origin.scheme, ours.path) == (theirs.scheme, theirs.path)
    assert (ours.origin.host, ours.origin.port) == (
        theirs.hostname,
        theirs.port or {"http": 80, "https": 443}[theirs.scheme],
    )
    client.close()


@pytest.mark.parametrize("bucket", ["Upper_Case", "dotted.bucket", "a/b", "x" * 64, "-a", "evil.example.com/#"])
def test_bucket_that_is_no_host_name_goes_into_the_path(bucket: str) -> None:
    place = AddressBook("https://s3.example.com", "virtual").find(bucket, "key")

    assert place.origin.host == "s3.example.com"
    assert place.path.count("/") == 2


def test_bucket_without_key_has_a_place() -> None:
    assert AddressBook("http://h", "path").find_bucket("media").path == "/media"
    assert AddressBook("http://h", "virtual").find_bucket("media").path == "/"


def test_ipv6_address_stands_in_brackets_only_where_it_must() -> None:
    origin = AddressBook("http://[::1]:9000", "path").find_bucket("media").origin

    assert (origin.host, origin.port, origin.authority) == ("::1", 9000, "[::1]:9000")


@pytest.mark.parametrize("endpoint", ["ftp://host", "host:9000", "", "http://"])
def test_endpoint_that_is_no_address_is_an_error(endpoint: str) -> None:
    with pytest.raises(ValueError):
        AddressBook(endpoint, "path")
