"""The command's exit statuses, and the errors that lead to them."""

from __future__ import annotations

from enum import IntEnum

from bulkdl.errors import BulkdlError


class Exit(IntEnum):
    """What a script may rely on."""

    DONE = 0
    ERROR = 1
    """Something else went wrong; the message says what."""
    USAGE = 2
    """The command line makes no sense."""
    JOB_FAILED = 3
    """The archive could not be built."""
    JOB_CANCELLED = 4
    """The job was cancelled while we waited."""
    INCOMPLETE = 5
    """The archive is here, but some of the files that were asked for are not in it."""
    REFUSED = 6
    """The server does not do what was asked: no token, no such job, over a limit …"""
    UNREACHABLE = 7
    """The server cannot be reached, or cannot serve at the moment."""
    INTERRUPTED = 130


class CommandError(BulkdlError):
    """Ends the command with a message and an exit status."""

    exit = Exit.ERROR


class JobFailed(CommandError):
    """The archive could not be built."""

    exit = Exit.JOB_FAILED


class JobWasCancelled(CommandError):
    """The job was cancelled while we waited."""

    exit = Exit.JOB_CANCELLED


class Refused(CommandError):
    """The server answered with a problem document."""

    exit = Exit.REFUSED

    def __init__(self, status: int, problem_code: str, detail: str) -> None:
        super().__init__(f"{detail} ({status} {problem_code})")
        self.status = status
        self.problem_code = problem_code


class Unreachable(CommandError):
    """The server cannot be reached, or cannot serve at the moment."""

    exit = Exit.UNREACHABLE
