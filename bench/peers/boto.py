"""The S3 ends of the Python peers: boto3, objects fetched ahead, parts stored behind, ten requests at once each.

boto3 is told not to hash bodies (`payload_signing_enabled`) nor to add checksums, which is the best it allows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from bench.peers.protocol import Task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MODIFIED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SMALL = 8 * 1024**2
"""Up to this size an object is fetched ahead as a whole; of a larger one only the answer is opened."""
_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Source:
    """A file and its bytes, already here or still to be read."""

    name: str
    size: int
    chunks: Iterable[bytes]


def make_client(task: Task) -> S3Client:
    """A client that has spoken to the store once."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        max_pool_connections=4 * task.concurrency,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: S3Client = boto3.client("s3", endpoint_url=task.endpoint, region_name=task.region, config=config)
    client.get_object(Bucket=task.source_bucket, Key=task.files[0]["key"], Range="bytes=0-0")["Body"].read()
    return client


def sources(client: S3Client, task: Task) -> Iterator[Source]:
    """Every file in order, `task.concurrency` of them asked for ahead."""
    with ThreadPoolExecutor(task.concurrency) as pool:
        ahead: deque[Future[Source]] = deque()
        for file in task.files:
            ahead.append(pool.submit(_open, client, task, file))
            if len(ahead) >= task.concurrency:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _open(client: S3Client, task: Task, file: dict[str, Any]) -> Source:
    body = client.get_object(Bucket=task.source_bucket, Key=file["key"])["Body"]
    chunks = [body.read()] if file["size"] <= _SMALL else body.iter_chunks(_CHUNK)
    return Source(file["name"], file["size"], chunks)


class PartsWriter:
    """A file to be written from start to end that becomes a multipart upload, parts stored in the background."""

    def __init__(self, client: S3Client, task: Task) -> None:
        self._client = client
        self._task = task
        self._pool = ThreadPoolExecutor(task.concurrency)
        self._waiting: deque[Future[str]] = deque()
        self._etags: list[str] = []
        self._part = bytearray(task.part_size)
        self._filled = 0
        self._count = 0
        self.upload_id = client.create_multipart_upload(Bucket=task.archive_bucket, Key=task.archive_key)["UploadId"]

    def write(self, data: bytes) -> int:
        """Take bytes in; waits while `concurrency` parts are on their way."""
        rest = memoryview(data)
        while rest:
            taken = rest[: len(self._part) - self._filled]
            self._part[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rest = rest[len(taken) :]
            if self._filled == len(self._part):
                self._store(self._part)
                self._part, self._filled = bytearray(self._task.part_size), 0
        return len(data)

    def flush(self) -> None:
        """Nothing: zipfile asks for it."""

    def finish(self) -> dict[str, object]:
        """Store what is left and complete the upload."""
        if self._filled:
            self._store(self._part[: self._filled])
        self._etags += [future.result() for future in self._waiting]
        self._pool.shutdown()
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(self._etags, 1)]
        self._client.complete_multipart_upload(
            Bucket=self._task.archive_bucket,
            Key=self._task.archive_key,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
        )
        return {"uploadId": self.upload_id}

    def _store(self, body: bytearray) -> None:
        self._count += 1
        self._waiting.append(self._pool.submit(self._put, self._count, body))
        if len(self._waiting) > self._task.concurrency:
            self._etags.append(self._waiting.popleft().result())

    def _put(self, number: int, body: bytearray) -> str:
        answer = self._client.upload_part(
            Bucket=self._task.archive_bucket,
            Key=self._task.archive_key,
            UploadId=self.upload_id,
            PartNumber=number,
            Body=body,  # type: ignore[arg-type]  # it takes any buffer
        )
        return answer["ETag"]
