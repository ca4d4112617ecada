"""Buckets and their objects in dictionaries."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5

from bulkdl.errors import ObjectArchived, ObjectChanged, ObjectForbidden, ObjectNotFound, StorageRefused
from bulkdl.storage import ObjectInfo, ObjectVersion


@dataclass(slots=True)
class StoredObject:
    """An object as it stands."""

    info: ObjectInfo
    data: bytes
    is_forbidden: bool = False


class Shelf:
    """Finds and keeps objects, and refuses as S3 would. The caller holds the lock."""

    def __init__(self, buckets: Iterable[str]) -> None:
        self._buckets: dict[str, dict[str, StoredObject]] = {bucket: {} for bucket in buckets}

    def add_bucket(self, bucket: str) -> None:
        self._buckets.setdefault(bucket, {})

    def bucket(self, bucket: str) -> dict[str, StoredObject]:
        try:
            return self._buckets[bucket]
        except KeyError:
            raise StorageRefused(f"There is no bucket {bucket!r}.") from None

    def find(self, bucket: str, key: str) -> StoredObject:
        found = self.bucket(bucket).get(key)
        if found is None:
            raise ObjectNotFound(f"There is no object {key!r} in bucket {bucket!r}.", bucket=bucket, key=key)
        if found.is_forbidden:
            raise ObjectForbidden(f"The object {key!r} may not be read.", bucket=bucket, key=key)
        return found

    def readable(self, bucket: str, key: str) -> StoredObject:
        found = self.find(bucket, key)
        if found.info.is_archived:
            raise ObjectArchived(f"The object {key!r} must be restored first.", bucket=bucket, key=key)
        return found

    def same(self, version: ObjectVersion) -> StoredObject:
        """The object, if it is still the one that was looked at."""
        found = self.readable(version.bucket, version.key)
        if (found.info.version.etag, found.info.version.size) != (version.etag, version.size):
            raise changed(version)
        return found

    def keep(
        self, bucket: str, key: str, data: bytes, *, etag: str, content_type: str, metadata: Mapping[str, str]
    ) -> ObjectVersion:
        version = ObjectVersion(bucket, key, len(data), etag)
        info = ObjectInfo(version, datetime.now(UTC), content_type, zlib.crc32(data), metadata=dict(metadata))
        self.bucket(bucket)[key] = StoredObject(info, data)
        return version


def changed(version: ObjectVersion) -> ObjectChanged:
    message = f"The object {version.key!r} is no longer the one that was looked at."
    return ObjectChanged(message, bucket=version.bucket, key=version.key)


def etag_of(data: bytes) -> str:
    """Of an object put whole, or of a part: its MD5 in quotes."""
    return f'"{_digest(data).hex()}"'


def etag_of_parts(pieces: Iterable[bytes]) -> str:
    """Of a completed upload: the MD5 of its parts' MD5s, and their number."""
    digests = [_digest(piece) for piece in pieces]
    return f'"{_digest(b"".join(digests)).hex()}-{len(digests)}"'


def _digest(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()
