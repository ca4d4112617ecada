"""Which parts can be stored while a work runs: those whose every CRC-32 will be known in time. Pure."""

from __future__ import annotations

from bulkdl.archive.plan import Plan
from bulkdl.transfer.work import Work


class Outlook:
    """Answers for the parts of one work."""

    def __init__(self, work: Work) -> None:
        self._plan = work.plan
        self._checksums = work.checksums
        self._is_here = bytearray(work.plan.part_count + 1)
        for number in work.parts:
            self._is_here[number] = True

    def can_store(self, number: int) -> bool:
        """Whether every CRC-32 that stands in the part is known, or comes with parts of this work."""
        headers, directory = self._plan.needs(*self._plan.bounds(number))
        # Every header's entry but the last ends in the part itself.
        return all(self._comes(entry) for entry in headers[-1:]) and all(self._comes(entry) for entry in directory)

    def can_stream(self, number: int, block_size: int, window: int) -> bool:
        """Whether the same holds when only `window` blocks are in memory, from the header on.

        Blocks are counted as if all parts were read one after another; parts that need not be read
        make the true distance shorter.
        """
        if not self.can_store(number):
            return False
        return all(
            self._checksums.known(entry) is not None or self._distance(entry, block_size) < window
            for entry in self._plan.needs(*self._plan.bounds(number))[0]
        )

    def _comes(self, entry: int) -> bool:
        return all(self._is_here[number] for number in self._checksums.missing_parts(entry))

    def _distance(self, entry: int, block_size: int) -> int:
        """Blocks from the entry's first header byte to its last byte."""
        layout, plan = self._plan.layout, self._plan
        last = layout.header_offset(entry + 1) - 1
        return _block_number(plan, last, block_size) - _block_number(plan, layout.header_offset(entry), block_size)


def _block_number(plan: Plan, offset: int, block_size: int) -> int:
    blocks_per_part = -(-plan.part_size // block_size)
    return offset // plan.part_size * blocks_per_part + offset % plan.part_size // block_size
