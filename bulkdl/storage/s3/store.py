"""The S3 adapter as one object, and how it is made."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime
from typing import cast

import boto3
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies, parse_timestamp

from bulkdl.storage.providers import find_provider
from bulkdl.storage.s3.address import AddressBook
from bulkdl.storage.s3.buckets import S3Buckets
from bulkdl.storage.s3.clients import choose_addressing, make_clients
from bulkdl.storage.s3.data import S3Data
from bulkdl.storage.s3.exchange import Exchange
from bulkdl.storage.s3.objects import S3Objects
from bulkdl.storage.s3.pool import ConnectionPool
from bulkdl.storage.s3.signing import FrozenCredentials, Signer
from bulkdl.storage.s3.uploads import S3Uploads


class S3Store(S3Objects, S3Uploads, S3Buckets, S3Data):
    """`bulkdl.storage.ObjectStore` over the S3 API."""

    __slots__ = ()

    def close(self) -> None:
        """Close idle connections; the store may be used again."""
        self.exchange.close()
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
    timeout_s: float = 30.0,
) -> S3Store:
    """A store at `endpoint_url` (None: AWS in that region).

    Credentials that are not given come from botocore's chain: environment, shared files, web identity,
    container, instance. Trusted certificates (AWS_CA_BUNDLE) and proxies (HTTPS_PROXY, NO_PROXY) are found
    as botocore finds them. URLs are presigned for `public_endpoint_url` where browsers know the store by
    another address. `max_connections` is how many idle connections are kept, not a limit to how many are
    open. `timeout_s` is how long the store may stay silent while bytes are moved.
    """
    session = Session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_timestamp)
    if access_key_id and secret_access_key:
        session.set_credentials(access_key_id, secret_access_key, session_token)
    addressing = choose_addressing(addressing_style, endpoint_url)
    clients = make_clients(
        boto3.Session(botocore_session=session),
        endpoint_url=endpoint_url,
        public_endpoint_url=public_endpoint_url,
        region=region,
        addressing=addressing,
        max_connections=max_connections,
    )
    clients.control.can_paginate("list_parts")  # Reads the descriptions of pages now, and not in somebody's job.
    address = clients.control.meta.endpoint_url
    tls = _tls_context(session) if address.startswith("https:") else None
    pool = ConnectionPool(tls=tls, find_proxies=get_environ_proxies, max_idle=max_connections)
    return S3Store(
        find_provider(provider, endpoint_url),
        clients,
        AddressBook(address, addressing),
        Exchange(pool, Signer(_credentials_of(session), region), timeout_s),
    )


def _parse_timestamp(value: str) -> datetime:
    """Botocore's own parser takes 90 µs for each object of a listing; ISO 8601, as S3's XML has it, takes one."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return parse_timestamp(value)
    return parsed if parsed.tzinfo else parse_timestamp(value)


def _credentials_of(session: Session) -> Callable[[], FrozenCredentials]:
    """The credentials of the moment: those that expire are refreshed by botocore when they are asked for."""

    def current() -> FrozenCredentials:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return cast(FrozenCredentials, credentials.get_frozen_credentials())

    return current


def _tls_context(session: Session) -> ssl.SSLContext:
    """Trusts the bundle of AWS_CA_BUNDLE or the shared configuration, else the one that botocore trusts."""
    bundle = session.get_config_variable("ca_bundle") or get_cert_path(True)
    context = ssl.create_default_context(cafile=bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context
