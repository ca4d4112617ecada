"""The in-process adapter as one object."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from bulkdl.errors import StorageRefused, StorageUnavailable, UploadNotFound
from bulkdl.storage import (
    MAX_PARTS,
    MIN_PART_SIZE,
    Bytes,
    ObjectInfo,
    ObjectVersion,
    PartBody,
    PendingUpload,
    Upload,
    UploadedPart,
)
from bulkdl.storage.disposition import attachment
from bulkdl.storage.memory.shelf import Shelf, changed, etag_of, etag_of_parts
from bulkdl.storage.providers import AWS, Provider


@dataclass(slots=True)
class _OpenUpload:
    pending: PendingUpload
    content_type: str
    metadata: Mapping[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryStore:
    """Objects and uploads in dictionaries. It can do what its provider profile says, and no more.

    `min_part_size` lets tests use small parts. `freeze` and `forbid` make an object unreadable.
    """

    def __init__(
        self,
        buckets: Iterable[str] = ("media", "archives"),
        *,
        provider: Provider = AWS,
        min_part_size: int = MIN_PART_SIZE,
    ) -> None:
        self.provider = provider
        self._min_part_size = min_part_size
        self._shelf = Shelf(buckets)
        self._uploads: dict[str, _OpenUpload] = {}
        self._upload_count = 0
        self._lifecycles: dict[tuple[str, str], tuple[int, int]] = {}
        self._lock = threading.RLock()

    # --- objects ---

    def ping(self, bucket: str) -> None:
        with self._lock:
            self._shelf.bucket(bucket)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        with self._lock:
            info = self._shelf.find(bucket, key).info
        return info if self.provider.stores_crc32 else replace(info, crc32=None)

    def read_into(self, version: ObjectVersion, offset: int, target: memoryview) -> int:
        if not len(target):
            return 0
        if offset < 0 or offset + len(target) > version.size:
            raise ValueError(f"{len(target)} bytes from {offset} are not a slice of {version.size} bytes.")
        with self._lock:
            data = self._shelf.same(version).data
        target[:] = data[offset : offset + len(target)]
        return len(target)

    def list_objects(self, bucket: str, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        with self._lock:
            # By code points, which is the order of their UTF-8 bytes.
            found = sorted(
                (
                    (key, o.info)
                    for key, o in self._shelf.bucket(bucket).items()
                    if key.startswith(prefix) and key > start_after
                ),
                key=lambda pair: pair[0],
            )
        for _, info in found:
            yield replace(info, crc32=None, content_type=None, metadata={})

    def put(self, bucket: str, key: str, body: Bytes, *, content_type: str) -> ObjectVersion:
        data = bytes(body)
        with self._lock:
            return self._shelf.keep(bucket, key, data, etag=etag_of(data), content_type=content_type, metadata={})

    def delete(self, bucket: str, key: str) -> None:
        with self._lock:
            self._shelf.bucket(bucket).pop(key, None)

    def presign(self, bucket: str, key: str, *, expires_s: int, file_name: str, content_type: str) -> str:
        query = {
            "expires": expires_s,
            "response-content-disposition": attachment(file_name),
            "response-content-type": content_type,
        }
        return f"memory://{bucket}/{quote(key)}?{urlencode(query)}"

    # --- uploads ---

    def create_upload(
        self, bucket: str, key: str, *, file_name: str, content_type: str, metadata: Mapping[str, str]
    ) -> Upload:
        with self._lock:
            self._shelf.bucket(bucket)
            self._upload_count += 1
            upload = Upload(bucket, key, f"upload-{self._upload_count}")
            pending = PendingUpload(upload, datetime.now(UTC))
            self._uploads[upload.upload_id] = _OpenUpload(pending, content_type, dict(metadata))
        return upload

    def put_part(self, upload: Upload, number: int, body: PartBody, *, crc32: int | None = None) -> UploadedPart:
        data = b"".join(bytes(chunk) for chunk in body)
        if not isinstance(body, Sequence) and body.size != len(data):
            raise StorageUnavailable(f"Part {number} has {len(data)} bytes where {body.size} were announced.")
        if self.provider.checks_parts and crc32 is not None and crc32 != zlib.crc32(data):
            raise StorageUnavailable(f"Part {number} arrived with another CRC-32 than it was sent with.")
        return self._keep_part(upload, number, data, tells_crc32=self.provider.checks_parts)

    def copy_part(self, upload: Upload, number: int, version: ObjectVersion, offset: int, size: int) -> UploadedPart:
        if not self.provider.copies_ranges:
            raise StorageRefused("This store copies no ranges.")
        with self._lock:
            if self.provider.copies_if_match:
                data = self._shelf.same(version).data
            else:
                data = self._shelf.readable(version.bucket, version.key).data
        if size <= 0 or offset + size > len(data):
            raise changed(version)
        part = data[offset : offset + size]
        return self._keep_part(upload, number, part, tells_crc32=self.provider.copies_with_crc32)

    def list_parts(self, upload: Upload) -> Iterator[UploadedPart]:
        with self._lock:
            parts = sorted(self._upload(upload).parts.items())
        for number, data in parts:
            yield UploadedPart(number, etag_of(data), len(data))

    def complete_upload(self, upload: Upload, parts: Sequence[UploadedPart], *, size: int, crc32: int) -> None:
        with self._lock:
            state = self._upload(upload)
            pieces = [_named_part(state, part) for part in parts]
            self._check_sizes([part.number for part in parts], [len(piece) for piece in pieces])
            data = b"".join(pieces)
            if self.provider.checks_whole and (len(data), zlib.crc32(data)) != (size, crc32):
                raise StorageRefused("The parts do not make an object of the announced size and CRC-32.")
            self._shelf.keep(
                upload.bucket,
                upload.key,
                data,
                etag=etag_of_parts(pieces),
                content_type=state.content_type,
                metadata=state.metadata,
            )
            del self._uploads[upload.upload_id]

    def abort_upload(self, upload: Upload) -> None:
        with self._lock, suppress(UploadNotFound):
            self._upload(upload)
            del self._uploads[upload.upload_id]

    def list_uploads(self, bucket: str, prefix: str) -> Iterator[PendingUpload]:
        with self._lock:
            self._shelf.bucket(bucket)
            found = [state.pending for state in self._uploads.values()]
        found.sort(key=lambda pending: (pending.upload.key, pending.initiated_at))
        yield from (p for p in found if p.upload.bucket == bucket and p.upload.key.startswith(prefix))

    # --- the bucket ---

    def ensure_bucket(self, bucket: str) -> None:
        with self._lock:
            self._shelf.add_bucket(bucket)

    def ensure_lifecycle(self, bucket: str, prefix: str, *, expire_days: int, abort_days: int) -> bool:
        with self._lock:
            self._shelf.bucket(bucket)
            before = self._lifecycles.get((bucket, prefix))
            self._lifecycles[bucket, prefix] = (expire_days, abort_days)
        return before != (expire_days, abort_days)

    def close(self) -> None:
        """Nothing is open."""

    # --- for tests ---

    def freeze(self, bucket: str, key: str) -> None:
        """Move the object to a storage class that must be restored first."""
        with self._lock:
            found = self._shelf.find(bucket, key)
            found.info = replace(found.info, is_archived=True)

    def forbid(self, bucket: str, key: str) -> None:
        """Take the credentials' right to read the object."""
        with self._lock:
            self._shelf.find(bucket, key).is_forbidden = True

    def content(self, bucket: str, key: str) -> bytes:
        """The object's bytes, for assertions."""
        with self._lock:
            return self._shelf.find(bucket, key).data

    # --- helpers ---

    def _upload(self, upload: Upload) -> _OpenUpload:
        state = self._uploads.get(upload.upload_id)
        if state is None or state.pending.upload != upload:
            raise UploadNotFound(f"There is no upload {upload.upload_id!r} of {upload.key!r}.")
        return state

    def _keep_part(self, upload: Upload, number: int, data: bytes, *, tells_crc32: bool) -> UploadedPart:
        if not 1 <= number <= MAX_PARTS:
            raise StorageRefused(f"Part {number} is not from 1 to {MAX_PARTS}.")
        with self._lock:
            self._upload(upload).parts[number] = data
        return UploadedPart(number, etag_of(data), crc32=zlib.crc32(data) if tells_crc32 else None)

    def _check_sizes(self, numbers: list[int], sizes: list[int]) -> None:
        if not numbers or numbers != sorted(set(numbers)):
            raise StorageRefused("The parts must be given once each, ascending.")
        if any(size < self._min_part_size for size in sizes[:-1]):
            raise StorageRefused(f"A part other than the last is smaller than {self._min_part_size} bytes.")
        if self.provider.wants_equal_parts and (len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]):
            raise StorageRefused("All parts but the last must have the same size.")


def _named_part(state: _OpenUpload, part: UploadedPart) -> bytes:
    data = state.parts.get(part.number)
    if data is None or etag_of(data) != part.etag:
        raise StorageRefused(f"Part {part.number} is not there with the ETag {part.etag}.")
    return data
