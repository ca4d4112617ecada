"""The error tree: one family per cause, each leaf carrying what its handler needs.

Nothing here knows HTTP or a vendor. `code` is the stable machine name that reaches
clients and the job's row; the message is for a person.
"""

from __future__ import annotations

from typing import Protocol


class Located(Protocol):
    """Anything that names an object: `storage.ObjectVersion` does."""

    @property
    def bucket(self) -> str: ...

    @property
    def key(self) -> str: ...


class BulkdlError(Exception):
    """Anything this system refuses or fails at, as opposed to a programming error."""

    code = "internal_error"


# --- what was asked for is not acceptable ------------------------------------------


class InvalidRequest(BulkdlError):
    """What the caller sent cannot be accepted; sending it again will not help."""

    code = "validation_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TooManyFiles(InvalidRequest):
    """More files were selected than one job may hold."""

    code = "too_many_files"

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"{count} files were selected; one download holds at most {limit}.", field="assetIds")
        self.count = count
        self.limit = limit


class TooManyBytes(InvalidRequest):
    """The selected files are larger together than one archive may be."""

    code = "too_many_bytes"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The selected files hold {size} bytes; one archive holds at most {limit}.", field="assetIds")
        self.size = size
        self.limit = limit


class AssetNotFound(InvalidRequest):
    """Some of the requested assets are not in the project."""

    code = "asset_not_found"

    def __init__(self, asset_ids: list[str]) -> None:
        shown = ", ".join(asset_ids[:5]) + (" …" if len(asset_ids) > 5 else "")
        super().__init__(f"{len(asset_ids)} of the requested assets are not in this project: {shown}", field="assetIds")
        self.asset_ids = asset_ids


class NotAuthenticated(BulkdlError):
    """The caller does not say who they are, or cannot prove it."""

    code = "token_missing"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class PermissionDenied(BulkdlError):
    """The caller is known and may not do this."""

    code = "permission_denied"


class QuotaExceeded(BulkdlError):
    """The caller has as many unfinished jobs as one person may have."""

    code = "quota_pending"

    def __init__(self, limit: int, *, retry_after_s: int = 30) -> None:
        super().__init__(f"You already have {limit} unfinished downloads; wait for one to end or cancel it.")
        self.limit = limit
        self.retry_after_s = retry_after_s


class IdempotencyConflict(BulkdlError):
    """The Idempotency-Key was used before with a different request."""

    code = "idempotency_conflict"


# --- the job -----------------------------------------------------------------------


class JobError(BulkdlError):
    """A job is not there, or not in a state that allows what was asked."""

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class JobNotFound(JobError):
    """There is no such job, or it is somebody else's."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("There is no such job.", job_id=job_id)


class JobNotReady(JobError):
    """The archive is asked for before (or without) the job being complete."""

    code = "job_not_ready"


class ArchiveExpired(JobError):
    """The archive existed and has been deleted."""

    code = "archive_expired"


class BuildFailed(BulkdlError):
    """The archive cannot be built and another try would end the same way."""

    code = "build_failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class FilesUnavailable(BulkdlError):
    """An archive that is made at once would lack files, and the caller wants it whole or it would be empty."""

    code = "files_unavailable"


class LeaseLost(BulkdlError):
    """Another worker holds this work now, or the job has ended: stop, and write nothing more."""

    code = "lease_lost"


class WorkerStopping(BulkdlError):
    """This process is being stopped: hand the work back, with what is done so far."""

    code = "worker_stopping"


class MadeRoom(BulkdlError):
    """A long transfer had its turn and others wait: go on from the checkpoint when it is its turn again."""

    code = "made_room"


# --- the archive -------------------------------------------------------------------


class ArchiveError(BulkdlError):
    """The requested archive cannot be expressed as a ZIP, or as a multipart upload."""

    code = "archive_impossible"


# --- object storage ----------------------------------------------------------------


class StorageError(BulkdlError):
    """Object storage did not do what was asked."""

    code = "storage_error"


class StorageUnavailable(StorageError):
    """The store cannot be reached, is throttling or failed inside: try again later."""

    code = "storage_unavailable"

    def __init__(self, message: str, *, retry_after_s: float | None = None, throttled: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.throttled = throttled
        self.source: Located | None = None
        """The object that was being read, where it was one."""


class StorageRefused(StorageError):
    """The store refuses the request itself (configuration, credentials, bucket): a person should look."""

    code = "storage_refused"


class UploadNotFound(StorageError):
    """The multipart upload is gone: completed, aborted or never there."""

    code = "upload_not_found"


class ObjectUnreadable(StorageError):
    """One object cannot be read as planned; `code` is the reason that stands in the ledger."""

    code = "read_error"

    def __init__(self, message: str, *, bucket: str, key: str) -> None:
        super().__init__(message)
        self.bucket = bucket
        self.key = key


class ObjectNotFound(ObjectUnreadable):
    """There is no object under this key."""

    code = "not_found"


class ObjectForbidden(ObjectUnreadable):
    """The service's credentials may not read this object."""

    code = "access_denied"


class ObjectChanged(ObjectUnreadable):
    """The object is no longer the one that was looked at: other ETag or other size."""

    code = "changed_during_build"


class ObjectArchived(ObjectUnreadable):
    """The object lies in a storage class that must be restored before it can be read."""

    code = "archived_storage_class"


# --- the system around us ----------------------------------------------------------


class ServiceUnavailable(BulkdlError):
    """A part of the system that this request needs cannot be reached now."""

    code = "service_unavailable"

    def __init__(self, service: str, message: str | None = None, *, retry_after_s: int = 5) -> None:
        super().__init__(message or f"The {service} cannot be reached at the moment.")
        self.service = service
        self.retry_after_s = retry_after_s


class TooManyStreams(ServiceUnavailable):
    """The person, or this process, has as many open streams as it may have."""

    code = "too_many_streams"

    def __init__(self, limit: int, *, retry_after_s: int = 15) -> None:
        super().__init__(
            "event stream", f"{limit} streams are open already; close one or try later.", retry_after_s=retry_after_s
        )
        self.limit = limit


class SettingsError(BulkdlError):
    """A setting is missing or malformed; the message names the variable and what it wants."""

    code = "settings_error"
