"""How often and how patiently one request is tried again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

import structlog
import tenacity

from bulkdl.errors import StorageUnavailable

log = structlog.get_logger()

T = TypeVar("T")

TRIES = 4
"""The first and three more."""
BASE_S = 0.2
_LONGEST_S = 10.0
_LONGEST_OBEYED_S = 30.0
"""A store that asks for more patience than this is left to the retries of the job."""


class Stopped(Exception):
    """The work has been stopped: no request is begun any more. Never leaves the transfer."""


class Retries:
    """Tries a request again after `StorageUnavailable`, with exponential backoff and jitter; stops when told to."""

    def __init__(self, *, base_s: float = BASE_S, on_throttled: Callable[[], None] = lambda: None) -> None:
        self._base_s = base_s
        self._on_throttled = on_throttled
        self._stop = threading.Event()

    def stop(self) -> None:
        """End every wait and begin no request any more."""
        self._stop.set()

    def call(self, request: Callable[[], T]) -> T:
        """What `request` returns, at most after the last try; raises its error, or `Stopped`."""
        try:
            return self._try(request)
        except StorageUnavailable as exc:
            return self._try_again(request, exc)

    def delay(self, failures: int, error: StorageUnavailable) -> float:
        """Seconds to wait after so many failures of a request that is not made by `call`; raises after the last."""
        if failures >= TRIES:
            raise error
        log.warning("request failed, trying again", attempt=failures, error=str(error))
        if error.throttled:
            self._on_throttled()
        backoff = min(self._base_s * 2.0 ** (failures - 1), _LONGEST_S) + random.uniform(0, self._base_s)
        return max(backoff, min(error.retry_after_s or 0.0, _LONGEST_OBEYED_S))

    def _try(self, request: Callable[[], T]) -> T:
        if self._stop.is_set():
            raise Stopped
        return request()

    def _try_again(self, request: Callable[[], T], first_error: StorageUnavailable) -> T:
        """Go on behind a first try that failed. Apart from `call`, for most requests succeed and need none of this."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StorageUnavailable),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=self._wait,
            sleep=tenacity.sleep_using_event(self._stop),
            reraise=True,
        )

        def next_try() -> T:
            if retrying.statistics["attempt_number"] == 1:
                raise first_error
            return self._try(request)

        return retrying(next_try)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return self.delay(state.attempt_number, error) if isinstance(error, StorageUnavailable) else 0.0
