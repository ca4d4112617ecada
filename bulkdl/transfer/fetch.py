"""Fetching one slice of one object into a buffer, going on in mid-object after a break."""

from __future__ import annotations

from functools import partial

from bulkdl.archive.crc32 import crc32
from bulkdl.errors import StorageUnavailable
from bulkdl.storage import ObjectStore, ObjectVersion
from bulkdl.transfer.retries import TRIES, Retries

_PROGRESS = 256 * 1024
"""Bytes between two breaks that make the second one count as a first."""


def fetch(store: ObjectStore, source: ObjectVersion, offset: int, target: memoryview, retries: Retries) -> int:
    """Fill `target` with the object's bytes from `offset` and return their CRC-32.

    Raises the store's errors after the last try; a `StorageUnavailable` then names the object in `source`.
    """
    try:
        return _fill(store, source, offset, target, retries)
    except StorageUnavailable as exc:
        exc.source = source
        raise


def _fill(store: ObjectStore, source: ObjectVersion, offset: int, target: memoryview, retries: Retries) -> int:
    filled, value, breaks = 0, 0, 0
    while filled < len(target):
        begun = filled
        filled += retries.call(partial(store.read_into, source, offset + filled, target[filled:]))
        value = crc32(target[begun:filled], value)
        breaks = 1 if filled - begun >= _PROGRESS else breaks + 1
        if breaks >= TRIES and filled < len(target):
            raise StorageUnavailable(f"reading {source.key!r} broke off {breaks} times after {filled - begun} bytes")
    return value
