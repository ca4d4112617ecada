"""The media that jobs are about: put straight into the store, every version remembered for the oracle."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bulkdl.database import Database
from bulkdl.jobs.catalogue import asset_id_of
from bulkdl.jobs.models import Asset
from bulkdl.jobs.store import catalogue
from bulkdl.jobs.store.clock import utc_now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROJECT = "demo"


@dataclass(frozen=True, slots=True)
class Version:
    """What an object held at one time."""

    content: bytes
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Media:
    """One file of the library."""

    asset_id: str
    name: str
    key: str
    size: int


class Library:
    """Files of a project, in a bucket and in the catalogue."""

    def __init__(self, client: S3Client, database: Database, bucket: str) -> None:
        self._client = client
        self.bucket = bucket
        self._database = database
        self._lock = threading.Lock()
        self.versions: dict[tuple[str, str], Version] = {}
        """By key and ETag."""

    def add(self, name: str, content: bytes) -> Media:
        """Put a file into the bucket and the catalogue."""
        key = f"originals/{name}"
        etag = self.put(key, content)
        asset = Asset(
            id=asset_id_of(PROJECT, self.bucket, key),
            project_id=PROJECT,
            name=name,
            bucket=self.bucket,
            key=key,
            size=len(content),
            etag=etag,
            content_type="image/jpeg",
            modified_at=None,
            created_at=utc_now(),
        )
        with self._database.session() as session:
            catalogue.save_assets(session, [asset])
            session.commit()
        return Media(asset.id, name, key, len(content))

    def put(self, key: str, content: bytes) -> str:
        """Write an object, or overwrite it; its ETag."""
        with self._lock:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=content)
            told = self._client.head_object(Bucket=self.bucket, Key=key)
            self.versions[key, told["ETag"]] = Version(content, told["LastModified"])
            return told["ETag"]

    def delete(self, key: str) -> None:
        """Take an object out of the bucket; the catalogue does not learn of it."""
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def add_set(self, label: str, sizes: list[int], *, seed: int = 0) -> list[Media]:
        """Files of these sizes with bytes of their own."""
        dice = random.Random(f"{seed}/{label}")
        return [self.add(f"{label}/{number:03}.jpg", dice.randbytes(size)) for number, size in enumerate(sizes)]


def some_sizes(total: int, *, seed: int, largest: int = 2_000_000, smallest: int = 100_000) -> list[int]:
    """Sizes of photographs that make about `total` bytes."""
    dice = random.Random(seed)
    sizes: list[int] = []
    while sum(sizes) < total:
        sizes.append(dice.randint(smallest, largest))
    return sizes
