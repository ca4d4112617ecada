"""Fields that several schemas share: text that every database and header takes, and lists of ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from bulkdl.api.current import current_settings
from bulkdl.errors import TooManyFiles

MAX_ID_LENGTH = 64

# C0, DEL, C1 and lone surrogates.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def is_id(text: str) -> bool:
    """Whether this could be the id of a job, an asset or a project."""
    return 1 <= len(text) <= MAX_ID_LENGTH and not _UNFIT.search(text)


class Text(ma.fields.String):
    """A string of bounded length without control characters."""

    default_error_messages = {"unfit": "Control characters are not allowed."}  # noqa: RUF012 - marshmallow's way
    unfit = _UNFIT
    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$"
    """The same for the OpenAPI document."""

    # Any: marshmallow's own.
    def __init__(self, *, high: int, pattern: str | None = None, **kwargs: Any) -> None:
        metadata = {"pattern": pattern or self.pattern, **kwargs.pop("metadata", {})}
        super().__init__(validate=ma.validate.Length(1, high), metadata=metadata, **kwargs)

    # Any: marshmallow's hook signature.
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if self.unfit.search(text):
            raise self.make_error("unfit")
        return text


class FreeText(Text):
    """A string of bounded length that is cleaned where it is used; only what no database takes is refused."""

    default_error_messages = {"unfit": "This holds NUL or half of a surrogate pair."}  # noqa: RUF012 - as above
    unfit = _NO_TEXT
    pattern = r"^[^\u0000]*$"


class AssetIds(ma.fields.List[str]):
    """The ids of a selection, each once, within the limit of files.

    Looked at in one pass: a megabyte of tiny strings through a field each would hold up everybody else.
    """

    def __init__(self, **kwargs: Any) -> None:  # Any: marshmallow's own
        super().__init__(Text(high=MAX_ID_LENGTH), **kwargs)

    # Any: marshmallow's hook signature.
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        limit = current_settings().max_files
        if not isinstance(value, list) or not value:
            raise ma.ValidationError(f"This must be a list of 1 to {limit} asset ids.")
        for position, asset_id in enumerate(value):
            if not isinstance(asset_id, str) or not is_id(asset_id):
                reason = (
                    f"An asset id is a string of 1 to {MAX_ID_LENGTH} characters, none of them a control character."
                )
                raise ma.ValidationError({position: [reason]})
        asset_ids = list(dict.fromkeys(value))
        if len(asset_ids) > limit:
            raise TooManyFiles(len(asset_ids), limit)
        return asset_ids
