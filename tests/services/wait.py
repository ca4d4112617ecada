"""Waiting for a condition with a deadline: the only way tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], timeout_s: float = 10.0, *, interval_s: float = 0.05, what: str | None = None
) -> T:
    """Call `condition` until it returns something true, and return that.

    Raises `AssertionError` at the deadline, naming `what` was waited for. An exception of the
    condition is not swallowed: return False for "not yet".
    """
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what or condition} did not come true within {timeout_s:g} s; last: {result!r}")
        time.sleep(interval_s)
