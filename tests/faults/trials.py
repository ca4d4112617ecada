"""Counting trials: each passes or leaves a complaint, and the row says how many and what was measured."""

from __future__ import annotations

import contextlib
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.system import System


@dataclass
class Outcome:
    """What a row of the table came to."""

    trials: int = 0
    passed: int = 0
    figure: str = ""
    complaints: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Every trial passed, and there was one."""
        return self.trials > 0 and self.passed == self.trials and not self.complaints

    @contextlib.contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """One trial; what it raises is a complaint, and the row goes on."""
        self.trials += 1
        try:
            yield
        except Exception as exc:
            place = traceback.extract_tb(exc.__traceback__)[-1]
            self.complain(f"{name}: {exc!r} ({Path(place.filename).name}:{place.lineno})")
        else:
            self.passed += 1

    @contextlib.contextmanager
    def afterwards(self) -> Iterator[None]:
        """What must hold when the trials are over."""
        try:
            yield
        except AssertionError as exc:
            self.complain(f"afterwards: {exc}")

    def complain(self, text: str) -> None:
        """Something does not hold."""
        self.complaints.append(text)


@dataclass(frozen=True)
class Plan:
    """How a row is to be run."""

    trials: int
    seed: int
    folder: Path
    is_short: bool = False
    """In CI: what takes long is made shorter."""
    shared: System | None = None
    """In CI: rows that want nothing special run in one system, one after the other."""

    @property
    def slack(self) -> float:
        """By how much a percentile of few trials may exceed its limit: in CI the machine does other things beside."""
        return 4.0 if self.is_short else 1.0

    def dice(self, label: object) -> random.Random:
        """Randomness of one trial, the same for the same seed."""
        return random.Random(f"{self.seed}/{label}")


Run = Callable[[Plan], Outcome]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that so large a share does not exceed; 0 without samples."""
    if not samples:
        return 0.0
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
