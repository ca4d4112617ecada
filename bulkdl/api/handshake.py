"""Who may open a WebSocket: all that can be refused before the connection is upgraded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException

from bulkdl.errors import PermissionDenied


class UpgradeRequired(HTTPException):
    """The client speaks another version of the protocol (RFC 6455 §4.4)."""

    code = 426
    description = "This route is a WebSocket of version 13."

    # Any: Werkzeug's own signature.
    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """With the version that would be accepted."""
        return [*super().get_headers(*args, **kwargs), ("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]


def check_handshake(  # Any: the WSGI environment
    environ: Mapping[str, Any], *, host: str, allowed_origins: Collection[str]
) -> None:
    """Refuse what must not be upgraded.

    A browser sends cookies along with a handshake from any page, and no CORS check follows: the origin must
    be this host's own or on the list. Programs send none.
    """
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        raise UpgradeRequired
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        raise BadRequest("Sec-WebSocket-Key must be 16 bytes in base64.")
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not is_allowed_origin(origin, host=host, allowed_origins=allowed_origins):
        raise PermissionDenied("This origin may not open a WebSocket here.")


def is_allowed_origin(origin: str, *, host: str, allowed_origins: Collection[str]) -> bool:
    """Whether a page of this origin may connect to `host`; scheme, host and port are compared exactly."""
    own = {f"http://{host.lower()}", f"https://{host.lower()}"}
    return origin.lower() in own or origin in allowed_origins


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
