"""What all schemas have in common: JSON names in camelCase, and pages by cursor."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from bulkdl.api.fields import Text


class Schema(ma.Schema):
    """A schema whose JSON names are the Python names in camelCase."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # Any: fields of all types
        """Derive the JSON name."""
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(word.capitalize() for word in rest)


class CursorSchema(Schema):
    """Which page of a list."""

    cursor = Text(high=2048, load_default=None, metadata={"description": "`nextCursor` of the page before."})
