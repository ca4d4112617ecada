"""The web process as the command sees it: JSON over HTTP, as any other client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from bulkdl.cli.exits import Refused, Unreachable

# Any: JSON documents of the API; their shapes are in `api.schemas`.
Json = dict[str, Any]

_RETRIES = urllib3.Retry(
    total=6,
    backoff_factor=0.3,
    status_forcelist={502, 503, 504},
    # Every request may be repeated: POST carries an Idempotency-Key, and DELETE is idempotent.
    allowed_methods=None,
    raise_on_status=False,
    respect_retry_after_header=False,
)


class Api:
    """The routes below the prefix, with the caller's token."""

    def __init__(self, base_url: str, url_prefix: str, token: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._url_prefix = url_prefix
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(retries=_RETRIES, timeout=urllib3.Timeout(connect=5, read=30))

    def get(self, path: str, **query: str | int | None) -> Json:
        """GET a document; raises `Refused` or `Unreachable`."""
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Json, *, idempotency_key: str) -> Json:
        """POST a document; raises `Refused` or `Unreachable`."""
        return self._ask("POST", path, body=body, headers={"Idempotency-Key": idempotency_key})

    def delete(self, path: str) -> Json:
        """DELETE; raises `Refused` or `Unreachable`."""
        return self._ask("DELETE", path)

    def pages(self, path: str, field: str, *, at_most: int | None = None, **query: str | int | None) -> Iterator[Json]:
        """Every entry of a paged list, page by page, in the server's order."""
        cursor: str | None = None
        count = 0
        while True:
            page = self.get(path, cursor=cursor, **query)
            for entry in page[field]:
                if count == at_most:
                    return
                count += 1
                yield entry
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self._base_url}{self._url_prefix}{path}" + (f"?{urlencode(given)}" if given else "")
        try:
            answer = self._pool.request(method, url, json=body, headers={**self._headers, **(headers or {})})
        except urllib3.exceptions.HTTPError as exc:
            raise Unreachable(f"{self._base_url} cannot be reached: is `make run` or your web process up?") from exc
        document = _parse(answer)
        if answer.status < 400:
            return document
        detail = str(document.get("detail") or answer.reason)
        if answer.status >= 500:
            raise Unreachable(f"{self._base_url} cannot serve now: {detail} ({answer.status})")
        raise Refused(answer.status, str(document.get("code", "error")), _with_fields(detail, document))


def _with_fields(detail: str, document: Json) -> str:
    """The detail, with what the server says of single fields."""
    fields = [
        f"{error.get('pointer') or error.get('parameter')}: {error['detail']}" for error in document.get("errors", [])
    ]
    return " ".join([detail, *fields])


def _parse(answer: urllib3.BaseHTTPResponse) -> Json:
    try:
        document = json.loads(answer.data)
    except ValueError:
        return {"detail": f"{answer.status} without a JSON document: is this a Bulkdl server?"}
    return document if isinstance(document, dict) else {}
