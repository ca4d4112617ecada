"""Deep calls on a stack that is thrown away.

From version 3.11 on, CPython keeps the frames of a thread (under gevent: of a greenlet) in chunks of 16 KiB of
its own. What a deep call has touched of them stays resident for as long as the thread lives. For a
request that is a moment; for an event stream it is hours, and there are thousands of them: so they make
their few deep calls, into Flask and into the database, somewhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def on_other_stack(call: Callable[[], T]) -> T:
    """Make the call in a thread of its own, wait for it, and return or raise what it did."""
    errand = _Errand(call)
    thread = threading.Thread(target=errand.run, name="bulkdl-errand", daemon=True)
    thread.start()
    thread.join()
    return errand.result()


class _Errand(Generic[T]):
    """A call and what became of it."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as exc:  # it is raised where it belongs, by `result`
            self._error = exc

    def result(self) -> T:
        # The error leads to every frame that it has passed through, and one of them leads here: not kept, so that
        # all of it goes when the error does, without waiting for the garbage collector.
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
            return self._results.pop()
        finally:
            del error
