"""Which request meets which fault: rules with a seed, so that a run can be repeated whatever the order of events."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.s3_calls import Call


class Effect(StrEnum):
    """What happens to a request."""

    SLOW_DOWN = "503 SlowDown"
    """Refused, not carried out."""
    ERROR = "500 InternalError"
    """Refused, not carried out."""
    REFUSED = "501 NotImplemented"
    """Refused for good, not carried out."""
    RESET = "reset before"
    """The connection is reset; the store never sees the request."""
    REPLY_LOST = "reply lost"
    """Carried out; the connection is reset before the answer."""
    TRUNCATE = "truncated"
    """Carried out; the connection is reset in the middle of the answer's body."""
    CRAWL = "crawl"
    """Carried out; the answer's body comes at `Rule.bytes_per_s`."""
    ERROR_IN_200 = "200 with an error, not done"
    """Answered 200 with an error document (API_CompleteMultipartUpload); not carried out."""
    DONE_ERROR_IN_200 = "200 with an error, done"
    """The same, but carried out."""
    HOLD = "held"
    """Not passed on until the rule is taken away."""


@dataclass(eq=False)
class Rule:
    """An effect and whom it strikes."""

    effect: Effect
    share: float = 1.0
    operations: Collection[str] = ()
    """S3 operations; none means all."""
    key: str = ""
    """Part of the object's key."""
    times: int | None = None
    """How often at most; None for ever."""
    when: Callable[[Call], bool] | None = None
    bytes_per_s: int = 1024
    struck: int = field(default=0, init=False)

    def wants(self, call: Call) -> bool:
        """Whether this request is one that the rule is about."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.operations and call.operation not in self.operations:
            return False
        return self.key in call.key and (self.when is None or self.when(call))


class Faults:
    """The rules in force; read by the front, changed by the test."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._rules: list[Rule] = []
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.struck: Counter[str] = Counter()
        """Requests by the effect they met."""

    def add(self, effect: Effect, share: float = 1.0, **more: object) -> Rule:
        """Put a rule in force; the first that strikes decides."""
        rule = Rule(effect, share, **more)  # type: ignore[arg-type]
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Take a rule out of force."""
        with self._lock:
            self._rules = [other for other in self._rules if other is not rule]

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self._rules = []

    def in_force(self, rule: Rule) -> bool:
        """Whether the rule still stands."""
        return any(other is rule for other in self._rules)

    def count(self, call: Call) -> int:
        """How often the same was asked before."""
        with self._lock:
            self._seen[call.identity] += 1
            return self._seen[call.identity] - 1

    def decide(self, call: Call) -> Rule | None:
        """The rule that strikes this request, if any does."""
        with self._lock:
            for place, rule in enumerate(self._rules):
                if rule.wants(call) and self._dice(place, call) < rule.share:
                    rule.struck += 1
                    self.struck[rule.effect.value] += 1
                    return rule
        return None

    def _dice(self, place: int, call: Call) -> float:
        """In [0, 1), the same for the same seed, rule, request and repetition."""
        text = repr((self.seed, place, call.identity, call.occurrence))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48
