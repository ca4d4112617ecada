"""What each storage provider can do, as data: the differences that break uploads and copies.

Sources: the providers' S3 compatibility pages and the probe results in docs/providers.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's abilities. The defaults are what can be relied on anywhere."""

    name: str
    copies_ranges: bool = False
    """UploadPartCopy honours CopySourceRange."""
    copies_if_match: bool = False
    """UploadPartCopy honours x-amz-copy-source-if-match; elsewhere the source is looked at again."""
    copies_with_crc32: bool = False
    """CopyPartResult carries ChecksumCRC32 when the upload was created with CRC32."""
    stores_crc32: bool = False
    """HeadObject tells a full-object CRC-32 under ChecksumMode=ENABLED."""
    checks_parts: bool = False
    """UploadPart verifies x-amz-checksum-crc32."""
    checks_whole: bool = False
    """CompleteMultipartUpload verifies a FULL_OBJECT CRC-32 and MpuObjectSize."""
