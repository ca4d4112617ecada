"""Loads the sample library: objects into the bucket, assets into the catalogue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bulkdl.jobs import catalogue, sweep
from bulkdl.jobs.catalogue import NewAsset
from bulkdl.local.demo import PROJECT
from bulkdl.local.sample import SampleFile, sample_files
from bulkdl.runtime import Runtime

_PREFIX = "sample-library/"
_THUMBNAILS = "sample-thumbnails/"


def load_library(runtime: Runtime, folder: Path) -> None:
    """Put every sample file into the bucket and into the catalogue; doing it again changes nothing."""
    with ThreadPoolExecutor(4) as pool:
        assets = list(pool.map(lambda file: _put(runtime, folder, file), sample_files()))
    catalogue.save_assets(runtime.jobs, PROJECT, assets)


def forget_lost_archives(runtime: Runtime) -> int:
    """Mark archives of earlier runs that the bucket no longer holds as expired; return how many."""
    return sweep.expire_lost_archives(runtime.jobs)


def _put(runtime: Runtime, folder: Path, file: SampleFile) -> NewAsset:
    bucket, key = runtime.settings.archive_bucket, _PREFIX + file.file_name
    version = runtime.store.put(bucket, key, (folder / file.file_name).read_bytes(), content_type=file.content_type)
    thumbnail_key = f"{_THUMBNAILS}{file.number:03d}.jpg"
    runtime.store.put(bucket, thumbnail_key, (folder / file.thumbnail_name).read_bytes(), content_type="image/jpeg")
    return NewAsset(
        name=file.name,
        bucket=bucket,
        key=key,
        size=version.size,
        etag=version.etag,
        content_type=file.content_type,
        thumbnail_key=thumbnail_key,
    )
