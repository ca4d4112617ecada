"""What each storage provider can do, as data: the differences that break uploads and copies.

Sources: the providers' S3 compatibility pages and the probe results in docs/providers.md. An ability
that nobody has documented or measured is False here: the archive is then read instead of copied,
or looked at once more, and is right either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

FROZEN_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects must be restored before they can be read (GLACIER_IR is read directly)."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's abilities. The defaults are what can be relied on anywhere."""

    name: str
    copies_ranges: bool = False
    """UploadPartCopy honours CopySourceRange."""
    copies_if_match: bool = False
    """UploadPartCopy honours x-amz-copy-source-if-match; elsewhere the source is looked at again."""
    copies_any_key: bool = False
    """UploadPartCopy finds keys with a percent sign. Ceph decodes them twice, and may copy another object."""
    copies_with_crc32: bool = False
    """CopyPartResult carries ChecksumCRC32 when the upload was created with CRC32."""
    stores_crc32: bool = False
    """HeadObject tells a full-object CRC-32 under ChecksumMode=ENABLED."""
    checks_parts: bool = False
    """UploadPart verifies x-amz-checksum-crc32."""
    checks_whole: bool = False
    """CompleteMultipartUpload verifies a FULL_OBJECT CRC-32 and MpuObjectSize."""
    wants_equal_parts: bool = False
    """CompleteMultipartUpload refuses parts (but the last) of different sizes. Plans are always made so."""
    freezes_objects: bool = False
    """Has storage classes that must be restored before they can be read."""


AWS = Provider(
    "aws",
    copies_ranges=True,
    copies_if_match=True,
    copies_any_key=True,
    copies_with_crc32=True,
    stores_crc32=True,
    checks_parts=True,
    checks_whole=True,
    freezes_objects=True,
)
R2 = Provider("r2", copies_ranges=True, wants_equal_parts=True)
MINIO = Provider("minio", copies_ranges=True, copies_if_match=True)
B2 = Provider("b2", copies_ranges=True)
CEPH = Provider("ceph", copies_ranges=True)
MOTO = Provider("moto", copies_ranges=True, copies_any_key=True, stores_crc32=True)
GENERIC = Provider("generic")

PROVIDERS = {provider.name: provider for provider in (AWS, R2, MINIO, B2, CEPH, MOTO, GENERIC)}

_HOSTS = (
    ("amazonaws.com", AWS),
    ("amazonaws.com.cn", AWS),
    ("r2.cloudflarestorage.com", R2),
    ("backblazeb2.com", B2),
)


def find_provider(name: str, endpoint_url: str | None) -> Provider:
    """The profile called `name`; for `auto`, the one that the endpoint's host belongs to.

    No endpoint means AWS. MinIO, Ceph and moto cannot be told by their host: name them, or they
    are treated as `generic`, which reads everything. Raises `KeyError` for an unknown name.
    """
    if name != "auto":
        return PROVIDERS[name]
    if endpoint_url is None:
        return AWS
    host = (urlsplit(endpoint_url).hostname or "").rstrip(".")
    for domain, provider in _HOSTS:
        if host == domain or host.endswith("." + domain):
            return provider
    return GENERIC
