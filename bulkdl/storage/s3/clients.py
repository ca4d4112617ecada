"""boto3's clients: credentials by its default chain, checksums only where required, patience by purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Addressing = Literal["path", "virtual"]


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per patience: botocore sets time-outs and retries per client."""

    control: S3Client
    """Listings, creating and aborting uploads: quick, retried by botocore."""
    patient: S3Client
    """Completing: the store may work for minutes before it answers, and a second try may find it done."""
    public: S3Client
    """Signs URLs for the address that browsers use; never sends anything."""


def make_clients(
    session: boto3.Session,
    *,
    endpoint_url: str | None,
    public_endpoint_url: str | None,
    region: str,
    addressing: Addressing,
    max_connections: int,
) -> Clients:
    """Clients for one store. They are safe to share between threads."""

    def client(url: str | None, *, read_timeout_s: float, attempts: int) -> S3Client:
        config = Config(
            region_name=region,
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            connect_timeout=5,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=max_connections,
            # R2 and B2 refuse the checksums that newer botocore adds by itself (boto3 1.36).
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            tcp_keepalive=True,
            # The endpoint is a setting of this service; AWS_ENDPOINT_URL would move one half of it only.
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # the stubs are older
        )
        return session.client("s3", endpoint_url=url, config=config)

    control = client(endpoint_url, read_timeout_s=30, attempts=3)
    return Clients(
        control=control,
        patient=client(endpoint_url, read_timeout_s=600, attempts=1),
        public=client(public_endpoint_url, read_timeout_s=30, attempts=1) if public_endpoint_url else control,
    )


def choose_addressing(style: str, endpoint_url: str | None) -> Addressing:
    """`auto` is what AWS wants for AWS, and the path for everybody else: it needs no DNS entry per bucket."""
    if style == "path":
        return "path"
    if style == "virtual":
        return "virtual"
    host = urlsplit(endpoint_url or "").hostname or ""
    is_aws = endpoint_url is None or host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return "virtual" if is_aws else "path"
