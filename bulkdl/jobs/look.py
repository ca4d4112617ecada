"""Looking at the objects before planning: size, ETag, date and, where it is kept, CRC-32, all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from bulkdl.errors import ObjectArchived, ObjectUnreadable, StorageUnavailable
from bulkdl.jobs.models import BulkDownloadItem
from bulkdl.storage import ObjectInfo, ObjectStore

Look = ObjectInfo | ObjectUnreadable
"""What was found, or why the object cannot be had."""


def look_at(
    store: ObjectStore, items: Sequence[BulkDownloadItem], *, concurrency: int, check: Callable[[], None]
) -> list[Look]:
    """Look at the object of every item, in the same order.

    `check` is called between answers and may raise to stop. Raises `StorageUnavailable` when the store
    does not answer for an object after three tries.
    """
    looks: list[Look | None] = [None] * len(items)
    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(items))), thread_name_prefix="look") as pool:
        try:
            futures = {pool.submit(_look, store, item): place for place, item in enumerate(items)}
            for future in as_completed(futures):
                check()
                looks[futures[future]] = future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [look for look in looks if look is not None]


def _look(store: ObjectStore, item: BulkDownloadItem) -> Look:
    try:
        info = _head(store, item.bucket, item.key)
    except ObjectUnreadable as exc:
        return exc
    if info.is_archived:
        return ObjectArchived("the object must be restored first", bucket=item.bucket, key=item.key)
    return info


@retry(
    retry=retry_if_exception_type(StorageUnavailable),
    stop=stop_after_attempt(3),
    wait=wait_exponential_jitter(multiplier=0.2, max=5),
    reraise=True,
)
def _head(store: ObjectStore, bucket: str, key: str) -> ObjectInfo:
    return store.head(bucket, key)
