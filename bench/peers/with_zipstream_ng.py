"""zipstream-ng, stored, with boto3 at both ends."""

from __future__ import annotations

from collections.abc import Callable

from zipstream import ZIP_STORED, ZipStream

from bench.peers.boto import PartsWriter, make_client, sources
from bench.peers.protocol import Task, take_part


def prepare(task: Task) -> Callable[[], dict[str, object]]:
    """A client; the work is to write the archive."""
    client = make_client(task)

    def build() -> dict[str, object]:
        writer = PartsWriter(client, task)
        archive = ZipStream(compress_type=ZIP_STORED)
        # One file at a time: what was added is written out before the next is taken from those fetched ahead.
        for source in sources(client, task):
            archive.add(source.chunks, source.name, size=source.size)
            for chunk in archive.all_files():
                writer.write(chunk)
        for chunk in archive.finalize():
            writer.write(chunk)
        return writer.finish()

    return build


if __name__ == "__main__":
    take_part(prepare)
