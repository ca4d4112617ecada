"""What a transfer is asked to do, and what it tells while doing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bulkdl.archive.crc32 import EntryChecksums
from bulkdl.archive.plan import Plan
from bulkdl.storage import ObjectVersion, Upload

Source = ObjectVersion | bytes
"""Where an entry's bytes come from: an object, or the bytes themselves."""


@dataclass(frozen=True, slots=True)
class PartResult:
    """One part that is done with in this work."""

    number: int
    etag: str | None
    """None: its pieces were read, but a CRC-32 that stands in it is not known yet; a later work stores it."""
    crc32s: tuple[int, ...]
    """Of each of its pieces, in order; empty when it was copied and the store told none."""
    size: int
    was_copied: bool = False


def never() -> bool:
    """The answer of a work that is never asked to make room."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Parts of a plan to be stored. Callbacks are called in the thread that runs the work; what they raise stops it."""

    plan: Plan
    sources: Sequence[Source]
    """One for each entry of the layout."""
    upload: Upload
    parts: Sequence[int]
    """Numbers of the parts still to do, ascending."""
    checksums: EntryChecksums
    """Filled with what is known beforehand; grows while the work runs."""
    on_part: Callable[[PartResult], None]
    """Once for each part, in the order in which they get done."""
    on_bytes: Callable[[int, int], None]
    """Progress since the last call: bytes of objects, files whose last byte arrived. Inline entries do not count."""
    check: Callable[[], None]
    """Called at least twice a second, to raise what stops the work."""
    is_last: bool
    """True when no other work follows: a part that cannot be stored is then an error."""
    should_yield: Callable[[], bool] = never
    """Asked when `check` is called; once it says True no part is begun any more, and the work ends when those
    under way are done."""


def count_part(plan: Plan, sources: Sequence[Source], number: int) -> tuple[int, int]:
    """What one part adds to the progress in all: bytes of objects, files whose last byte lies in it."""
    size = sum(piece.size for piece in plan.part(number).pieces if isinstance(sources[piece.entry], ObjectVersion))
    files = sum(isinstance(sources[entry], ObjectVersion) for entry in plan.entries_ending(number))
    return size, files
