"""Queries on the catalogue of assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bulkdl.jobs.models import Asset

_CHUNK = 500
"""Ids per IN list: below SQLite's smallest limit of bound variables."""


def find_assets(session: Session, project_id: str, asset_ids: Sequence[str]) -> dict[str, Asset]:
    """The project's assets among these ids, by id."""
    found: dict[str, Asset] = {}
    for start in range(0, len(asset_ids), _CHUNK):
        chunk = asset_ids[start : start + _CHUNK]
        query = sa.select(Asset).where(Asset.project_id == project_id, Asset.id.in_(chunk))
        found.update((asset.id, asset) for asset in session.scalars(query))
    return found


def get_asset(session: Session, asset_id: str) -> Asset | None:
    """One asset, whatever its project."""
    return session.get(Asset, asset_id)


def page_of_assets(
    session: Session,
    project_id: str,
    *,
    after: tuple[str, str] | None,
    limit: int,
    search: str | None = None,
    folder: str | None = None,
) -> Sequence[Asset]:
    """Up to `limit` assets in the order of (name, id), behind the position `after`.

    `search` matches anywhere in the name without regard to (ASCII) case; `folder` keeps what lies below it.
    """
    query = sa.select(Asset).where(Asset.project_id == project_id)
    if after is not None:
        query = query.where(sa.tuple_(Asset.name, Asset.id) > sa.tuple_(*map(sa.literal, after)))
    if search:
        query = query.where(Asset.name.icontains(search, autoescape=True))
    if folder:
        query = query.where(Asset.name.startswith(folder.rstrip("/") + "/", autoescape=True))
    return session.scalars(query.order_by(Asset.name, Asset.id).limit(limit)).all()


def count_assets(session: Session, project_id: str) -> tuple[int, int]:
    """How many assets the project has, and their bytes."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Asset.size), 0)).where(
        Asset.project_id == project_id
    )
    count, size = session.execute(query).one()
    return int(count), int(size)


def save_assets(session: Session, assets: Iterable[Asset]) -> None:
    """Insert the assets, or replace those with the same id."""
    for asset in assets:
        session.merge(asset)
