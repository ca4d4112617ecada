"""S3 and what speaks it: R2, MinIO, B2, Ceph. The only importer of boto3 and botocore."""

from bulkdl.storage.s3.store import S3Store, make_s3_store

__all__ = ["S3Store", "make_s3_store"]
