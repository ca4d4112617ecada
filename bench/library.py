"""Brings the sources to where they are read from, once: what lies there already is left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import content
from bench.setup import Store
from bench.workloads import GIB, SourceFile, Workload
from bulkdl.storage import ObjectStore, ObjectVersion
from bulkdl.storage.s3 import make_s3_store

_TYPE = "image/jpeg"
_MEMORY = GIB
"""For bodies that are being put."""


def open_store(store: Store) -> ObjectStore:
    """The project's own client of the store."""
    return make_s3_store(
        endpoint_url=store.endpoint,
        region=store.region,
        provider=store.provider,
        access_key_id=store.any_key,
        secret_access_key=store.any_key,
    )


def bring(store: Store, workload: Workload) -> dict[str, ObjectVersion]:
    """Every source by its key, written where it was missing."""
    if store.objects_folder is not None:
        return _write_files(store, store.objects_folder / store.bucket, workload)
    with_client = open_store(store)
    try:
        with_client.ensure_bucket(store.bucket)
        return _put_objects(with_client, store.bucket, workload)
    finally:
        with_client.close()


def _put_objects(client: ObjectStore, bucket: str, workload: Workload) -> dict[str, ObjectVersion]:
    prefix = workload.files[0].key.rpartition("/")[0] + "/"
    there = {info.version.key: info.version for info in client.list_objects(bucket, prefix)}
    missing = [file for file in workload.files if file.key not in there or there[file.key].size != file.size]

    def put(file: SourceFile) -> ObjectVersion:
        return client.put(bucket, file.key, content.content(file.key, file.size), content_type=_TYPE)

    largest = max((file.size for file in missing), default=1)
    with ThreadPoolExecutor(max(1, min(8, _MEMORY // (2 * largest)))) as pool:
        there.update((version.key, version) for version in pool.map(put, missing))
    return {file.key: there[file.key] for file in workload.files}


def _write_files(store: Store, folder: Path, workload: Workload) -> dict[str, ObjectVersion]:
    for file in workload.files:
        path = folder / file.key
        if path.exists() and path.stat().st_size == file.size:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as target:
            target.writelines(content.chunks(file.key, file.size))
        unfinished.rename(path)
    # Such a server keeps no ETags: `*` is the only If-Match that it can honour (RFC 9110 §13.1.1).
    return {file.key: ObjectVersion(store.bucket, file.key, file.size, "*") for file in workload.files}
