"""The Content-Disposition header of a download, safe for any file name (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_ATTR_CHAR = "!#$&+-.^_`|~"
"""What RFC 8187 §3.2.1 allows unencoded in a `filename*`, beside letters and digits."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls (a line break would begin another header), direction overrides, lone surrogates."""
_NOT_PLAIN = re.compile(r'[^ -~]|["%]')
"""What the quoted form cannot carry: some browsers decode a percent sign there."""


def attachment(file_name: str) -> str:
    """`attachment` with the name as plain ASCII and, where that loses something, as UTF-8 too.

    Unsafe characters are dropped, path separators become `_`, an empty name becomes `download`.
    """
    name = re.sub(r"[/\\]", "_", _UNSAFE.sub("", file_name)).strip() or "download"
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    plain = _NOT_PLAIN.sub("_", re.sub(r"[/\\]", "_", bare)).strip() or "download"
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
