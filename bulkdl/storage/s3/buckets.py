"""Buckets by boto3: make one, give it its lifecycle rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bulkdl.storage.s3.base import S3Access
from bulkdl.storage.s3.errors import Subject
from bulkdl.storage.s3.vendor import translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef, LifecycleRuleOutputTypeDef, LifecycleRuleTypeDef


class S3Buckets(S3Access):
    """The half of the adapter that looks after buckets."""

    __slots__ = ()

    def ensure_bucket(self, bucket: str) -> None:
        """API_CreateBucket. On AWS every region but us-east-1 must be named."""
        request: CreateBucketRequestTypeDef = {"Bucket": bucket}
        region = self.clients.control.meta.region_name
        if self.provider.name == "aws" and region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": region}  # type: ignore[typeddict-item]  # any
        with translated(Subject("creating the bucket", bucket)):
            try:
                self.clients.control.create_bucket(**request)
            except ClientError as exc:
                if exc.response["Error"].get("Code") != "BucketAlreadyOwnedByYou":
                    raise

    def ensure_lifecycle(self, bucket: str, prefix: str, *, expire_days: int, abort_days: int) -> bool:
        """API_PutBucketLifecycleConfiguration, which replaces all rules: the bucket's others are written back."""
        rule: LifecycleRuleTypeDef = {
            "ID": f"bulkdl {prefix}"[:255],
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "Expiration": {"Days": expire_days},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort_days},
        }
        standing = self._lifecycle(bucket)
        if any(_says_the_same(found, rule) for found in standing):
            return False
        others = [found for found in standing if found.get("ID") != rule["ID"]]
        with translated(Subject("writing the lifecycle", bucket)):
            self.clients.control.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": [*others, rule]}
            )
        return True

    def _lifecycle(self, bucket: str) -> list[LifecycleRuleOutputTypeDef]:
        with translated(Subject("reading the lifecycle", bucket)):
            try:
                return self.clients.control.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
            except ClientError as exc:
                if exc.response["Error"].get("Code") != "NoSuchLifecycleConfiguration":
                    raise
                return []


def _says_the_same(found: LifecycleRuleOutputTypeDef, rule: LifecycleRuleTypeDef) -> bool:
    """Stores write the prefix where they like, and add empty elements."""
    prefix = found.get("Filter", {}).get("Prefix", found.get("Prefix"))
    return (
        found.get("ID") == rule["ID"]
        and found.get("Status") == rule["Status"]
        and prefix == rule["Filter"]["Prefix"]
        and found.get("Expiration", {}).get("Days") == rule["Expiration"]["Days"]
        and found.get("AbortIncompleteMultipartUpload") == rule["AbortIncompleteMultipartUpload"]
    )
