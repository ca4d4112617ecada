"""The limit: GET every byte and PUT it back, by Bulkdl's own data path, without a ZIP and without a CRC-32.

Each thread takes the next piece; whoever brings the last piece of a part stores the part.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.peers.protocol import Task, take_part
from bulkdl.storage import ObjectVersion, UploadedPart
from bulkdl.storage.s3 import S3Store, make_s3_store

_BUFFER_BYTES = 96 * 1024**2
"""As much as a worker has by default."""


class _Part:
    """A buffer that is filled by several threads."""

    def __init__(self, number: int, buffer: memoryview, piece_count: int) -> None:
        self.number = number
        self.buffer = buffer
        self.left = piece_count


_Piece = tuple[ObjectVersion, int, int, int, int]
"""An object, an offset in it, the number of the part, the place in the part, a size."""


def prepare(task: Task) -> Callable[[], dict[str, object]]:
    """A store that has spoken once."""
    store = make_s3_store(
        endpoint_url=task.endpoint,
        region=task.region,
        provider="generic",
        addressing_style="path",
        max_connections=2 * task.concurrency,
    )
    first = _version(task, task.files[0])
    store.read_into(first, 0, memoryview(bytearray(1)))
    buffers = [memoryview(bytearray(task.part_size)) for _ in range(_BUFFER_BYTES // task.part_size)]
    return lambda: _Copy(store, task, buffers).run()


class _Copy:
    def __init__(self, store: S3Store, task: Task, buffers: list[memoryview]) -> None:
        self._store = store
        self._task = task
        self._size = sum(file["size"] for file in task.files)
        self._pieces = iter(_by_part(_pieces(task)))
        self._open: _Part | None = None
        self._queue: Iterator[_Piece] = iter(())
        self._taking = threading.Lock()
        self._counting = threading.Lock()
        self._buffers = buffers
        self._free = threading.Semaphore(len(buffers))
        self._parts: list[UploadedPart] = []

    def run(self) -> dict[str, object]:
        store, task = self._store, self._task
        self._upload = store.create_upload(
            task.archive_bucket, task.archive_key, file_name="raw.bin", content_type="application/zip", metadata={}
        )
        with ThreadPoolExecutor(task.concurrency) as pool:
            for future in [pool.submit(self._work) for _ in range(task.concurrency)]:
                future.result()
        self._parts.sort(key=lambda part: part.number)
        store.complete_upload(self._upload, self._parts, size=self._size, crc32=0)
        return {"uploadId": self._upload.upload_id}

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            part, (version, offset, _, place, size) = taken
            target = part.buffer[place : place + size]
            filled = 0
            while filled < size:
                filled += self._store.read_into(version, offset + filled, target[filled:])
            with self._counting:
                part.left -= 1
                is_last = part.left == 0
            if is_last:
                self._put(part)

    def _take(self) -> tuple[_Part, _Piece] | None:
        """The next piece and its part; waits for a buffer when it is the first of its part."""
        with self._taking:
            piece = next(self._queue, None)
            if piece is None:
                pieces = next(self._pieces, None)
                if pieces is None:
                    return None
                self._free.acquire()
                size = sum(piece[4] for piece in pieces)
                self._open = _Part(pieces[0][2], self._buffers.pop()[:size], len(pieces))
                self._queue = iter(pieces)
                piece = next(self._queue)
            assert self._open is not None
            return self._open, piece

    def _put(self, part: _Part) -> None:
        stored = self._store.put_part(self._upload, part.number, [part.buffer])
        self._parts.append(stored)
        whole = part.buffer.obj
        assert isinstance(whole, bytearray)
        self._buffers.append(memoryview(whole))
        self._free.release()


def _pieces(task: Task) -> Iterator[_Piece]:
    """The files end to end, cut at the edges of parts."""
    position = 0
    for file in task.files:
        offset = 0
        while offset < file["size"]:
            number, place = divmod(position, task.part_size)
            size = min(file["size"] - offset, task.part_size - place)
            yield _version(task, file), offset, number + 1, place, size
            offset += size
            position += size


def _by_part(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    for _, group in itertools.groupby(pieces, key=lambda piece: piece[2]):
        yield list(group)


def _version(task: Task, file: dict[str, object]) -> ObjectVersion:
    return ObjectVersion(task.source_bucket, str(file["key"]), int(str(file["size"])), str(file["etag"]))


if __name__ == "__main__":
    take_part(prepare)
