"""The bytes: look at, read, put and copy slices of objects, without boto3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bulkdl.errors import StorageRefused
from bulkdl.storage import Bytes, ObjectInfo, ObjectVersion, PartBody, Upload, UploadedPart
from bulkdl.storage.s3.address import encode_key, encode_query
from bulkdl.storage.s3.answers import ANSWER_LIMIT, described, element
from bulkdl.storage.s3.base import S3Access
from bulkdl.storage.s3.checksums import decode_crc32, encode_crc32
from bulkdl.storage.s3.errors import About, Subject, changed, unavailable
from bulkdl.storage.s3.exchange import Request
from bulkdl.storage.s3.wire import Answer, Crawl, MalformedAnswer

_COPY_TIMEOUT_S = 600.0
_PING_TIMEOUT_S = 5.0
_CRAWL = Crawl(window_s=20.0, bytes_per_s=4 * 1024)
"""An answer that crawls is broken off, with what has come: one object must not hold up a job for an hour. Far below
what each of 64 connections gets on any line that is worth using."""
_SLICE_BLOCK = 1024**2
_UNSAID = frozenset({301, 400, 403, 404, 405})
"""Refusals of a HEAD that may mean the object, the bucket, the credentials or the region: it has no body to tell."""


class S3Data(S3Access):
    """The half of the adapter that the transfer lives on: one request each, over `Exchange`."""

    __slots__ = ()

    def ping(self, bucket: str) -> None:
        """API_HeadBucket, with little patience."""
        place, subject = self.addresses.find_bucket(bucket), Subject("reaching the bucket", bucket)
        self._look(Request("HEAD", place, subject, {}, timeout_s=_PING_TIMEOUT_S), encode_query(**{"max-keys": 0}))

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """API_HeadObject, with ChecksumMode where the store keeps a CRC-32."""
        subject = Subject("looking at an object", bucket, key, About.SOURCE)
        headers = {"x-amz-checksum-mode": "ENABLED"} if self.provider.stores_crc32 else {}
        answer = self._look(Request("HEAD", self.addresses.find(bucket, key), subject, headers))
        try:
            return described(bucket, key, answer)
        except MalformedAnswer as exc:
            raise unavailable(subject, exc) from exc

    def read_into(self, version: ObjectVersion, offset: int, target: memoryview) -> int:
        """API_GetObject with Range and If-Match, straight into the target."""
        wanted = len(target)
        if not wanted:
            return 0
        subject = Subject("reading an object", version.bucket, version.key, About.SOURCE)
        asked = f"bytes={offset}-{offset + wanted - 1}"
        headers = {"range": asked, "if-match": version.etag}
        request = Request("GET", self.addresses.find(version.bucket, version.key), subject, headers)
        with self.exchange.send(request) as answer:
            _check_slice(answer, version, offset, wanted, subject)
            received = answer.fill(target, _CRAWL)
        if not received:
            raise unavailable(subject, "the answer ended before its first byte")
        return received

    def put_part(self, upload: Upload, number: int, body: PartBody, *, crc32: int | None = None) -> UploadedPart:
        """API_UploadPart, the chunks sent from where they lie; with a CRC-32 where the store compares it."""
        subject = Subject("putting a part", upload.bucket, upload.key, About.UPLOAD)
        headers = {}
        if crc32 is not None and self.provider.checks_parts:
            headers = {"x-amz-checksum-crc32": encode_crc32(crc32), "x-amz-sdk-checksum-algorithm": "CRC32"}
        with self.exchange.send(self._part_request(upload, number, subject, headers, body=body)) as answer:
            answer.read(ANSWER_LIMIT)
        etag = answer.headers.get("etag")
        if not etag:
            raise unavailable(subject, "the part was answered without an ETag")
        return UploadedPart(number, etag, crc32=decode_crc32(answer.headers.get("x-amz-checksum-crc32")))

    def copy_part(self, upload: Upload, number: int, version: ObjectVersion, offset: int, size: int) -> UploadedPart:
        """API_UploadPartCopy with a range, which may say 200 and then fail: the body decides.

        An answer without an ETag is a failure too: some gateways store an empty part then.
        """
        if "%" in version.key and not self.provider.copies_any_key:
            return self.put_part(upload, number, _Slice(self, version, offset, size))
        subject = Subject("copying a part", version.bucket, version.key, About.SOURCE)
        headers = {
            "x-amz-copy-source": encode_key(f"{version.bucket}/{version.key}"),
            "x-amz-copy-source-range": f"bytes={offset}-{offset + size - 1}",
        }
        if self.provider.copies_if_match:
            headers["x-amz-copy-source-if-match"] = version.etag
        request = self._part_request(upload, number, subject, headers, timeout_s=_COPY_TIMEOUT_S)
        text = self.exchange.read_text(request)
        etag = (element(text, "ETag") or "").strip('"')
        if not etag:
            raise unavailable(subject, "the copy was answered without an ETag")
        # Ceph leaves the quotes out here, and only here.
        return UploadedPart(number, f'"{etag}"', crc32=decode_crc32(element(text, "ChecksumCRC32")))

    def _look(self, request: Request, query_of_get: str = "") -> Answer:
        """The headers that answer a HEAD; where it is refused, the same asked by GET, whose refusal says why."""
        with self.exchange.send(request._replace(expected=_UNSAID)) as answer:
            pass
        if answer.status not in _UNSAID:
            return answer
        headers = {"range": "bytes=0-0"} if request.subject.about is About.SOURCE else {}
        with self.exchange.send(request._replace(method="GET", query=query_of_get, headers=headers)):
            raise unavailable(request.subject, f"HEAD was refused with {answer.status}, and GET was not")

    def _part_request(
        self,
        upload: Upload,
        number: int,
        subject: Subject,
        headers: Mapping[str, str],
        *,
        body: PartBody = (),
        timeout_s: float | None = None,
    ) -> Request:
        query = encode_query(partNumber=number, uploadId=upload.upload_id)
        place = self.addresses.find(upload.bucket, upload.key)
        return Request("PUT", place, subject, headers, query, body, timeout_s)


class _Slice:
    """A slice of an object as a body: read as it is sent, a block at a time."""

    def __init__(self, store: S3Data, version: ObjectVersion, offset: int, size: int) -> None:
        self.size = size
        self._store = store
        self._version = version
        self._offset = offset

    def __iter__(self) -> Iterator[Bytes]:
        block = memoryview(bytearray(min(self.size, _SLICE_BLOCK)))
        done = 0
        while done < self.size:
            received = self._store.read_into(self._version, self._offset + done, block[: self.size - done])
            yield block[:received]
            done += received


def _check_slice(answer: Answer, version: ObjectVersion, offset: int, wanted: int, subject: Subject) -> None:
    """The answer must be about the version that was looked at, and begin where it was asked to.

    A store that answers 200 is believed if it says which bytes it sends, or sends all when all were wanted.
    """
    etag = answer.headers.get("etag")
    if etag is not None and etag != version.etag and _bare(etag) != _bare(version.etag):
        raise changed(subject, f"ETag {etag} instead of {version.etag}")
    told = answer.headers.get("content-range")
    if told == f"bytes {offset}-{offset + wanted - 1}/{version.size}" and answer.length == wanted:
        return
    if told is None:
        first, last, total = 0, (answer.length or 0) - 1, answer.length
    else:
        first, last, total = _parse_content_range(told)
    if total is not None and total != version.size:
        raise changed(subject, f"{total} bytes instead of {version.size}")
    if told is None and (offset, wanted) != (0, version.size):
        raise StorageRefused(f"{subject.action} in bucket {subject.bucket!r}: the store does not serve ranges.")
    if first != offset or last >= offset + wanted or answer.length not in (None, last - first + 1):
        raise unavailable(subject, f"{told!r} in {answer.length} bytes was sent for {wanted} bytes from {offset}")


def _parse_content_range(told: str) -> tuple[int, int, int | None]:
    """First and last byte, and the whole size unless that is `*` (RFC 9110 §14.4)."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told)
    if found is None:
        raise MalformedAnswer(f"a content range of {told[:80]!r}")
    return int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])


def _bare(etag: str) -> str:
    """Without quotes, and without the mark of a weak ETag that proxies add."""
    return etag.removeprefix("W/").strip('"')
