"""Redis being away: said once per outage, and not asked again at every turn."""

from __future__ import annotations

import time

import redis

from bulkdl.logs import get_logger

log = get_logger(__name__)

AWAY = (redis.RedisError, OSError)
"""What redis-py raises when the server cannot be reached, or refuses (read-only, out of memory, loading)."""

_PAUSE_S = 1.0


class Outage:
    """Whether the last call failed. Shared by threads: at worst two of them say the same."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._failed_at: float | None = None

    @property
    def is_fresh(self) -> bool:
        """True for a moment after a failure: what can be left out should be."""
        return self._failed_at is not None and time.monotonic() - self._failed_at < _PAUSE_S

    def begin(self, exc: Exception) -> None:
        """A call failed."""
        if self._failed_at is None:
            log.warning("redis is away", doing=self._doing, error=str(exc) or type(exc).__name__)
        self._failed_at = time.monotonic()

    def end(self) -> None:
        """A call succeeded."""
        if self._failed_at is not None:
            self._failed_at = None
            log.info("redis is back", doing=self._doing)
