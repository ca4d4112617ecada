"""CRC-32 as S3 writes it."""

from __future__ import annotations

from base64 import b64decode, b64encode


def encode_crc32(crc32: int) -> str:
    """As S3 writes it: base64 of the four bytes, big end first (API_Checksum)."""
    return b64encode(crc32.to_bytes(4, "big")).decode("ascii")


def decode_crc32(value: str | None, checksum_type: str | None = None) -> int | None:
    """The CRC-32 of the bytes themselves; None for a composite one (a CRC of CRCs, `…-N`) or none at all."""
    if not value or "-" in value or checksum_type not in (None, "FULL_OBJECT"):
        return None
    try:
        raw = b64decode(value, validate=True)
    except ValueError:
        return None
    return int.from_bytes(raw, "big") if len(raw) == 4 else None
