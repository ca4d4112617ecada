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

_UNREACHABLE = (
    vendor.HTTPClientError,
    vendor.ConnectionError,
    vendor.CredentialRetrievalError,
    vendor.MetadataRetrievalError,
    vendor.ResponseStreamingError,
    vendor.IncompleteReadError,
    ResponseParserError,
    vendor.FlexibleChecksumError,
    HTTPError,
    MalformedAnswer,
    OSError,
)


@contextmanager
def translated(subject: Subject) -> Iterator[None]:
    """Raise our errors for whatever botocore raises inside."""
    try:
        yield
    except vendor.ClientError as exc:
        raise translate(_refusal(exc), subject) from exc
    except (vendor.SSLError, SSLError) as exc:
        raise _tls_error(exc, subject) from exc
    except _UNREACHABLE as exc:
        raise unavailable(subject, exc) from exc
    except vendor.BotoCoreError as exc:
        raise StorageRefused(f"{subject.action} in bucket {subject.bucket!r}: {exc}") from exc


def _refusal(exc: vendor.ClientError) -> Refusal:
    """A code of digits is botocore's stand-in for an answer without a body."""
    error = exc.response.get("Error", {})
    meta = exc.response.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code = error.get("Code", "")
    return Refusal(
        status=meta.get("HTTPStatusCode", 0),
        code="" if code.isdigit() else code,
        message=error.get("Message", ""),
        retry_after_s=parse_retry_after(headers.get("retry-after")),
        region=headers.get("x-amz-bucket-region"),
    )


def _tls_error(exc: Exception, subject: Subject) -> StorageError:
    """A certificate that is not believed needs a person; a broken TLS connection another try."""
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return StorageRefused(f"{subject.action} in bucket {subject.bucket!r}: {exc}")
    return unavailable(subject, exc)
