"""What every half of the S3 adapter holds."""

from __future__ import annotations

from dataclasses import dataclass

from bulkdl.storage.providers import Provider
from bulkdl.storage.s3.address import AddressBook
from bulkdl.storage.s3.clients import Clients
from bulkdl.storage.s3.exchange import Exchange


@dataclass(frozen=True, slots=True)
class S3Access:
    """boto3's clients for the control path, the exchange for the data path, and what the service can do."""

    provider: Provider
    clients: Clients
    addresses: AddressBook
    exchange: Exchange
