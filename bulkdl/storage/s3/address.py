"""Where an object is: the connection to open and the path to ask for."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from bulkdl.storage.s3.clients import Addressing

_HOSTABLE = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""A bucket name that may be one label of a host name (a dot would fall out of a wildcard certificate)."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The other end of a connection."""

    scheme: str
    host: str
    """Without brackets, as DNS and TLS want it."""
    port: int
    authority: str
    """As the Host header wants it: brackets round IPv6, no default port."""


class Place(NamedTuple):
    """A bucket, or an object in it, as HTTP finds it."""

    origin: Origin
    path: str
    """Percent-encoded, exactly as it is signed and sent: S3 resolves no dots and joins no slashes."""


class AddressBook:
    """Finds buckets and objects below one endpoint."""

    def __init__(self, endpoint_url: str, addressing: Addressing) -> None:
        parts = urlsplit(endpoint_url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError(f"{endpoint_url!r} is no http or https URL.")
        self._scheme = parts.scheme
        self._host = parts.hostname
        self._port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._base_path = parts.path.rstrip("/")
        self._is_virtual = addressing == "virtual"
        self._origin = self._make_origin(self._host)
        self._buckets: dict[str, tuple[Origin, str]] = {}

    def find(self, bucket: str, key: str) -> Place:
        """The object's place."""
        origin, path = self._buckets.get(bucket) or self._find_bucket(bucket)
        return Place(origin, f"{path}/{quote(key, safe='/~')}")

    def find_bucket(self, bucket: str) -> Place:
        """The bucket's own place."""
        origin, path = self._find_bucket(bucket)
        return Place(origin, path or "/")

    def _find_bucket(self, bucket: str) -> tuple[Origin, str]:
        """Where its keys begin, remembered."""
        if self._is_virtual and _HOSTABLE.fullmatch(bucket):
            found = self._make_origin(f"{bucket}.{self._host}"), self._base_path
        else:
            found = self._origin, f"{self._base_path}/{quote(bucket, safe='')}"
        self._buckets[bucket] = found
        return found

    def _make_origin(self, host: str) -> Origin:
        shown = f"[{host}]" if ":" in host else host
        authority = shown if self._port == _DEFAULT_PORTS[self._scheme] else f"{shown}:{self._port}"
        return Origin(self._scheme, host, self._port, authority)


def encode_key(key: str) -> str:
    """As Signature Version 4 encodes a path: all but letters, digits, `-._~` and the slash (sigv4-create)."""
    return quote(key, safe="/~")


def encode_query(**parameters: str | int) -> str:
    """A query in canonical form: encoded and sorted, so that what is signed is what is sent."""
    pairs = sorted((quote(name, safe="~"), quote(str(value), safe="~")) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)
