"""How many requests to a store may run at once: more while that moves more bytes, fewer when it throttles. Pure.

It grows as TCP does: doubling at first, once a round, while a round moves clearly more bytes a second
than the one before; then it holds what was best and tries a quarter more now and then. A throttling
answer halves it (at most once a second, for answers under way belong to the same congestion), and from
there it grows by one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

_SHORT_ROUND_S = 0.03
"""While doubling: to find the right magnitude soon. A shorter round would measure the scheduler, not the network."""
_LONG_ROUND_S = 0.5
"""Later: to tell a quarter more from noise."""
_LONGEST_ROUND_S = 1.0
_FASTER_BY_DOUBLING = 1.15
_FASTER_BY_A_QUARTER = 1.1
_PROBE_EVERY_S = 2.0
_CALM_S = 1.0


class _Phase(Enum):
    DOUBLING = auto()
    """Every round is compared with the one at half the limit."""
    HOLDING = auto()
    """Measures what the limit yields until it is time to try more."""
    PROBING = auto()
    """A round at a quarter more, to be compared with what holding yielded."""
    RECOVERING = auto()
    """After throttling: one more for every calm second."""


class Pace:
    """The limit of one process. Not for several threads at once: `Lanes` calls it under its lock."""

    def __init__(self, start: int, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = max(start, most)
        self._clock = clock
        self.limit = start
        """Requests that may run at once."""
        self._phase = _Phase.DOUBLING
        self._previous_limit = start
        self._best_rate = 0.0
        self._phase_since = self._last_cut = clock()
        self._start_round()

    def moved(self, size: int, *, is_pressed: bool) -> None:
        """A request has ended that moved `size` bytes; `is_pressed`: another was waiting for its place."""
        self._size += size
        self._count += 1
        # Without anything waiting the limit is not what bounds the rate, and the round says nothing about it.
        self._is_pressed &= is_pressed
        elapsed = self._clock() - self._round_since
        if (self._count >= self.limit and elapsed >= self._round_s) or elapsed >= _LONGEST_ROUND_S:
            if self._is_pressed:
                self._end_round(self._size / elapsed)
            self._start_round()

    def throttled(self) -> None:
        """The store asked for fewer requests."""
        now = self._clock()
        if self._phase is _Phase.RECOVERING and now - self._last_cut < _CALM_S:
            return
        self._last_cut = now
        self._enter(_Phase.RECOVERING, max(1, self.limit // 2))

    @property
    def _round_s(self) -> float:
        return _SHORT_ROUND_S if self._phase is _Phase.DOUBLING else _LONG_ROUND_S

    def _start_round(self) -> None:
        self._round_since = self._clock()
        self._size = self._count = 0
        self._is_pressed = True

    def _end_round(self, rate: float) -> None:
        match self._phase:
            case _Phase.DOUBLING:
                self._judge(rate, _FASTER_BY_DOUBLING, self.limit * 2)
            case _Phase.PROBING:
                self._judge(rate, _FASTER_BY_A_QUARTER, self.limit + max(1, self.limit // 4))
            case _Phase.HOLDING:
                self._best_rate += (rate - self._best_rate) / 4
                if self._clock() - self._phase_since >= _PROBE_EVERY_S and self.limit < self._most:
                    self._enter(_Phase.PROBING, self.limit + max(1, self.limit // 4))
            case _Phase.RECOVERING:
                if self._clock() - self._phase_since >= _CALM_S:
                    self._enter(_Phase.RECOVERING, self.limit + 1)

    def _judge(self, rate: float, factor: float, more: int) -> None:
        """Go on growing when this limit earned clearly more than the last, else return to that."""
        if rate < self._best_rate * factor:
            self._enter(_Phase.HOLDING, self._previous_limit)
        elif self.limit == self._most:
            self._best_rate = rate
            self._enter(_Phase.HOLDING, self.limit)
        else:
            self._best_rate = rate
            self._enter(self._phase, more)

    def _enter(self, phase: _Phase, limit: int) -> None:
        self._previous_limit = self.limit if limit > self.limit else limit
        self.limit = min(limit, self._most)
        self._phase = phase
        self._phase_since = self._clock()
