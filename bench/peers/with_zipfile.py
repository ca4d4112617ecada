"""Python's own zipfile, written from start to end, with boto3 at both ends."""

from __future__ import annotations

from collections.abc import Callable
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from bench.peers.boto import MODIFIED_AT, PartsWriter, make_client, sources
from bench.peers.protocol import Task, take_part

_ZIP64_FROM = 2**31


def prepare(task: Task) -> Callable[[], dict[str, object]]:
    """A client; the work is to write the archive."""
    client = make_client(task)

    def build() -> dict[str, object]:
        writer = PartsWriter(client, task)
        with ZipFile(writer, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
            for source in sources(client, task):
                info = ZipInfo(source.name, MODIFIED_AT.timetuple()[:6])
                with archive.open(info, "w", force_zip64=source.size >= _ZIP64_FROM) as member:
                    for chunk in source.chunks:
                        member.write(chunk)
        return writer.finish()

    return build


if __name__ == "__main__":
    take_part(prepare)
