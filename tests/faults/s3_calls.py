"""What a request to an object store asks for, read off its method, path and query."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.faults.http_relay import Head

SIGNATURE_PARAMETERS = ("x-amz-signature", "x-amz-date", "x-amz-credential", "x-amz-expires", "x-amz-signedheaders")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, by the names of the S3 API reference."""

    operation: str
    method: str
    bucket: str
    key: str
    query: dict[str, str]
    byte_range: str
    identity: str
    """Equal for a request and its repetitions, whenever they are signed."""
    occurrence: int = field(default=0, compare=False)
    """How often this identity was seen before."""
    size: int = field(default=0, compare=False)
    """Bytes of the body, or of the slice that is copied."""
    copies_slice: bool = field(default=False, compare=False)
    """UploadPartCopy with x-amz-copy-source-range."""
    compares_source: bool = field(default=False, compare=False)
    """UploadPartCopy with x-amz-copy-source-if-match."""
    client_port: int = field(default=0, compare=False)
    """The other end of the connection: tells which process asks."""

    @property
    def upload_id(self) -> str:
        """Of a request about a multipart upload."""
        return self.query.get("uploadId", "")

    @property
    def part(self) -> int:
        """Number of the part that is stored; 0 for other requests."""
        return int(self.query.get("partNumber", 0))


def read_call(head: Head) -> Call:
    """What this request asks for; path style."""
    method, target, _ = head.first_line.split(" ", 2)
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    bucket, _, key = parts.path.lstrip("/").partition("/")
    byte_range = head.headers.get("range", "")
    named = sorted((name, value) for name, value in query.items() if name.lower() not in SIGNATURE_PARAMETERS)
    identity = repr((method, parts.path, named, byte_range))
    operation = _operation(method, key, query, "x-amz-copy-source" in head.headers)
    copied = head.headers.get("x-amz-copy-source-range", "")
    return Call(
        operation,
        method,
        unquote(bucket),
        unquote(key),
        query,
        byte_range,
        identity,
        size=_size_of_range(copied) if copied else int(head.headers.get("content-length", 0)),
        copies_slice=bool(copied),
        compares_source="x-amz-copy-source-if-match" in head.headers,
    )


def _size_of_range(text: str) -> int:
    first, last = text.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


def _operation(method: str, key: str, query: dict[str, str], is_copy: bool) -> str:
    if not key:
        return _on_bucket(method, query)
    if "uploadId" in query:
        part = "UploadPartCopy" if is_copy else "UploadPart"
        return {
            "PUT": part,
            "GET": "ListParts",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
        }.get(method, method)
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    return {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(method, method)


def _on_bucket(method: str, query: dict[str, str]) -> str:
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    return {"GET": "ListObjects", "HEAD": "HeadBucket", "POST": "DeleteObjects"}.get(method, method)
