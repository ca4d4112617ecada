"""A part's body on its way out: chunks where they lie, or made while they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bulkdl.errors import StorageUnavailable
from bulkdl.storage import Bytes, PartBody


class BodyFailed(Exception):
    """Making the body failed: `cause` is the maker's own exception, to be raised again as it is."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class OutgoingBody:
    """Iterates a body and counts: what is sent is as long as announced, or the request is broken off."""

    def __init__(self, body: PartBody) -> None:
        self._body = body
        self._has_begun = False
        self.size = sum(memoryview(chunk).nbytes for chunk in body) if isinstance(body, Sequence) else body.size

    @property
    def is_repeatable(self) -> bool:
        """It can be sent from its start (again)."""
        return not self._has_begun or isinstance(self._body, Sequence)

    def __iter__(self) -> Iterator[Bytes]:
        self._has_begun = True
        if isinstance(self._body, Sequence):
            return iter(self._body)
        return self._made()

    def _made(self) -> Iterator[Bytes]:
        sent = 0
        try:
            for chunk in self._body:
                sent += memoryview(chunk).nbytes
                if sent > self.size:
                    break
                yield chunk
            if sent != self.size:
                raise StorageUnavailable(f"The part's body has {sent} bytes or more where {self.size} were announced.")
        except Exception as exc:
            raise BodyFailed(exc) from exc


NO_BODY = OutgoingBody(())
