"""Object storage as this system needs it: the port, its values and its limits.

Adapters: `storage.s3` (S3, R2, MinIO, B2, Ceph) and `storage.memory`; both pass the contract
suite in `tests/integration/test_storage_contract.py`. Sizes and offsets are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bulkdl.storage.providers import Provider

MIN_PART_SIZE = 5 * 1024**2
"""Of every part but the last (S3: Amazon S3 multipart upload limits)."""
MAX_PART_SIZE = 5 * 1024**3
MAX_PARTS = 10_000

Bytes = bytes | bytearray | memoryview


class SizedBody(Protocol):
    """A part's bytes made while they are sent: at most one chunk of a large part need be in memory.

    Iterated at most once per `put_part`; chunks may be of any size and are used up before the next is
    asked for, so a buffer may be filled again. An exception raised while iterating ends the request
    and reaches the caller unchanged; so does, as `StorageError`, a sum other than `size`.
    """

    @property
    def size(self) -> int:
        """Of the whole part, known before the first byte is sent."""
        ...

    def __iter__(self) -> Iterator[Bytes]: ...


PartBody = Sequence[Bytes] | SizedBody


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One object as it was looked at: every later read insists on this ETag and size."""

    bucket: str
    key: str
    size: int
    etag: str
    """Quotes included, as the store sends it."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a HEAD or a listing tells about an object."""

    version: ObjectVersion
    modified_at: datetime
    """Aware, UTC."""
    content_type: str | None = None
    crc32: int | None = None
    """Of the whole object, only where the store keeps exactly that (never of a composite checksum)."""
    is_archived: bool = False
    """True in a storage class that must be restored before it can be read."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """An open multipart upload."""

    bucket: str
    key: str
    upload_id: str


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """An open multipart upload as a listing shows it."""

    upload: Upload
    initiated_at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that the store holds."""

    number: int
    """From 1 to `MAX_PARTS`."""
    etag: str
    size: int | None = None
    """As the store counts it; None where its answer does not say (PUT, copy)."""
    crc32: int | None = None
    """As the store computed it, where it does."""


class ObjectStore(Protocol):
    """A bucket service. Every method is safe to call from many threads, and is one attempt: callers retry.

    Errors: `ObjectNotFound`, `ObjectForbidden`, `ObjectChanged`, `ObjectArchived` for one object that
    cannot be read; `UploadNotFound`; `StorageUnavailable` for what another try may mend (connection,
    time-out, 5xx, throttling); `StorageRefused` for the rest.
    """

    @property
    def provider(self) -> Provider:
        """What this store can do."""
        ...

    def ping(self, bucket: str) -> None:
        """Raise unless the bucket can be reached with these credentials."""
        ...

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Size, ETag, dates and, where stored, CRC-32 of one object."""
        ...

    def read_into(self, version: ObjectVersion, offset: int, target: memoryview) -> int:
        """Fill `target` with the object's bytes from `offset`; return how many arrived.

        Fewer than `len(target)` means that the connection broke after some bytes: go on behind them.
        Never returns 0 for a non-empty target and never bytes of another version (If-Match).
        """
        ...

    def list_objects(self, bucket: str, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Every object below the prefix, in the order of the keys' UTF-8 bytes, beginning behind the key `start_after`.

        Asks for a page of up to 1,000 only when it is reached. No CRC-32, no metadata, no content type.
        """
        ...

    def put(self, bucket: str, key: str, body: Bytes, *, content_type: str) -> ObjectVersion:
        """Write one small object whole."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Delete the object; no error when there is none."""
        ...

    def presign(self, bucket: str, key: str, *, expires_s: int, file_name: str, content_type: str) -> str:
        """A URL by which anyone may GET the object as an attachment for `expires_s` seconds (RFC 6266 name)."""
        ...

    def create_upload(
        self, bucket: str, key: str, *, file_name: str, content_type: str, metadata: Mapping[str, str]
    ) -> Upload:
        """Open a multipart upload for an object that downloads as `file_name`."""
        ...

    def put_part(self, upload: Upload, number: int, body: PartBody, *, crc32: int | None = None) -> UploadedPart:
        """Store the concatenation of `body` as one part; putting the same number again replaces it.

        `crc32` is that of the whole part, sent for the store to check where it can.
        """
        ...

    def copy_part(self, upload: Upload, number: int, version: ObjectVersion, offset: int, size: int) -> UploadedPart:
        """Store a slice of an object as one part without moving bytes through this process."""
        ...

    def list_parts(self, upload: Upload) -> Iterator[UploadedPart]:
        """The parts held so far, by number, with their sizes."""
        ...

    def complete_upload(self, upload: Upload, parts: Sequence[UploadedPart], *, size: int, crc32: int) -> None:
        """Make the object out of its parts (all of them, ascending). `size` and `crc32` are the whole object's,
        for the store to check where it can. An answer that got lost shows as `StorageUnavailable`, or as
        `UploadNotFound` at the next try: look at the key before believing either."""
        ...

    def abort_upload(self, upload: Upload) -> None:
        """Drop the upload and its parts; no error when it is gone."""
        ...

    def list_uploads(self, bucket: str, prefix: str) -> Iterator[PendingUpload]:
        """Every open multipart upload below the prefix."""
        ...

    def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket unless it is there (demo, tests: production brings its own)."""
        ...

    def ensure_lifecycle(self, bucket: str, prefix: str, *, expire_days: int, abort_days: int) -> bool:
        """Write the rules that delete archives and abort uploads below the prefix, beside the bucket's others.

        Return False when they stood already. A second line behind the sweeps, which act to the minute.
        """
        ...

    def close(self) -> None:
        """Close idle connections."""
        ...
