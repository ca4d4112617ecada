"""Object storage for tests: moto's server, or the one that BULKDL_TEST_S3_ENDPOINT names."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from tests.services.processes import Process, free_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"


@pytest.fixture(scope="session", autouse=True)
def s3_credentials() -> Iterator[None]:
    """Credentials in the environment, where boto3 looks for them: the given ones, else any."""
    with pytest.MonkeyPatch.context() as patch:
        if "BULKDL_TEST_S3_ENDPOINT" not in os.environ:
            patch.setenv("AWS_ACCESS_KEY_ID", "testing")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
            patch.delenv("AWS_SESSION_TOKEN", raising=False)
            patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def moto_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a moto server: functional, in memory, checks neither signatures nor checksums."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = Process(command, log_path=tmp_path_factory.mktemp("moto") / "server.log")
    try:
        process.wait_for_port(port, timeout_s=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


@pytest.fixture(scope="session")
def given_s3_endpoint() -> str:
    """The address in BULKDL_TEST_S3_ENDPOINT, credentials in the usual AWS_ variables; skips without it."""
    endpoint = os.environ.get("BULKDL_TEST_S3_ENDPOINT")
    if not endpoint:
        pytest.skip("BULKDL_TEST_S3_ENDPOINT names no S3 server.")
    return endpoint


@pytest.fixture(scope="session")
def s3_endpoint(request: pytest.FixtureRequest) -> str:
    """The given server, else moto's."""
    if os.environ.get("BULKDL_TEST_S3_ENDPOINT"):
        return str(request.getfixturevalue("given_s3_endpoint"))
    return str(request.getfixturevalue("moto_endpoint"))


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str) -> Iterator[S3Client]:
    """boto3's own client of `s3_endpoint`: for arranging and judging, not the code under test."""
    client = make_s3_client(s3_endpoint)
    yield client
    client.close()


@pytest.fixture
def bucket(s3_client: S3Client) -> Iterator[str]:
    """A fresh bucket, deleted with all that is in it."""
    with fresh_bucket(s3_client) as name:
        yield name


@contextmanager
def fresh_bucket(s3_client: S3Client) -> Iterator[str]:
    """A bucket for the block."""
    name = f"bulkdl-test-{secrets.token_hex(6)}"
    s3_client.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        delete_bucket(s3_client, name)


def make_s3_client(endpoint: str, *, access_key_id: str | None = None, secret_key: str | None = None) -> S3Client:
    """A plain boto3 client, path style, newest signature; with the environment's credentials unless given others."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 3},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_key,
        config=config,
    )
    return client


def delete_bucket(client: S3Client, name: str) -> None:
    """Delete the bucket, its objects and its open uploads."""
    empty_bucket(client, name)
    client.delete_bucket(Bucket=name)


def empty_bucket(client: S3Client, name: str) -> None:
    """Delete its objects and its open uploads."""
    for upload in list_uploads(client, name):
        client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]


def list_uploads(client: S3Client, bucket: str) -> list[dict[str, str]]:
    """Every open multipart upload of the bucket, as `Key` and `UploadId`."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    return [
        {"Key": upload["Key"], "UploadId": upload["UploadId"]} for page in pages for upload in page.get("Uploads", [])
    ]
