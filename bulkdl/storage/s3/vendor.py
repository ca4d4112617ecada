"""The exceptions of botocore and of connections, translated once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError

from botocore import exceptions as vendor
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from bulkdl.errors import StorageError, StorageRefused
from bulkdl.storage.s3.errors import Refusal, Subject, parse_retry_after, translate, unavailable
from bulkdl.storage.s3.wire import MalformedAnswer

FAILURES = (vendor.ClientError, vendor.BotoCoreError, ResponseParserError, HTTPError, MalformedAnswer, OSError)
"""All that `explain` knows."""

_UNREACHABLE = (
    vendor.HTTPClientError,
    vendor.ConnectionError,
    vendor.CredentialRetrievalError,
    vendor.MetadataRetrievalError,
    vendor.ResponseStreamingError,
    vendor.IncompleteReadError,
    vendor.FlexibleChecksumError,
    ResponseParserError,
    HTTPError,
    MalformedAnswer,
    OSError,
)


@contextmanager
def translated(subject: Subject) -> Iterator[None]:
    """Raise our errors for whatever botocore raises inside."""
    try:
        yield
    except FAILURES as exc:
        raise explain(exc, subject) from exc


def explain(failure: Exception, subject: Subject) -> StorageError:
    """Our error for one of `FAILURES`, the most specific first."""
    if isinstance(failure, vendor.ClientError):
        return translate(_refusal(failure), subject)
    if isinstance(failure, (vendor.SSLError, SSLError)) and "CERTIFICATE_VERIFY_FAILED" in str(failure):
        # A certificate that is not believed needs a person; a broken TLS connection another try.
        return _refused(failure, subject)
    if isinstance(failure, _UNREACHABLE):
        return unavailable(subject, failure)
    return _refused(failure, subject)


def _refusal(exc: vendor.ClientError) -> Refusal:
    """A code of digits is botocore's stand-in for an answer without a body."""
    error = exc.response.get("Error", {})
    meta = exc.response.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code = error.get("Code") or ""
    return Refusal(
        status=meta.get("HTTPStatusCode", 0),
        code="" if code.isdigit() else code,
        message=error.get("Message") or "",  # Ceph sends none
        retry_after_s=parse_retry_after(headers.get("retry-after")),
        region=headers.get("x-amz-bucket-region"),
    )


def _refused(failure: Exception, subject: Subject) -> StorageRefused:
    return StorageRefused(f"{subject.action} in bucket {subject.bucket!r}: {failure}")
