"""The S3 adapter as one object, and how it is made."""

from __future__ import annotations

import boto3

from bulkdl.storage.providers import find_provider
from bulkdl.storage.s3.buckets import S3Buckets
from bulkdl.storage.s3.clients import choose_addressing, make_clients
from bulkdl.storage.s3.data import S3Data
from bulkdl.storage.s3.objects import S3Objects
from bulkdl.storage.s3.uploads import S3Uploads


class S3Store(S3Objects, S3Uploads, S3Buckets, S3Data):
    """`bulkdl.storage.ObjectStore` over the S3 API."""

    __slots__ = ()

    def close(self) -> None:
        """Close idle connections; the store may be used again."""
        self.clients.control.close()
        self.clients.patient.close()


def make_s3_store(
    *,
    endpoint_url: str | None = None,
    public_endpoint_url: str | None = None,
    region: str = "us-east-1",
    provider: str = "auto",
    addressing_style: str = "auto",
    max_connections: int = 10,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
) -> S3Store:
    """A store at `endpoint_url` (None: AWS in that region).

    Credentials that are not given come from botocore's chain: environment, shared files, web identity,
    container, instance.
    URLs are presigned for `public_endpoint_url` where browsers know the store by another address.
    `max_connections` is how many idle connections are kept, not a limit to how many are open.
    """
    clients = make_clients(
        boto3.Session(access_key_id, secret_access_key, session_token),
        endpoint_url=endpoint_url,
        public_endpoint_url=public_endpoint_url,
        region=region,
        addressing=choose_addressing(addressing_style, endpoint_url),
        max_connections=max_connections,
    )
    return S3Store(find_provider(provider, endpoint_url), clients)
