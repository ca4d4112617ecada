"""What the tests of the transfer share: a small library in a store that fails on demand, and works over it."""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bulkdl.archive.crc32 import EntryChecksums, archive_crc32
from bulkdl.archive.layout import Entry, Layout
from bulkdl.archive.plan import Plan
from bulkdl.errors import StorageUnavailable
from bulkdl.storage import ObjectVersion, PartBody, Upload, UploadedPart
from bulkdl.storage.memory import MemoryStore
from bulkdl.storage.providers import AWS, Provider
from bulkdl.transfer import PartResult, Source, Transfer, Work

WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
DEADLINE_S = 20.0


class TestStore(MemoryStore):
    """The in-memory store, counting requests and failing as the hooks say."""

    __test__ = False

    def __init__(self, provider: Provider = AWS) -> None:
        super().__init__(provider=provider, min_part_size=1)
        self.on_read: Callable[[ObjectVersion, int, memoryview], int | None] = lambda version, offset, target: None
        """May raise, or return how many bytes are to arrive (None: all)."""
        self.on_put: Callable[[int], None] = lambda number: None
        self.counts: Counter[str] = Counter()
        self.stored: list[int] = []
        """Part numbers in the order in which they were stored."""
        self._counting = threading.Lock()
        self._reading = 0
        self.most_reading = 0

    def read_into(self, version: ObjectVersion, offset: int, target: memoryview) -> int:
        with self._counting:
            self.counts["read"] += 1
            self._reading += 1
            self.most_reading = max(self.most_reading, self._reading)
        try:
            size = self.on_read(version, offset, target)
            return super().read_into(version, offset, target if size is None else target[:size])
        finally:
            with self._counting:
                self._reading -= 1

    def put_part(self, upload: Upload, number: int, body: PartBody, *, crc32: int | None = None) -> UploadedPart:
        with self._counting:
            self.counts["put"] += 1
        self.on_put(number)
        uploaded = super().put_part(upload, number, body, crc32=crc32)
        self.stored.append(number)
        return uploaded

    def copy_part(self, upload: Upload, number: int, version: ObjectVersion, offset: int, size: int) -> UploadedPart:
        with self._counting:
            self.counts["copy"] += 1
        return super().copy_part(upload, number, version, offset, size)


@dataclass
class Library:
    """Objects in a store, the archive that they make, and what became of it."""

    store: TestStore
    plan: Plan
    data: list[bytes]
    sources: list[Source]
    upload: Upload
    results: dict[int, PartResult] = field(default_factory=dict)
    bytes_told: int = 0
    files_told: int = 0
    checksums: EntryChecksums = field(init=False)

    def __post_init__(self) -> None:
        self.checksums = EntryChecksums(self.plan)

    def work(
        self,
        parts: Iterable[int] | None = None,
        *,
        checksums: EntryChecksums | None = None,
        on_part: Callable[[PartResult], None] | None = None,
        on_bytes: Callable[[int, int], None] | None = None,
        check: Callable[[], None] = lambda: None,
        is_last: bool = False,
    ) -> Work:
        """A work over all parts, or some."""
        return Work(
            plan=self.plan,
            sources=self.sources,
            upload=self.upload,
            parts=list(range(1, self.plan.part_count + 1) if parts is None else parts),
            checksums=checksums or self.checksums,
            on_part=on_part or self.take,
            on_bytes=on_bytes or self.tell,
            check=check,
            is_last=is_last,
        )

    def take(self, result: PartResult) -> None:
        self.results[result.number] = result

    def tell(self, size: int, files: int) -> None:
        assert size >= 0
        assert files >= 0
        self.bytes_told += size
        self.files_told += files

    @property
    def unstored(self) -> list[int]:
        """Parts that no work has stored yet."""
        numbers = range(1, self.plan.part_count + 1)
        return [number for number in numbers if number not in self.results or self.results[number].etag is None]

    def expected(self) -> bytes:
        """The archive by the layout's arithmetic."""
        layout, crc32s = self.plan.layout, [zlib.crc32(data) for data in self.data]
        parts = [layout.header(index, crc32s[index]) + data for index, data in enumerate(self.data)]
        return b"".join(parts) + layout.directory(0, layout.directory_size, crc32s)

    def complete(self) -> bytes:
        """Complete the upload with the parts as they were reported, and return the archive."""
        parts = [UploadedPart(number, str(self.results[number].etag)) for number in sorted(self.results)]
        crc32 = archive_crc32(self.plan.layout, self.checksums)
        self.store.complete_upload(self.upload, parts, size=self.plan.layout.size, crc32=crc32)
        return self.store.content("archives", self.upload.key)


def make_library(
    sizes: Sequence[int],
    *,
    part_size: int,
    inline: Iterable[int] = (),
    store: TestStore | None = None,
    name: str = "a",
    seed: int = 1,
) -> Library:
    """Objects of these sizes with random content; those in `inline` are handed over as bytes."""
    store = store or TestStore()
    rng = random.Random(seed)
    data = [rng.randbytes(size) for size in sizes]
    sources: list[Source] = []
    for index, content in enumerate(data):
        if index in inline:
            sources.append(content)
        else:
            sources.append(store.put("media", f"{name}/{index}", content, content_type="image/jpeg"))
    layout = Layout([Entry(f"folder/file-{index}.jpg", len(content), WHEN) for index, content in enumerate(data)])
    key = f"{name}.zip"
    upload = store.create_upload("archives", key, file_name=key, content_type="application/zip", metadata={})
    return Library(store, Plan(layout, part_size), data, sources, upload)


def make_transfer(
    store: TestStore,
    *,
    blocks: int = 8,
    block_size: int = 64,
    concurrency: int = 4,
    max_concurrency: int = 8,
    copy: bool = False,
    finest_piece: int = 64,
) -> Transfer:
    """A transfer with tiny blocks and hardly any backoff."""
    return Transfer(
        store,
        concurrency=concurrency,
        max_concurrency=max_concurrency,
        buffer_bytes=blocks * block_size,
        server_side_copy=copy,
        block_size=block_size,
        finest_piece=finest_piece,
        retry_base_s=0.001,
    )


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, or fail naming it."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.001)


def unavailable(*, throttled: bool = False) -> StorageUnavailable:
    """What a store raises when another try may help."""
    return StorageUnavailable("the store is having a bad day", throttled=throttled)
