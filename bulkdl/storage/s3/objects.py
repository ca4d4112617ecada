"""Whole objects by boto3: list, put, delete, presign."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING

from bulkdl.storage import Bytes, ObjectInfo, ObjectVersion
from bulkdl.storage.disposition import attachment
from bulkdl.storage.providers import FROZEN_CLASSES
from bulkdl.storage.s3.base import S3Access
from bulkdl.storage.s3.errors import Subject
from bulkdl.storage.s3.vendor import translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2RequestPaginateTypeDef, ObjectTypeDef

MAX_EXPIRY_S = 7 * 86_400
"""Of a URL signed with Signature Version 4."""


class S3Objects(S3Access):
    """The half of the adapter that handles objects whole."""

    __slots__ = ()

    def list_objects(self, bucket: str, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Every object below the prefix, a page of 1,000 at a time (API_ListObjectsV2)."""
        request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": bucket, "Prefix": prefix}
        if start_after:
            request["StartAfter"] = start_after
        if self.provider.freezes_objects:
            request["OptionalObjectAttributes"] = ["RestoreStatus"]
        pages = iter(self.clients.control.get_paginator("list_objects_v2").paginate(**request))
        while True:
            with translated(Subject("listing objects", bucket)):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", []):
                yield _listed(bucket, found)

    def put(self, bucket: str, key: str, body: Bytes, *, content_type: str) -> ObjectVersion:
        """One small object in one request (API_PutObject)."""
        data = bytes(body)
        with translated(Subject("writing an object", bucket, key)):
            answer = self.clients.control.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
        return ObjectVersion(bucket, key, len(data), answer["ETag"])

    def delete(self, bucket: str, key: str) -> None:
        """S3 answers 204 whether or not the object was there (API_DeleteObject)."""
        with translated(Subject("deleting an object", bucket, key)):
            self.clients.control.delete_object(Bucket=bucket, Key=key)

    def presign(self, bucket: str, key: str, *, expires_s: int, file_name: str, content_type: str) -> str:
        """A GET signed in the query (API_GetObject, sigv4-query-string-auth), for the public endpoint.

        Nothing is sent. A longer expiry than the 7 days that Signature Version 4 allows is cut to
        them. Signed with temporary credentials, the URL dies with these: mint it when it is asked for.
        """
        with translated(Subject("presigning", bucket, key)):
            return self.clients.public.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": bucket,
                    "Key": key,
                    "ResponseContentDisposition": attachment(file_name),
                    "ResponseContentType": content_type,
                },
                ExpiresIn=max(1, min(expires_s, MAX_EXPIRY_S)),
            )


def _listed(bucket: str, found: ObjectTypeDef) -> ObjectInfo:
    restored = found.get("RestoreStatus", {})
    is_restored = not restored.get("IsRestoreInProgress", False) and "RestoreExpiryDate" in restored
    return ObjectInfo(
        ObjectVersion(bucket, found["Key"], found["Size"], found["ETag"]),
        modified_at=found["LastModified"].astimezone(UTC),
        is_archived=found.get("StorageClass") in FROZEN_CLASSES and not is_restored,
    )
