"""What S3's answers say: headers and small XML bodies, read without a parser of either."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bulkdl.storage import ObjectInfo, ObjectVersion
from bulkdl.storage.providers import FROZEN_CLASSES
from bulkdl.storage.s3.checksums import decode_crc32
from bulkdl.storage.s3.errors import Refusal, parse_retry_after
from bulkdl.storage.s3.wire import Answer, MalformedAnswer

ANSWER_LIMIT = 256 * 1024
"""Of an XML answer; a copy that takes long sends blanks before it."""


def element(text: str, name: str) -> str | None:
    """The text of the first element of that name; S3's answers nest none that matter."""
    found = re.search(rf"<(?:\w+:)?{name}(?: [^>]*)?>([^<]*)<", text)
    return html.unescape(found[1]).strip() if found else None


def read_refusal(answer: Answer) -> Refusal:
    """Status, code and message of an error (API ErrorResponses); what cannot be read stays empty."""
    try:
        text = answer.read(ANSWER_LIMIT).decode("utf-8", "replace")
    except (OSError, MalformedAnswer):
        text = ""
    return refusal_in(text, answer)


def refusal_in(text: str, answer: Answer) -> Refusal:
    """The error that stands in a body already read."""
    return Refusal(
        status=answer.status,
        code=element(text, "Code") or "",
        message=(element(text, "Message") or "")[:500],
        retry_after_s=parse_retry_after(answer.headers.get("retry-after")),
        region=answer.headers.get("x-amz-bucket-region"),
    )


def described(bucket: str, key: str, answer: Answer) -> ObjectInfo:
    """What the headers of a HEAD (API_HeadObject) tell. Raises `MalformedAnswer` if it is not enough."""
    headers = answer.headers
    if answer.length is None or "etag" not in headers:
        raise MalformedAnswer("an object without length or ETag")
    is_frozen = headers.get("x-amz-storage-class") in FROZEN_CLASSES or "x-amz-archive-status" in headers
    is_restored = 'ongoing-request="false"' in headers.get("x-amz-restore", "")
    return ObjectInfo(
        ObjectVersion(bucket, key, answer.length, headers["etag"]),
        modified_at=_date(headers.get("last-modified", "")),
        content_type=headers.get("content-type"),
        crc32=decode_crc32(headers.get("x-amz-checksum-crc32"), headers.get("x-amz-checksum-type")),
        is_archived=is_frozen and not is_restored,
        metadata={name[11:]: value for name, value in headers.items() if name.startswith("x-amz-meta-")},
    )


def _date(value: str) -> datetime:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        raise MalformedAnswer(f"a date of {value[:40]!r}") from None
