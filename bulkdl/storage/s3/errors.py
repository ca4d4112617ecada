"""From what S3 answers to our errors: one table, the first row that matches decides.

S3's codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from bulkdl.errors import (
    ObjectArchived,
    ObjectChanged,
    ObjectForbidden,
    ObjectNotFound,
    ObjectUnreadable,
    StorageError,
    StorageRefused,
    StorageUnavailable,
    UploadNotFound,
)


class About(Enum):
    """What a refusal can be blamed on."""

    SOURCE = auto()
    """One object to be read: what is wrong with it concerns that object alone."""
    UPLOAD = auto()
    """An open multipart upload."""
    STORE = auto()
    """A bucket, or an object to be written."""


class Subject(NamedTuple):
    """What a request was about."""

    action: str
    bucket: str
    key: str | None = None
    about: About = About.STORE


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success. `code` is empty where it had no body (HEAD)."""

    status: int
    code: str = ""
    message: str = ""
    retry_after_s: float | None = None
    region: str | None = None
    """Where the bucket is (x-amz-bucket-region)."""


class _Meaning(Enum):
    NOT_FOUND = auto()
    FORBIDDEN = auto()
    CHANGED = auto()
    ARCHIVED = auto()
    UNREADABLE = auto()
    NO_UPLOAD = auto()
    THROTTLED = auto()
    UNAVAILABLE = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class _Row:
    meaning: _Meaning
    codes: Collection[str] = ()
    statuses: Collection[int] = ()
    about: About | None = None


_KMS = ("KMS.DisabledException", "KMS.InvalidStateException", "KMS.KMSInvalidStateException", "KMS.NotFoundException")

_TABLE = (
    _Row(_Meaning.NO_UPLOAD, codes={"NoSuchUpload"}),
    # Ceph's word for it.
    _Row(_Meaning.NO_UPLOAD, codes={"NoSuchKey"}, about=About.UPLOAD),
    _Row(_Meaning.NOT_FOUND, codes={"NoSuchKey", "NoSuchVersion"}, about=About.SOURCE),
    _Row(_Meaning.ARCHIVED, codes={"InvalidObjectState"}, about=About.SOURCE),
    _Row(_Meaning.CHANGED, codes={"PreconditionFailed", "InvalidRange"}, about=About.SOURCE),
    _Row(_Meaning.FORBIDDEN, codes={"AccessDenied", "AllAccessDisabled", "Forbidden"}, about=About.SOURCE),
    _Row(
        _Meaning.THROTTLED,
        codes={
            "SlowDown",
            "ServiceUnavailable",
            "TooManyRequests",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "Throttling",
            "ThrottlingException",
        },
    ),
    _Row(
        _Meaning.UNAVAILABLE,
        codes={
            "InternalError",
            "RequestTimeout",
            "OperationAborted",
            "ConditionalRequestConflict",
            "IncompleteBody",
            "BadDigest",
            "XAmzContentChecksumMismatch",
        },
    ),
    # Encrypted with a key that the request would have to bring, or that has been disabled.
    _Row(_Meaning.UNREADABLE, codes={"InvalidRequest", *_KMS}, about=About.SOURCE),
    # What has nothing to do with one object though it comes with 400, 403 or 404, and what another
    # try will not mend though CompleteMultipartUpload may say it under 200.
    _Row(
        _Meaning.REFUSED,
        codes={
            "NoSuchBucket",
            "AccountProblem",
            "AuthorizationHeaderMalformed",
            "EntityTooLarge",
            "EntityTooSmall",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidArgument",
            "InvalidPart",
            "InvalidPartOrder",
            "InvalidSecurity",
            "InvalidToken",
            "MalformedXML",
            "NotImplemented",
            "NotSignedUp",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnauthorizedAccess",
            "Unauthorized",
        },
    ),
    _Row(_Meaning.NOT_FOUND, statuses={404, 410}, about=About.SOURCE),
    _Row(_Meaning.FORBIDDEN, statuses={403}, about=About.SOURCE),
    _Row(_Meaning.CHANGED, statuses={412, 416}, about=About.SOURCE),
    _Row(_Meaning.THROTTLED, statuses={429, 503}),
    _Row(_Meaning.UNAVAILABLE, statuses={307, 408, 425, 500, *range(502, 600)}),
    # An error that came under a status of success: the work was begun and then failed.
    _Row(_Meaning.UNAVAILABLE, statuses=range(200, 300)),
    _Row(_Meaning.REFUSED),
)


def translate(refusal: Refusal, subject: Subject) -> StorageError:
    """Our error for what S3 answered."""
    meaning = next(row.meaning for row in _TABLE if _matches(row, refusal, subject))
    text = _describe(refusal, subject)
    if meaning is _Meaning.NO_UPLOAD:
        return UploadNotFound(text)
    if meaning is _Meaning.THROTTLED or meaning is _Meaning.UNAVAILABLE:
        is_throttled = meaning is _Meaning.THROTTLED
        return StorageUnavailable(text, retry_after_s=refusal.retry_after_s, throttled=is_throttled)
    if meaning is _Meaning.REFUSED or subject.key is None:
        return StorageRefused(text)
    leaf = {
        _Meaning.NOT_FOUND: ObjectNotFound,
        _Meaning.FORBIDDEN: ObjectForbidden,
        _Meaning.CHANGED: ObjectChanged,
        _Meaning.ARCHIVED: ObjectArchived,
        _Meaning.UNREADABLE: ObjectUnreadable,
    }[meaning]
    return leaf(text, bucket=subject.bucket, key=subject.key)


def changed(subject: Subject, found: str) -> ObjectChanged:
    """The error for an answer that is not about the version that was looked at."""
    message = f"{subject.action}: the object is no longer the one that was looked at ({found})."
    return ObjectChanged(message, bucket=subject.bucket, key=subject.key or "")


def unavailable(subject: Subject, cause: object) -> StorageUnavailable:
    """The error for a connection that failed, or an answer that makes no sense."""
    return StorageUnavailable(f"{subject.action} in bucket {subject.bucket!r}: {cause}")


def parse_retry_after(value: str | None) -> float | None:
    """Seconds to wait from a Retry-After header (RFC 9110 §10.2.3); a date counts as not given."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _matches(row: _Row, refusal: Refusal, subject: Subject) -> bool:
    if row.about is not None and row.about is not subject.about:
        return False
    if row.codes:
        return refusal.code in row.codes
    return not row.statuses or refusal.status in row.statuses


def _describe(refusal: Refusal, subject: Subject) -> str:
    where = f"bucket {subject.bucket!r}" + (f", key {subject.key!r}" if subject.key is not None else "")
    said = " ".join(part for part in (str(refusal.status), refusal.code, refusal.message.rstrip(". ")) if part)
    is_elsewhere = refusal.region is not None and refusal.status in (301, 400)
    hint = f" The bucket is in region {refusal.region}: set S3_REGION." if is_elsewhere else ""
    return f"{subject.action} ({where}): the store answered {said}.{hint}"
