"""Routes of the catalogue: the media library that selections are made from."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify

from bulkdl.api.auth import current_principal
from bulkdl.api.blueprint import Blueprint
from bulkdl.api.current import current_jobs, current_settings
from bulkdl.api.fields import is_id
from bulkdl.api.present import asset_json, has_picture
from bulkdl.api.schemas import AddedAssetsSchema, AssetListQuerySchema, AssetListSchema, NewAssetsSchema
from bulkdl.errors import AssetNotFound, InvalidRequest, PermissionDenied
from bulkdl.jobs import catalogue
from bulkdl.jobs.models import Asset

# Any: arguments as the schemas give them.
Arguments = dict[str, Any]

blueprint = Blueprint("assets", __name__, description="The media library.")

WRITE_SCOPE = "assets:write"

_THUMBNAIL_TTL_S = 3600
_THUMBNAIL_TYPE = "image/jpeg"
_THUMBNAIL_CACHE = "private, max-age=300"


@blueprint.route("", methods=["GET"])
@blueprint.arguments(AssetListQuerySchema, location="query")
@blueprint.response(HTTPStatus.OK, AssetListSchema)
def list_assets(query: Arguments) -> Response:
    """The assets of a project, by name."""
    page = catalogue.list_assets(current_jobs(), current_principal(), **query)
    return jsonify(
        assets=_present(page.assets),
        nextCursor=page.next_cursor,
        totalCount=page.total_count,
        totalSize=page.total_size,
    )


@blueprint.route("", methods=["POST"])
@blueprint.arguments(NewAssetsSchema)
@blueprint.response(HTTPStatus.CREATED, AddedAssetsSchema)
def add_assets(body: Arguments) -> Response:
    """Add objects to the library of a project. Needs the scope `assets:write`.

    Only objects in the buckets that the operator allows; bucket and key never come from anybody else.
    """
    principal = current_principal()
    principal.require_project(body["project_id"])
    if WRITE_SCOPE not in principal.scopes:
        raise PermissionDenied(f"Your token lacks the scope {WRITE_SCOPE}.")
    allowed = current_settings().readable_buckets
    for position, asset in enumerate(body["assets"]):
        if asset["bucket"] not in allowed:
            raise InvalidRequest("This bucket is not one that assets may lie in.", field=f"assets/{position}/bucket")
    new = [catalogue.NewAsset(**asset) for asset in body["assets"]]
    added = catalogue.add_assets(current_jobs(), principal, body["project_id"], new)
    response = jsonify(assets=_present(added))
    response.status_code = HTTPStatus.CREATED
    return response


@blueprint.route("/<string:asset_id>/thumbnail", methods=["GET"])
@blueprint.alt_response(HTTPStatus.FOUND, description="To the image, by a presigned URL.", success=True)
def thumbnail(asset_id: str) -> Response:
    """A picture of an asset, straight from the bucket: its thumbnail, or an image itself."""
    if not is_id(asset_id):
        raise AssetNotFound([asset_id])
    asset = catalogue.get_asset(current_jobs(), current_principal(), asset_id)
    if not has_picture(asset):
        raise AssetNotFound([asset_id])
    url = current_jobs().store.presign(
        asset.bucket,
        asset.thumbnail_key or asset.key,
        expires_s=_THUMBNAIL_TTL_S,
        file_name=asset.name.rpartition("/")[2],
        content_type=_THUMBNAIL_TYPE if asset.thumbnail_key else asset.content_type or "application/octet-stream",
    )
    # Kept for a while, unlike other answers with such a URL: a grid shows the same picture again and again.
    return Response(status=HTTPStatus.FOUND, headers={"Location": url, "Cache-Control": _THUMBNAIL_CACHE})


def _present(assets: list[Asset]) -> list[dict[str, Any]]:  # Any: JSON
    prefix = current_settings().url_prefix
    return [asset_json(asset, prefix) for asset in assets]
