"""The life of a job as a table: which status may follow which. Pure."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands; the values are the words on the wire."""

    PENDING = "pending"
    """Accepted and written down; no worker has begun."""
    PROCESSING = "processing"
    """A worker holds its lease, or its ranges are out with several."""
    COMPLETE = "complete"
    """The archive stands in the bucket, verified."""
    FAILED = "failed"
    """It cannot be built; `error` and `errorCode` say why. Nothing is left in the bucket."""
    CANCELLED = "cancelled"
    """The person stopped it, or deleted the finished archive."""
    EXPIRED = "expired"
    """It was complete, and the archive has been deleted at its time."""

    @property
    def is_final(self) -> bool:
        """True when no worker will touch the job again (a complete one may still expire)."""
        return self not in (JobStatus.PENDING, JobStatus.PROCESSING)


ACTIVE = (JobStatus.PENDING, JobStatus.PROCESSING)

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.COMPLETE: frozenset({JobStatus.EXPIRED, JobStatus.CANCELLED}),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
}


def may_become(current: JobStatus, following: JobStatus) -> bool:
    """Whether a job that is `current` may be set to `following`."""
    return following in TRANSITIONS[current]


def predecessors(following: JobStatus) -> tuple[JobStatus, ...]:
    """The statuses from which `following` can be reached: the WHERE of its conditional UPDATE."""
    return tuple(status for status in JobStatus if may_become(status, following))


class ItemOutcome(StrEnum):
    """What became of one requested asset."""

    PENDING = "pending"
    """Not decided yet."""
    INCLUDED = "included"
    """It is in the archive under its own name."""
    RENAMED = "renamed"
    """It is in the archive under another name; the ledger holds both."""
    SKIPPED = "skipped"
    """It is not in the archive; `reason` says why."""


class SkipReason(StrEnum):
    """Why a requested asset is not in the archive."""

    NOT_FOUND = "not_found"
    ACCESS_DENIED = "access_denied"
    CHANGED_DURING_BUILD = "changed_during_build"
    READ_ERROR = "read_error"
    ARCHIVED_STORAGE_CLASS = "archived_storage_class"
    NAME_INVALID = "name_invalid"


class OnMissing(StrEnum):
    """What to do with a job when one of its objects cannot be had."""

    SKIP = "skip"
    """Build the archive without it and say so."""
    FAIL = "fail"
    """Build nothing."""


class FolderLayout(StrEnum):
    """How the catalogue's folders appear in the archive."""

    RELATIVE = "relative"
    """Folders are kept."""
    FLAT = "flat"
    """All files lie side by side."""
