"""The catalogue: the media library of a project, as a person browses it and as files come into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bulkdl.errors import AssetNotFound
from bulkdl.identity import Principal
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.cursor import decode_cursor, encode_cursor
from bulkdl.jobs.models import Asset
from bulkdl.jobs.store import catalogue
from bulkdl.jobs.store.clock import utc_now
from bulkdl.storage import ObjectInfo

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An object that becomes part of a library."""

    name: str
    """`/` separates folders."""
    bucket: str
    key: str
    size: int
    etag: str | None = None
    content_type: str | None = None
    modified_at: datetime | None = None
    thumbnail_key: str | None = None
    """A small picture of it, in the same bucket."""


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets, by name."""

    assets: list[Asset]
    next_cursor: str | None
    total_count: int
    """Of the whole project, as are the bytes."""
    total_size: int


def list_assets(
    ctx: JobContext,
    principal: Principal,
    project_id: str,
    cursor: str | None,
    limit: int,
    search: str | None = None,
    folder: str | None = None,
) -> AssetPage:
    """A page of a project's assets, by name; `PermissionDenied` unless the project is the caller's."""
    principal.require_project(project_id)
    after: tuple[str, str] | None = None
    if cursor is not None:
        name, asset_id = decode_cursor(cursor, str, str)
        after = (name, asset_id)
    with ctx.database.reader() as session:
        rows = catalogue.page_of_assets(session, project_id, after=after, limit=limit + 1, search=search, folder=folder)
        count, size = catalogue.count_assets(session, project_id)
    page = list(rows[:limit])
    following = encode_cursor(page[-1].name, page[-1].id) if len(rows) > limit else None
    return AssetPage(page, following, count, size)


def get_asset(ctx: JobContext, principal: Principal, asset_id: str) -> Asset:
    """One asset of the caller's projects; `AssetNotFound` for any other."""
    with ctx.database.reader() as session:
        asset = catalogue.get_asset(session, asset_id)
    if asset is None or asset.project_id not in principal.project_ids:
        raise AssetNotFound([asset_id])
    return asset


def add_assets(ctx: JobContext, principal: Principal, project_id: str, new: Sequence[NewAsset]) -> list[Asset]:
    """Put objects into a project's library; the same object again replaces its entry."""
    principal.require_project(project_id)
    return save_assets(ctx, project_id, new)


def save_assets(ctx: JobContext, project_id: str, new: Iterable[NewAsset]) -> list[Asset]:
    """The same without a caller: for the operator's own commands."""
    assets = [_asset(project_id, asset) for asset in new]
    for start in range(0, len(assets), _BATCH):
        with ctx.database.session() as session:
            catalogue.save_assets(session, assets[start : start + _BATCH])
            session.commit()
    return assets


def assets_below(objects: Iterable[ObjectInfo], prefix: str) -> Iterator[NewAsset]:
    """What a listing below `prefix` brings into a library: names are keys without the prefix's folder."""
    folder = prefix[: prefix.rfind("/") + 1]
    for info in objects:
        version = info.version
        if version.key.endswith("/"):
            continue
        yield NewAsset(
            name=version.key.removeprefix(folder),
            bucket=version.bucket,
            key=version.key,
            size=version.size,
            etag=version.etag,
            content_type=info.content_type,
            modified_at=info.modified_at,
        )


def asset_id_of(project_id: str, bucket: str, key: str) -> str:
    """The id of an object's entry in a library: always the same one."""
    return hashlib.sha256("\0".join((project_id, bucket, key)).encode()).hexdigest()[:32]


def _asset(project_id: str, new: NewAsset) -> Asset:
    return Asset(
        id=asset_id_of(project_id, new.bucket, new.key),
        project_id=project_id,
        name=new.name,
        bucket=new.bucket,
        key=new.key,
        size=new.size,
        etag=new.etag,
        content_type=new.content_type,
        modified_at=new.modified_at,
        thumbnail_key=new.thumbnail_key,
        created_at=utc_now(),
    )
