"""Opaque page cursors: a position in a sorted list, as URL-safe text."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from bulkdl.errors import InvalidRequest

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Of the years 1 to 9999: no time is outside, nor any position in a list."""


def encode_cursor(*position: str | int | float) -> str:
    """The cursor that continues behind `position`."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> list[Any]:  # Any: as many types as the caller names
    """The position in a cursor, checked against the types it must have; `InvalidRequest` when it is not one of ours."""
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as exc:
        raise InvalidRequest("The cursor is not one that this service gave out.", field="cursor") from exc
    is_ours = isinstance(position, list) and len(position) == len(types)
    if not is_ours or not all(_is_fit(value, wanted) for value, wanted in zip(position, types, strict=True)):
        raise InvalidRequest("The cursor is not one that this service gave out.", field="cursor")
    return list(position)


def _is_fit(value: object, wanted: type) -> bool:
    """Whether the databases take it too: anybody can write a cursor of their own."""
    if type(value) is not wanted:
        return False
    if isinstance(value, str):
        return not _NO_TEXT.search(value)
    return isinstance(value, (int, float)) and _FIRST_SECOND <= value <= _LAST_SECOND
