"""The table from S3's answers to our errors."""

from __future__ import annotations

import ssl

import pytest
from botocore import exceptions as vendor
from botocore.parsers import ResponseParserError

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
from bulkdl.storage.s3.errors import About, Refusal, Subject, parse_retry_after, translate
from bulkdl.storage.s3.vendor import translated

SOURCE = Subject("reading", "media", "key", About.SOURCE)
UPLOAD = Subject("putting a part", "archives", "key", About.UPLOAD)
STORE = Subject("listing", "media")


@pytest.mark.parametrize(
    ("status", "code", "about_source", "about_upload", "about_store"),
    [
        (404, "NoSuchKey", ObjectNotFound, UploadNotFound, StorageRefused),
        (404, "NoSuchUpload", UploadNotFound, UploadNotFound, UploadNotFound),
        (404, "NoSuchBucket", StorageRefused, StorageRefused, StorageRefused),
        (404, "", ObjectNotFound, StorageRefused, StorageRefused),
        (404, "SomethingNew", ObjectNotFound, StorageRefused, StorageRefused),
        (403, "AccessDenied", ObjectForbidden, StorageRefused, StorageRefused),
        (403, "", ObjectForbidden, StorageRefused, StorageRefused),
        (403, "InvalidAccessKeyId", StorageRefused, StorageRefused, StorageRefused),
        (403, "SignatureDoesNotMatch", StorageRefused, StorageRefused, StorageRefused),
        (403, "RequestTimeTooSkewed", StorageRefused, StorageRefused, StorageRefused),
        (403, "InvalidObjectState", ObjectArchived, StorageRefused, StorageRefused),
        (400, "ExpiredToken", StorageRefused, StorageRefused, StorageRefused),
        (400, "InvalidRequest", ObjectUnreadable, StorageRefused, StorageRefused),
        (400, "KMS.DisabledException", ObjectUnreadable, StorageRefused, StorageRefused),
        (400, "InvalidPart", StorageRefused, StorageRefused, StorageRefused),
        (200, "InvalidPart", StorageRefused, StorageRefused, StorageRefused),
        (200, "InternalError", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (200, "SomethingNew", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (400, "EntityTooSmall", StorageRefused, StorageRefused, StorageRefused),
        (400, "BadDigest", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (400, "RequestTimeout", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (409, "OperationAborted", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (412, "PreconditionFailed", ObjectChanged, StorageRefused, StorageRefused),
        (412, "", ObjectChanged, StorageRefused, StorageRefused),
        (416, "InvalidRange", ObjectChanged, StorageRefused, StorageRefused),
        (301, "PermanentRedirect", StorageRefused, StorageRefused, StorageRefused),
        (307, "TemporaryRedirect", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (500, "", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (501, "NotImplemented", StorageRefused, StorageRefused, StorageRefused),
        (501, "", StorageRefused, StorageRefused, StorageRefused),
        (502, "", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (503, "SlowDown", StorageUnavailable, StorageUnavailable, StorageUnavailable),
        (429, "", StorageUnavailable, StorageUnavailable, StorageUnavailable),
    ],
)
def test_refusal_means_what_its_subject_makes_of_it(
    status: int,
    code: str,
    about_source: type[StorageError],
    about_upload: type[StorageError],
    about_store: type[StorageError],
) -> None:
    errors = [translate(Refusal(status, code), subject) for subject in (SOURCE, UPLOAD, STORE)]

    assert [type(error) for error in errors] == [about_source, about_upload, about_store]


@pytest.mark.parametrize(
    ("refusal", "throttled"),
    [
        (Refusal(503, "SlowDown"), True),
        (Refusal(503), True),
        (Refusal(429), True),
        (Refusal(400, "RequestLimitExceeded"), True),
        (Refusal(200, "SlowDown"), True),
        (Refusal(500, "InternalError"), False),
        (Refusal(504), False),
    ],
)
def test_throttling_is_told_from_failing(refusal: Refusal, throttled: bool) -> None:
    error = translate(refusal, SOURCE)

    assert isinstance(error, StorageUnavailable)
    assert error.throttled is throttled


def test_object_error_names_the_object_and_what_was_said() -> None:
    error = translate(Refusal(404, "NoSuchKey", "The specified key does not exist."), SOURCE)

    assert isinstance(error, ObjectNotFound)
    assert (error.bucket, error.key, error.code) == ("media", "key", "not_found")
    assert str(error) == (
        "reading (bucket 'media', key 'key'): the store answered 404 NoSuchKey The specified key does not exist."
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("5", 5.0), ("0", 0.0), (None, None), ("", None), ("-1", None), ("nan", None), ("1e9", None)],
)
def test_retry_after_is_seconds_or_nothing(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def client_error(status: int, code: str, **headers: str) -> vendor.ClientError:
    meta = {"HTTPStatusCode": status, "HTTPHeaders": {name.replace("_", "-"): v for name, v in headers.items()}}
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": meta}
    return vendor.ClientError(response, "GetObject")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (client_error(404, "404"), ObjectNotFound),
        (client_error(403, "InvalidObjectState"), ObjectArchived),
        (vendor.EndpointConnectionError(endpoint_url="http://h"), StorageUnavailable),
        (vendor.ConnectTimeoutError(endpoint_url="http://h"), StorageUnavailable),
        (vendor.ReadTimeoutError(endpoint_url="http://h"), StorageUnavailable),
        (vendor.ConnectionClosedError(endpoint_url="http://h"), StorageUnavailable),
        (vendor.ProxyConnectionError(proxy_url="http://h"), StorageUnavailable),
        (vendor.CredentialRetrievalError(provider="iam", error_msg="m"), StorageUnavailable),
        (ResponseParserError("garbage"), StorageUnavailable),
        (vendor.NoCredentialsError(), StorageRefused),
        (vendor.PartialCredentialsError(provider="env", cred_var="x"), StorageRefused),
        (vendor.ParamValidationError(report="m"), StorageRefused),
        (vendor.SSLError(endpoint_url="https://h", error="CERTIFICATE_VERIFY_FAILED"), StorageRefused),
        (vendor.SSLError(endpoint_url="https://h", error="EOF occurred"), StorageUnavailable),
        (ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), StorageRefused),
        (ssl.SSLEOFError("EOF occurred"), StorageUnavailable),
        (TimeoutError("timed out"), StorageUnavailable),
        (ConnectionResetError("reset"), StorageUnavailable),
    ],
    ids=lambda value: str(value)[:40],
)
def test_exception_of_a_library_is_translated_with_its_cause(raised: Exception, error: type[StorageError]) -> None:
    with pytest.raises(StorageError) as caught, translated(SOURCE):
        raise raised

    assert type(caught.value) is error
    assert caught.value.__cause__ is raised


def test_retry_after_of_botocores_answer_is_kept() -> None:
    with pytest.raises(StorageUnavailable) as caught, translated(STORE):
        raise client_error(503, "SlowDown", retry_after="3")

    assert (caught.value.throttled, caught.value.retry_after_s) == (True, 3.0)


def test_error_without_a_message_is_an_error() -> None:
    bare = client_error(404, "NoSuchBucket")
    bare.response["Error"]["Message"] = None  # type: ignore[typeddict-item]

    with pytest.raises(StorageRefused, match=r"answered 404 NoSuchBucket\.$"), translated(STORE):
        raise bare


def test_own_errors_and_programming_errors_pass_unchanged() -> None:
    mine = ObjectChanged("m", bucket="b", key="k")

    with pytest.raises(ObjectChanged) as caught, translated(SOURCE):
        raise mine
    with pytest.raises(KeyError), translated(SOURCE):
        raise KeyError("bug")

    assert caught.value is mine
