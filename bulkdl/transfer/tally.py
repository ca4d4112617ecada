"""Progress of one work: every byte and file counted once, however often it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Tally:
    """Counts in any thread; reports in the one that calls `report`."""

    def __init__(self, on_bytes: Callable[[int, int], None]) -> None:
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._counted: dict[int, tuple[int, int]] = {}
        self._repeated: set[int] = set()
        self._size = self._files = 0

    def add(self, number: int, size: int, files: int) -> None:
        """Bytes of a part have arrived, and the last byte of so many files."""
        with self._lock:
            if number in self._repeated:
                return
            counted_size, counted_files = self._counted.get(number, (0, 0))
            self._counted[number] = counted_size + size, counted_files + files
            self._size += size
            self._files += files

    def repeat(self, number: int) -> None:
        """The part is read again: what arrives from now on may have been counted."""
        with self._lock:
            self._repeated.add(number)

    def is_repeated(self, number: int) -> bool:
        """Whether the part is read again."""
        with self._lock:
            return number in self._repeated

    def settle(self, number: int, size: int, files: int) -> None:
        """The part is done; it has so many bytes and files in all. Count what was not."""
        with self._lock:
            counted_size, counted_files = self._counted.pop(number, (0, 0))
            self._repeated.discard(number)
            self._size += size - counted_size
            self._files += files - counted_files

    def report(self) -> None:
        """Tell what was counted since the last report, if anything."""
        with self._lock:
            size, files = self._size, self._files
            self._size = self._files = 0
        if size or files:
            self._on_bytes(size, files)
