"""Looking at many objects: what is asked of the store, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from bulkdl.errors import ObjectArchived, ObjectForbidden, ObjectNotFound, StorageRefused
from bulkdl.jobs.look import Look, look_at
from bulkdl.jobs.status import ItemOutcome
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.storage import ObjectInfo
from bulkdl.storage.memory import MemoryStore
from bulkdl.storage.providers import GENERIC

BIG = 100


class Counting:
    """A memory store that counts what it is asked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.heads: list[str] = []
        self.listings = 0
        self.may_list = True

    def head(self, bucket: str, key: str) -> ObjectInfo:
        self.heads.append(key)
        return self._store.head(bucket, key)

    def list_objects(self, bucket: str, prefix: str = "", *, start_after: str = "") -> Any:
        self.listings += 1
        if not self.may_list:
            raise StorageRefused("no permission to list")
        return self._store.list_objects(bucket, prefix, start_after=start_after)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def store() -> Any:
    return Counting(MemoryStore(["media"], provider=GENERIC))


def put(store: Any, *keys: str, size: int = 3) -> None:
    for key in keys:
        store.put("media", key, b"x" * size, content_type="image/jpeg")


def look(store: Any, *keys: str) -> list[Look]:
    items = [LedgerItem(0, "", key, None, "media", key, 0, None, None, None, ItemOutcome.PENDING, None) for key in keys]
    return look_at(store, items, concurrency=4, copied_from=BIG, check=lambda: None)


def test_a_dense_selection_is_looked_at_by_listing(store: Any) -> None:
    keys = [f"originals/{number:05}" for number in range(2500)]
    put(store, *keys)

    looks = look(store, *keys)

    assert [found.version.key for found in looks if isinstance(found, ObjectInfo)] == keys
    assert store.heads == []
    assert store.listings == 3


def test_a_selection_scattered_over_a_large_bucket_is_not_listed_through(store: Any) -> None:
    keys = [f"originals/{number:05}" for number in range(20_000)]
    put(store, *keys)
    scattered = keys[::500]

    looks = look(store, *scattered)

    assert len(looks) == len(scattered) == 40
    assert store.listings == 1
    assert len(store.heads) >= 38


def test_what_a_listing_does_not_show_is_asked_for_by_name(store: Any) -> None:
    keys = [f"{number:03}" for number in range(40)]
    put(store, *keys[1:])

    looks = look(store, *keys)

    assert isinstance(looks[0], ObjectNotFound)
    assert all(isinstance(found, ObjectInfo) for found in looks[1:])
    assert store.heads == ["000"]


def test_keys_are_matched_in_the_order_of_their_bytes(store: Any) -> None:
    # U+FFFD sorts behind U+1F600 in UTF-16 and before it in UTF-8, which is how S3 sorts.
    keys = ["a/\ufffd", "a/\U0001f600", *(f"b/{number:04}" for number in range(1200)), "z"]
    put(store, *keys)

    looks = look(store, *keys)

    assert [found.version.key for found in looks if isinstance(found, ObjectInfo)] == keys


@pytest.mark.parametrize("batch", [7, 40, 1000])
def test_without_the_right_to_list_every_object_is_asked_for(
    store: Any, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("bulkdl.jobs.look._BATCH", batch)
    keys = [f"{number:03}" for number in range(40)]
    put(store, *keys)
    store.may_list = False

    looks = look(store, *keys)

    assert all(isinstance(found, ObjectInfo) for found in looks)
    assert sorted(store.heads) == keys


def test_reasons_are_kept_apart(store: Any) -> None:
    put(store, "frozen", "forbidden")
    store.freeze("media", "frozen")
    store.forbid("media", "forbidden")

    frozen, forbidden, missing = look(store, "frozen", "forbidden", "missing")

    assert isinstance(frozen, ObjectArchived)
    assert isinstance(forbidden, ObjectForbidden)
    assert isinstance(missing, ObjectNotFound)


def test_an_object_that_is_wanted_twice_is_looked_at_once(store: Any) -> None:
    put(store, "a")

    first, second = look(store, "a", "a")

    assert first == second
    assert store.heads == ["a"]


def test_large_objects_are_asked_for_the_crc32_that_the_store_keeps() -> None:
    store: Any = Counting(MemoryStore(["media"]))
    small, large = [f"s{number:02}" for number in range(20)], [f"t{number:02}" for number in range(3)]
    put(store, *small)
    put(store, *large, size=BIG)

    looks = look(store, *small, *large)

    assert sorted(store.heads) == large
    assert all(isinstance(found, ObjectInfo) and found.crc32 is not None for found in looks[-3:])
