"""Parts copied by the store: only where their CRC-32 can be had without reading, and read wherever that fails."""

from __future__ import annotations

import zlib

import pytest

from bulkdl.errors import ObjectChanged, StorageRefused
from bulkdl.storage import UploadedPart
from bulkdl.storage.providers import AWS, GENERIC, R2, Provider
from tests.unit.transfer_kit import Library, TestStore, make_library, make_transfer

SIZES = [1000, 30, 0, 700]


def make_case(provider: Provider, *, known: bool) -> Library:
    library = make_library(SIZES, part_size=64, store=TestStore(provider))
    if known:
        for entry, data in enumerate(library.data):
            library.checksums.set(entry, zlib.crc32(data))
    return library


def copies_of(library: Library) -> list[int]:
    return sorted(number for number, result in library.results.items() if result.was_copied)


@pytest.mark.parametrize(
    ("provider", "known", "copies"),
    [(AWS, False, True), (AWS, True, True), (R2, True, True), (R2, False, False), (GENERIC, True, False)],
    ids=["told by the store", "told and known", "known", "neither", "no ranged copy"],
)
def test_part_is_copied_when_its_checksum_can_be_had(provider: Provider, known: bool, copies: bool) -> None:
    library = make_case(provider, known=known)
    inside = [number for number in range(1, library.plan.part_count + 1) if library.plan.part(number).is_copy]

    make_transfer(library.store, copy=True).run(library.work(is_last=True))

    assert copies_of(library) == (inside if copies else [])
    assert library.complete() == library.expected()
    assert (library.bytes_told, library.files_told) == (sum(SIZES), 4)


def test_copying_can_be_switched_off() -> None:
    library = make_case(AWS, known=True)

    make_transfer(library.store, copy=False).run(library.work(is_last=True))

    assert library.store.counts["copy"] == 0
    assert library.complete() == library.expected()


def test_copied_bytes_do_not_pass_through_here() -> None:
    library = make_case(R2, known=True)
    read: list[int] = []
    library.store.on_read = lambda version, offset, target: read.append(len(target))

    make_transfer(library.store, copy=True).run(library.work(is_last=True))

    assert sum(read) == sum(SIZES) - 64 * len(copies_of(library))


def test_refused_copy_is_read_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    library = make_case(AWS, known=True)

    def refuse(*_: object) -> UploadedPart:
        library.store.counts["copy"] += 1
        raise StorageRefused("not with this key")

    monkeypatch.setattr(library.store, "copy_part", refuse)
    make_transfer(library.store, copy=True, concurrency=1, max_concurrency=1).run(library.work(is_last=True))

    assert copies_of(library) == []
    assert library.complete() == library.expected()
    assert library.store.counts["copy"] <= 3, "one refusal is enough, beside what was in line"
    assert library.bytes_told == sum(SIZES)


def test_store_that_keeps_the_checksum_to_itself_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    library = make_case(AWS, known=False)
    copy_part = library.store.copy_part

    def tell_nothing(*arguments: object) -> UploadedPart:
        uploaded = copy_part(*arguments)  # type: ignore[arg-type]
        return UploadedPart(uploaded.number, uploaded.etag)

    monkeypatch.setattr(library.store, "copy_part", tell_nothing)
    make_transfer(library.store, copy=True).run(library.work(is_last=True))

    assert copies_of(library) == []
    assert library.complete() == library.expected()


def test_source_that_changed_before_it_was_copied_ends_the_work() -> None:
    library = make_case(AWS, known=True)
    library.store.put("media", "a/0", b"another", content_type="image/jpeg")

    with pytest.raises(ObjectChanged) as caught:
        make_transfer(library.store, copy=True).run(library.work(is_last=True))

    assert caught.value.key == "a/0"


def test_late_part_goes_on_when_a_copy_brings_the_last_checksum() -> None:
    library = make_case(AWS, known=False)

    make_transfer(library.store, blocks=2, copy=True).run(library.work(is_last=True))

    assert library.complete() == library.expected()
    assert library.store.counts["put"] + library.store.counts["copy"] == library.plan.part_count
