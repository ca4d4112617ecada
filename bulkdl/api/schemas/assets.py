"""The media library on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from bulkdl.api.fields import MAX_ID_LENGTH, FreeText, Text
from bulkdl.api.schemas.base import Answer, CursorSchema, Schema

MAX_SIZE = 2**63 - 1
"""What the databases' columns hold."""


class AssetListQuerySchema(CursorSchema):
    """Which assets."""

    project_id = Text(high=MAX_ID_LENGTH, required=True)
    limit = fields.Integer(load_default=100, validate=ma.validate.Range(1, 1000))
    search = Text(high=200, load_default=None, metadata={"description": "Part of the name, upper or lower case."})
    folder = Text(high=1024, load_default=None, metadata={"description": "Only what lies in this folder or below."})


class AssetSchema(Answer):
    """A file of the media library."""

    asset_id = fields.String(required=True)
    project_id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "`/` separates folders."})
    size = fields.Integer(required=True)
    content_type = fields.String(required=True, allow_none=True)
    modified_at = fields.AwareDateTime(required=True, allow_none=True)
    thumbnail_url = fields.String(required=True, allow_none=True, metadata={"description": "Of what has a picture."})


class AssetListSchema(Answer):
    """A page of the library, by name."""

    assets = fields.List(fields.Nested(AssetSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    total_count = fields.Integer(required=True, metadata={"description": "Of the whole project."})
    total_size = fields.Integer(required=True, metadata={"description": "Bytes of the whole project."})


class NewAssetSchema(Schema):
    """An object that becomes part of the library."""

    name = Text(high=1024, required=True, metadata={"description": "`/` separates folders."})
    bucket = Text(high=255, required=True, metadata={"description": "One that this service is allowed to read."})
    key = FreeText(high=1024, required=True)
    size = fields.Integer(strict=True, required=True, validate=ma.validate.Range(0, MAX_SIZE))
    etag = Text(high=255, load_default=None, allow_none=True)
    content_type = Text(high=255, load_default=None, allow_none=True)
    modified_at = fields.AwareDateTime(load_default=None, allow_none=True)
    thumbnail_key = FreeText(
        high=1024,
        load_default=None,
        allow_none=True,
        metadata={"description": "Key of a small JPEG of it, in the same bucket; without one an image is its own."},
    )


class NewAssetsSchema(Schema):
    """Objects that become part of a project's library."""

    project_id = Text(high=MAX_ID_LENGTH, required=True)
    assets = fields.List(fields.Nested(NewAssetSchema), required=True, validate=ma.validate.Length(1, 1000))


class AddedAssetsSchema(Answer):
    """The assets as they stand in the library now."""

    assets = fields.List(fields.Nested(AssetSchema), required=True)
