"""The transfer when the store fails, objects change, or the work is to stop."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from bulkdl.errors import LeaseLost, ObjectChanged, StorageUnavailable
from bulkdl.storage import ObjectVersion
from bulkdl.transfer import PartResult
from bulkdl.transfer.retries import TRIES, Retries
from tests.unit.transfer_kit import Library, make_library, make_transfer, unavailable, wait_until

STREAMED = 1000
"""A part size beyond what the pool of 4 blocks of 64 bytes can hold twice."""


def part_sizes() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("part_size", [64, 128, STREAMED], ids=["one block", "two blocks", "streamed"])


def held_until(event: threading.Event) -> Callable[[ObjectVersion, int, memoryview], None]:
    """Every read waits for the event."""

    def wait(version: ObjectVersion, offset: int, target: memoryview) -> None:
        assert event.wait(20)

    return wait


class Flaky:
    """Fails every read of a slice so many times before it succeeds."""

    def __init__(self, failures: int, *, throttled: bool = False) -> None:
        self._failures = failures
        self._throttled = throttled
        self._seen: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, version: ObjectVersion, offset: int, target: memoryview) -> None:
        with self._lock:
            self._seen[version.key, offset] += 1
            fails = self._seen[version.key, offset] <= self._failures
        if fails:
            raise unavailable(throttled=self._throttled)


@part_sizes()
def test_read_succeeds_at_the_last_try(part_size: int) -> None:
    library = make_library([700, 20, 900], part_size=part_size)
    library.store.on_read = Flaky(TRIES - 1)

    make_transfer(library.store, blocks=4).run(library.work(is_last=True))

    assert library.complete() == library.expected()


@part_sizes()
def test_read_that_keeps_failing_ends_the_work_and_names_the_object(part_size: int) -> None:
    library = make_library([700, 20, 900], part_size=part_size)
    flaky = Flaky(TRIES)
    library.store.on_read = lambda version, offset, target: (
        flaky(version, offset, target) if version == library.sources[1] else None
    )
    transfer = make_transfer(library.store, blocks=4)

    with pytest.raises(StorageUnavailable) as caught:
        transfer.run(library.work(is_last=True))

    assert caught.value.source == library.sources[1]
    wait_until(lambda: transfer.buffers.lent == 0, "all blocks came back")


@part_sizes()
def test_broken_read_goes_on_behind_what_arrived(part_size: int) -> None:
    library = make_library([200, 190], part_size=part_size)
    reads: list[tuple[str, int, int]] = []

    def half(version: ObjectVersion, offset: int, target: memoryview) -> int | None:
        reads.append((version.key, offset, len(target)))
        return len(target) // 2 if offset % 64 == 0 and len(target) > 1 else None

    library.store.on_read = half
    make_transfer(library.store, blocks=4).run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.bytes_told == 390
    assert len(reads) == len(set(reads))


def test_read_that_breaks_again_and_again_is_a_failure() -> None:
    library = make_library([300], part_size=512)
    library.store.on_read = lambda version, offset, target: 1

    with pytest.raises(StorageUnavailable, match="broke off") as caught:
        make_transfer(library.store, block_size=512).run(library.work())

    assert caught.value.source == library.sources[0]
    assert library.store.counts["read"] == TRIES


@part_sizes()
def test_store_of_a_part_succeeds_at_the_last_try(part_size: int) -> None:
    library = make_library([700, 20, 900], part_size=part_size)
    failures: Counter[int] = Counter()

    def fail_first(number: int) -> None:
        failures[number] += 1
        if failures[number] < TRIES:
            raise unavailable()

    library.store.on_put = fail_first
    make_transfer(library.store, blocks=4).run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert (library.bytes_told, library.files_told) == (1620, 3)


@part_sizes()
def test_store_of_a_part_that_keeps_failing_ends_the_work(part_size: int) -> None:
    library = make_library([700, 20, 900], part_size=part_size)

    def fail(number: int) -> None:
        if number == 2:
            raise unavailable()

    library.store.on_put = fail
    transfer = make_transfer(library.store, blocks=4)

    with pytest.raises(StorageUnavailable) as caught:
        transfer.run(library.work(is_last=True))

    assert caught.value.source is None
    assert 2 not in library.results
    wait_until(lambda: transfer.buffers.lent == 0, "all blocks came back")


@part_sizes()
def test_changed_object_ends_the_work_at_once(part_size: int) -> None:
    library = make_library([700, 20, 900], part_size=part_size)
    library.store.put("media", "a/2", b"something else", content_type="image/jpeg")
    transfer = make_transfer(library.store, blocks=4)

    with pytest.raises(ObjectChanged) as caught:
        transfer.run(library.work(is_last=True))

    assert caught.value.key == "a/2"
    wait_until(lambda: transfer.buffers.lent == 0, "all blocks came back")


@part_sizes()
def test_stopped_work_ends_quickly_and_gives_every_block_back(part_size: int) -> None:
    library = make_library([2000, 2000], part_size=part_size)
    go_on = threading.Event()
    library.store.on_read = held_until(go_on)
    transfer = make_transfer(library.store, blocks=4)

    def cancel() -> None:
        if library.store.counts["read"]:
            raise LeaseLost("cancelled")

    begin = time.monotonic()
    threading.Timer(0.3, go_on.set).start()
    with pytest.raises(LeaseLost):
        transfer.run(library.work(check=cancel))

    assert time.monotonic() - begin < 2
    wait_until(lambda: transfer.buffers.lent == 0, "all blocks came back")
    reads = library.store.counts["read"]
    assert reads <= 4, "nothing is begun after the stop"


def test_requests_that_outlast_the_stop_give_their_blocks_back_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkdl.transfer.run._GRACE_S", 0.01)
    library = make_library([2000], part_size=64)
    go_on = threading.Event()
    library.store.on_read = held_until(go_on)
    transfer = make_transfer(library.store, blocks=4)

    def cancel() -> None:
        if library.store.counts["read"]:
            raise LeaseLost("cancelled")

    with pytest.raises(LeaseLost):
        transfer.run(library.work(check=cancel))

    assert transfer.buffers.lent > 0
    go_on.set()
    wait_until(lambda: transfer.buffers.lent == 0, "all blocks came back")


def test_work_goes_on_being_checked_while_nothing_arrives() -> None:
    library = make_library([100], part_size=4096)
    go_on = threading.Event()
    checks: list[float] = []
    library.store.on_read = held_until(go_on)

    def check() -> None:
        checks.append(time.monotonic())
        if len(checks) == 4:
            go_on.set()

    make_transfer(library.store, block_size=4096).run(library.work(check=check))

    # A quarter of a second each; the rest is for a busy machine.
    assert max(later - earlier for earlier, later in pairwise(checks)) < 0.75


@pytest.mark.parametrize("callback", ["on_part", "on_bytes"])
def test_what_a_callback_raises_stops_the_work(callback: str) -> None:
    library = make_library([700, 900], part_size=64)

    def lose(*_: object) -> None:
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost):
        make_transfer(library.store).run(library.work(**{callback: lose}))


def test_transfer_works_on_after_a_failed_work() -> None:
    library = make_library([700, 900], part_size=64)
    transfer = make_transfer(library.store, blocks=2)
    library.store.on_read = Flaky(TRIES)
    with pytest.raises(StorageUnavailable):
        transfer.run(library.work())
    library.store.on_read = lambda version, offset, target: None

    transfer.run(library.work())

    assert library.complete() == library.expected()


def test_part_stored_with_another_checksum_is_stored_again() -> None:
    library = make_library([300], part_size=64)
    real, spoilt = library.store.put_part, []

    def spoil(upload, number, body, *, crc32=None):  # type: ignore[no-untyped-def]
        uploaded = real(upload, number, body, crc32=crc32)
        if number not in spoilt:
            spoilt.append(number)
            return type(uploaded)(number, uploaded.etag, crc32=(crc32 or 0) ^ 1)
        return uploaded

    library.store.put_part = spoil  # type: ignore[method-assign]
    make_transfer(library.store).run(library.work())

    assert library.complete() == library.expected()
    assert library.store.counts["put"] == 2 * library.plan.part_count


def test_store_that_asks_for_patience_gets_it() -> None:
    retries = Retries(base_s=0.001)

    delays = [retries.delay(failures, StorageUnavailable("busy", retry_after_s=7)) for failures in (1, 2)]

    assert delays == [7, 7]


def test_backoff_doubles_with_jitter_and_ends() -> None:
    retries = Retries(base_s=0.2)

    delays = [[retries.delay(failures, unavailable()) for failures in (1, 2, 3)] for _ in range(50)]

    for first, second, third in delays:
        assert 0.2 <= first <= 0.4
        assert 0.4 <= second <= 0.6
        assert 0.8 <= third <= 1.0
    assert len({first for first, _, _ in delays}) > 1
    with pytest.raises(StorageUnavailable):
        retries.delay(TRIES, unavailable())


def test_throttling_store_is_asked_less(monkeypatch: pytest.MonkeyPatch) -> None:
    library = make_library([60] * 40, part_size=64)
    library.store.on_read = Flaky(1, throttled=True)
    transfer = make_transfer(library.store, concurrency=8, max_concurrency=8)
    limits: list[int] = []

    transfer.run(library.work(on_part=lambda result: limits.append(transfer.limit)))

    assert min(limits) <= 4


def test_results_told_before_a_failure_are_stored() -> None:
    library = make_library([1000, 1000], part_size=64)
    told: list[PartResult] = []
    library.store.on_read = lambda version, offset, target: (
        _fail() if version == library.sources[1] and offset > 500 else None
    )

    with pytest.raises(StorageUnavailable):
        make_transfer(library.store, blocks=2).run(library.work(on_part=told.append))

    held = {part.number: part.etag for part in library.store.list_parts(library.upload)}
    assert told
    assert all(held[result.number] == result.etag for result in told if result.etag is not None)


def _fail() -> None:
    raise unavailable()


def test_library_of_the_tests_notices_wrong_bytes() -> None:
    """The oracle itself can fail: one flipped bit is another archive."""
    library: Library = make_library([100], part_size=64)
    library.data[0] = bytes(100)

    make_transfer(library.store).run(library.work())

    assert library.complete() != library.expected()
