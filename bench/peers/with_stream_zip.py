"""stream-zip, stored, with boto3 at both ends.

It streams a stored member only when its CRC-32 is known beforehand. That of an object fetched ahead can be
computed first; a larger one would be kept in memory as a whole, and is deflated at level 0 instead.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from isal import isal_zlib
from stream_zip import NO_COMPRESSION_32, ZIP_32, stream_zip

from bench.peers.boto import MODIFIED_AT, PartsWriter, Source, make_client, sources
from bench.peers.protocol import Task, take_part

# Any: the library's own union of methods.
Member = tuple[str, datetime, int, Any, Iterable[bytes]]
_CHUNK = 1024**2


def prepare(task: Task) -> Callable[[], dict[str, object]]:
    """A client; the work is to write the archive."""
    client = make_client(task)

    def members() -> Iterator[Member]:
        for source in sources(client, task):
            yield source.name, MODIFIED_AT, 0o100644, _method(source), source.chunks

    def build() -> dict[str, object]:
        writer = PartsWriter(client, task)
        for chunk in stream_zip(members(), chunk_size=_CHUNK, get_compressobj=_level_0):
            writer.write(chunk)
        return writer.finish()

    return build


def _method(source: Source) -> Any:  # Any: as above
    if not isinstance(source.chunks, list):
        return ZIP_32
    return NO_COMPRESSION_32(source.size, isal_zlib.crc32(b"".join(source.chunks)))


def _level_0() -> Any:  # Any: zlib names no type for it
    return zlib.compressobj(wbits=-zlib.MAX_WBITS, level=0)


if __name__ == "__main__":
    take_part(prepare)
