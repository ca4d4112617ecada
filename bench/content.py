"""Bytes for the sources: the same for the same file, incompressible, and as cheap as a memory copy.

Every file is a walk round one pool of random bytes, begun at a place of its own. The pool's length is a
prime: bytes that are misplaced by a part, a block or a page are then other bytes, which the verification sees.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterator

from bulkdl.archive.crc32 import crc32

VERSION = 1
"""Raise it when the same name is to mean other bytes; it stands in the keys."""
_POOL_SIZE = 8_388_593
_CHUNK = 1024**2


def chunks(name: str, size: int, *, chunk_size: int = _CHUNK) -> Iterator[memoryview]:
    """The content of the file called `name`, piece by piece."""
    start = _start(name)
    for offset in range(0, size, chunk_size):
        place = (start + offset) % _POOL_SIZE
        yield _pool()[place : place + min(chunk_size, size - offset)]


def content(name: str, size: int) -> bytes:
    """All of it."""
    return b"".join(chunks(name, size))


def crc32_of(name: str, size: int) -> int:
    """CRC-32 of the content."""
    value = 0
    for chunk in chunks(name, size):
        value = crc32(chunk, value)
    return value


def _start(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % _POOL_SIZE


@functools.cache
def _pool() -> memoryview:
    """The pool with its beginning once more at its end, so that a chunk is one slice."""
    pool = random.Random(VERSION).randbytes(_POOL_SIZE)
    return memoryview(pool + pool[:_CHUNK])
