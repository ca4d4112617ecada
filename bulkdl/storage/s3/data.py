"""The bytes: look at, read, put and copy slices of objects."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from bulkdl.errors import StorageUnavailable
from bulkdl.storage import ObjectInfo, ObjectVersion, PartBody, Upload, UploadedPart
from bulkdl.storage.s3.base import S3Access, decode_crc32, encode_crc32
from bulkdl.storage.s3.errors import Subject, changed, unavailable
from bulkdl.storage.s3.objects import FROZEN_CLASSES
from bulkdl.storage.s3.vendor import translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        HeadObjectRequestTypeDef,
        UploadPartCopyRequestTypeDef,
        UploadPartRequestTypeDef,
    )


class S3Data(S3Access):
    """The half of the adapter that the transfer lives on."""

    __slots__ = ()

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """API_HeadObject."""
        request: HeadObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
        if self.provider.stores_crc32:
            request["ChecksumMode"] = "ENABLED"
        with translated(Subject("looking at an object", bucket, key, is_read=True)):
            answer = self.clients.patient.head_object(**request)
        return ObjectInfo(
            ObjectVersion(bucket, key, answer["ContentLength"], answer["ETag"]),
            modified_at=answer["LastModified"].astimezone(UTC),
            content_type=answer.get("ContentType"),
            crc32=decode_crc32(answer.get("ChecksumCRC32"), answer.get("ChecksumType")),
            is_archived=answer.get("StorageClass") in FROZEN_CLASSES
            and 'ongoing-request="false"' not in answer.get("Restore", ""),
            metadata=answer.get("Metadata", {}),
        )

    def read_into(self, version: ObjectVersion, offset: int, target: memoryview) -> int:
        """API_GetObject with Range and If-Match."""
        wanted = len(target)
        subject = Subject("reading an object", version.bucket, version.key, is_read=True)
        with translated(subject):
            answer = self.clients.patient.get_object(
                Bucket=version.bucket,
                Key=version.key,
                Range=f"bytes={offset}-{offset + wanted - 1}",
                IfMatch=version.etag,
            )
        told = f"bytes {offset}-{offset + wanted - 1}/{version.size}"
        if answer.get("ContentRange") != told or answer["ContentLength"] != wanted or answer["ETag"] != version.etag:
            answer["Body"].close()
            raise changed(subject, f"{answer.get('ContentRange')!r} of {answer['ETag']} was sent for {told!r}")
        received = 0
        with answer["Body"]:
            try:
                with translated(subject):
                    while received < wanted and (count := answer["Body"].readinto(target[received:])):  # type: ignore[arg-type]
                        received += count
            except StorageUnavailable:
                if not received:
                    raise
        if not received:
            raise unavailable(subject, "the answer ended before its first byte")
        return received

    def put_part(self, upload: Upload, number: int, body: PartBody, *, crc32: int | None = None) -> UploadedPart:
        """API_UploadPart."""
        request: UploadPartRequestTypeDef = {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            "PartNumber": number,
            "Body": b"".join(bytes(chunk) for chunk in body),
        }
        if crc32 is not None and self.provider.checks_parts:
            request["ChecksumCRC32"] = encode_crc32(crc32)
        with translated(Subject("putting a part", upload.bucket, upload.key)):
            answer = self.clients.patient.upload_part(**request)
        return UploadedPart(number, answer["ETag"], crc32=decode_crc32(answer.get("ChecksumCRC32")))

    def copy_part(self, upload: Upload, number: int, version: ObjectVersion, offset: int, size: int) -> UploadedPart:
        """API_UploadPartCopy, which may say 200 and then fail: botocore reads the body and raises."""
        subject = Subject("copying a part", version.bucket, version.key, is_read=True)
        request: UploadPartCopyRequestTypeDef = {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            "PartNumber": number,
            "CopySource": {"Bucket": version.bucket, "Key": version.key},
            "CopySourceRange": f"bytes={offset}-{offset + size - 1}",
        }
        if self.provider.copies_if_match:
            request["CopySourceIfMatch"] = version.etag
        with translated(subject):
            answer = self.clients.patient.upload_part_copy(**request)
        result = answer.get("CopyPartResult", {})
        if not result.get("ETag"):
            raise unavailable(subject, "the copy was answered without an ETag")
        # Ceph leaves out the quotes here, and only here.
        etag = '"' + result["ETag"].strip('"') + '"'
        return UploadedPart(number, etag, crc32=decode_crc32(result.get("ChecksumCRC32")))
