"""What all schemas have in common: JSON names in camelCase, and pages by cursor."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from bulkdl.api.fields import Text


class Schema(ma.Schema):
    """A schema whose JSON names are the Python names in camelCase; read strictly, fields nobody knows are refused."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # Any: fields of all types
        """Derive the JSON name."""
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(word.capitalize() for word in rest)


class Answer(Schema):
    """A schema of what is written: further fields may come with time."""

    class Meta:
        """Left open in the OpenAPI document."""

        unknown = ma.EXCLUDE


class CursorSchema(Schema):
    """Which page of a list."""

    cursor = Text(
        high=2048,
        pattern=r"^[A-Za-z0-9_-]+$",
        load_default=None,
        metadata={"description": "`nextCursor` of the page before."},
    )
