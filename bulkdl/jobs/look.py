"""Looking at the objects before planning: size, ETag, date and, where it helps, the CRC-32 that the store keeps.

One page of a listing tells of a thousand objects what a HEAD tells of one, so a selection that lies
close together is looked at in a few requests; the rest, and what only a HEAD tells, by HEADs side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby, islice

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from bulkdl.errors import ObjectArchived, ObjectUnreadable, StorageRefused, StorageUnavailable
from bulkdl.jobs.status import ItemOutcome, SkipReason
from bulkdl.jobs.store.ledger import LedgerItem
from bulkdl.storage import ObjectInfo, ObjectStore

Look = ObjectInfo | ObjectUnreadable
"""What was found, or why the object cannot be had."""

_Place = tuple[str, str]
"""Bucket and key."""

PAGE = 1000
"""Objects in a page of a listing (API_ListObjectsV2)."""
_WORTH_A_PAGE = 16
"""Wanted objects that a page must tell of to cost less than their HEADs."""
_BATCH = 1000
"""HEADs in line at a time: one that waits takes more memory than its answer."""

_with_retries = retry(
    retry=retry_if_exception_type(StorageUnavailable),
    stop=stop_after_attempt(3),
    wait=wait_exponential_jitter(multiplier=0.2, max=5),
    reraise=True,
)


def look_at(
    store: ObjectStore,
    items: Sequence[LedgerItem],
    *,
    concurrency: int,
    copied_from: int,
    check: Callable[[], None],
) -> list[Look]:
    """Look at the object of every item, in the same order.

    Objects of `copied_from` bytes or more may be copied without being read if their CRC-32 is known, so
    they are asked for it where the store keeps one. `check` is called between answers and may raise to
    stop. Raises `StorageUnavailable` when the store does not answer a request after three tries.
    """
    places = list(dict.fromkeys((item.bucket, item.key) for item in items))
    looks: dict[_Place, Look] = {}
    for bucket, group in groupby(sorted(places, key=_in_listing_order), key=lambda place: place[0]):
        looks.update(_from_listing(store, bucket, [key for _, key in group], check))
    unclear = [place for place in places if _needs_head(store, looks.get(place), copied_from)]
    looks.update(_from_heads(store, unclear, concurrency, check))
    return [looks[item.bucket, item.key] for item in items]


def note_look(item: LedgerItem, look: Look) -> None:
    """Write what was found into the item (not into the database)."""
    if isinstance(look, ObjectUnreadable):
        item.outcome, item.reason, item.archive_name = ItemOutcome.SKIPPED, SkipReason(look.code), None
        return
    item.size = look.version.size
    item.etag = look.version.etag
    item.modified_at = look.modified_at
    item.crc32 = look.crc32


def _in_listing_order(place: _Place) -> tuple[str, bytes]:
    return place[0], place[1].encode("utf-8", "surrogatepass")


def _needs_head(store: ObjectStore, look: Look | None, copied_from: int) -> bool:
    if not isinstance(look, ObjectInfo):
        return look is None
    return store.provider.stores_crc32 and look.version.size >= copied_from


def _from_listing(
    store: ObjectStore, bucket: str, keys: Sequence[str], check: Callable[[], None]
) -> dict[_Place, Look]:
    """What listings tell of these keys, which are sorted; nothing of those that are not worth one, or not there."""
    found: dict[_Place, Look] = {}
    wanted, place = set(keys), 0
    while len(keys) - place >= _WORTH_A_PAGE:
        check()
        try:
            page = _page(store, bucket, start_after=keys[place][:-1])
        except StorageRefused:
            # Reading objects is allowed more often than listing the bucket.
            return found
        hits = {(bucket, info.version.key): _judged(info) for info in page if info.version.key in wanted}
        found.update(hits)
        if len(hits) < _WORTH_A_PAGE or len(page) < PAGE:
            return found
        place = _behind(keys, place, page[-1].version.key)
    return found


def _behind(keys: Sequence[str], place: int, last: str) -> int:
    """The place of the first key that a page which ended with `last` has not told of."""
    end = last.encode("utf-8", "surrogatepass")
    while place < len(keys) and keys[place].encode("utf-8", "surrogatepass") <= end:
        place += 1
    return place


def _from_heads(
    store: ObjectStore, places: Iterable[_Place], concurrency: int, check: Callable[[], None]
) -> dict[_Place, Look]:
    looks: dict[_Place, Look] = {}
    remaining = iter(places)
    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="look") as pool:
        try:
            while batch := list(islice(remaining, _BATCH)):
                futures = {pool.submit(_from_head, store, place): place for place in batch}
                for future in as_completed(futures):
                    check()
                    looks[futures[future]] = future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return looks


def _from_head(store: ObjectStore, place: _Place) -> Look:
    try:
        return _judged(_head(store, *place))
    except ObjectUnreadable as exc:
        return exc


def _judged(info: ObjectInfo) -> Look:
    if info.is_archived:
        version = info.version
        return ObjectArchived("the object must be restored first", bucket=version.bucket, key=version.key)
    return info


@_with_retries
def _head(store: ObjectStore, bucket: str, key: str) -> ObjectInfo:
    return store.head(bucket, key)


@_with_retries
def _page(store: ObjectStore, bucket: str, *, start_after: str) -> list[ObjectInfo]:
    return list(islice(store.list_objects(bucket, start_after=start_after), PAGE))
