"""Multipart uploads by boto3: create, complete, abort, list. Parts themselves go through `data`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from typing import TYPE_CHECKING

from bulkdl.errors import StorageRefused, StorageUnavailable, UploadNotFound
from bulkdl.storage import PendingUpload, Upload, UploadedPart
from bulkdl.storage.disposition import attachment
from bulkdl.storage.s3.base import S3Access
from bulkdl.storage.s3.checksums import encode_crc32
from bulkdl.storage.s3.errors import About, Subject
from bulkdl.storage.s3.vendor import translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadRequestTypeDef,
        CreateMultipartUploadRequestTypeDef,
    )


class S3Uploads(S3Access):
    """The half of the adapter that opens, lists and ends multipart uploads."""

    __slots__ = ()

    def create_upload(
        self, bucket: str, key: str, *, file_name: str, content_type: str, metadata: Mapping[str, str]
    ) -> Upload:
        """API_CreateMultipartUpload. Where the store checks it, the upload is made to carry a CRC-32 of the
        whole object, which also makes it tell the CRC-32 of every copied part."""
        request: CreateMultipartUploadRequestTypeDef = {
            "Bucket": bucket,
            "Key": key,
            "ContentType": content_type,
            "ContentDisposition": attachment(file_name),
            "Metadata": dict(metadata),
        }
        if self.provider.checks_whole or self.provider.copies_with_crc32:
            request["ChecksumAlgorithm"] = "CRC32"
            request["ChecksumType"] = "FULL_OBJECT"
        with translated(Subject("opening an upload", bucket, key)):
            answer = self.clients.control.create_multipart_upload(**request)
        return Upload(bucket, key, answer["UploadId"])

    def list_parts(self, upload: Upload) -> Iterator[UploadedPart]:
        """A page of 1,000 at a time (API_ListParts)."""
        pages = iter(
            self.clients.control.get_paginator("list_parts").paginate(
                Bucket=upload.bucket, Key=upload.key, UploadId=upload.upload_id
            )
        )
        while True:
            with translated(_about(upload, "listing parts")):
                page = next(pages, None)
            if page is None:
                return
            for part in page.get("Parts", []):
                yield UploadedPart(part["PartNumber"], part["ETag"], part["Size"])

    def complete_upload(self, upload: Upload, parts: Sequence[UploadedPart], *, size: int, crc32: int) -> None:
        """API_CompleteMultipartUpload, which may say 200 and then fail: botocore reads the body and raises.

        Sent once, with ten minutes' patience. Where the store checks them, the object's size and CRC-32
        go with it and a wrong one is refused. The answer's ETag is not looked at: Ceph leaves it empty.
        """
        named: list[CompletedPartTypeDef] = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        request: CompleteMultipartUploadRequestTypeDef = {
            "Bucket": upload.bucket,
            "Key": upload.key,
            "UploadId": upload.upload_id,
            "MultipartUpload": {"Parts": named},
        }
        if self.provider.checks_whole:
            request["ChecksumType"] = "FULL_OBJECT"
            request["ChecksumCRC32"] = encode_crc32(crc32)
            request["MpuObjectSize"] = size
        try:
            with translated(_about(upload, "completing an upload")):
                self.clients.patient.complete_multipart_upload(**request)
        except StorageUnavailable:
            # Ceph answers 500 when the upload is gone: its parts say whether another try makes sense.
            with suppress(StorageUnavailable, StorageRefused):
                next(self.list_parts(upload), None)
            raise

    def abort_upload(self, upload: Upload) -> None:
        """API_AbortMultipartUpload. Parts that are still being sent may be stored after it: list and abort again."""
        with suppress(UploadNotFound), translated(_about(upload, "aborting an upload")):
            self.clients.control.abort_multipart_upload(Bucket=upload.bucket, Key=upload.key, UploadId=upload.upload_id)

    def list_uploads(self, bucket: str, prefix: str) -> Iterator[PendingUpload]:
        """A page of 1,000 at a time (API_ListMultipartUploads)."""
        pages = iter(
            self.clients.control.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        )
        while True:
            with translated(Subject("listing uploads", bucket)):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Uploads", []):
                upload = Upload(bucket, found["Key"], found["UploadId"])
                yield PendingUpload(upload, found["Initiated"].astimezone(UTC))


def _about(upload: Upload, action: str) -> Subject:
    return Subject(action, upload.bucket, upload.key, About.UPLOAD)
