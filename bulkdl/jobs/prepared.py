"""A planned job as a step works with it: row, contents, plan and every CRC-32 that is known already."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bulkdl.archive.crc32 import EntryChecksums
from bulkdl.archive.plan import Plan
from bulkdl.errors import LeaseLost
from bulkdl.jobs.contents import Contents, contents_of
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.store import ledger, records
from bulkdl.jobs.store.checkpoint import SavedPart
from bulkdl.storage import ObjectVersion, Upload


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job with a plan, read from the database."""

    job: BulkDownloadJob
    contents: Contents
    plan: Plan
    upload: Upload
    checksums: EntryChecksums
    """Filled with what was known beforehand; a step adds what it reads."""


def load_prepared(ctx: JobContext, job_id: str) -> Prepared:
    """Read the plan of a job; `LeaseLost` when it has none (any more)."""
    with ctx.database.reader() as session:
        job = records.get_job(session, job_id)
        if job is None or job.upload_id is None or job.part_size is None:
            raise LeaseLost("the job has no plan any more")
        contents = contents_of(job, ledger.items_of(session, job_id))
        # Only an object that holds a whole part can be copied, which is what its CRC-32 is wanted for.
        large = {
            source: entry
            for entry, source in enumerate(contents.sources)
            if isinstance(source, ObjectVersion) and source.size >= job.part_size
        }
        learnt = ledger.known_checksums(session, list(large))
    plan = contents.plan(job.part_size)
    checksums = EntryChecksums(plan)
    for entry, crc32 in ({large[source]: crc32 for source, crc32 in learnt.items()} | contents.stored_crc32s).items():
        checksums.set(entry, crc32)
    return Prepared(job, contents, plan, Upload(job.archive_bucket, job.archive_key, job.upload_id), checksums)


def add_saved(checksums: EntryChecksums, parts: Iterable[SavedPart]) -> None:
    """Take in the CRC-32s of checkpointed parts."""
    for part in parts:
        checksums.add(part.number, unpack_crc32s(part.crc32s))


def pack_crc32s(crc32s: Sequence[int]) -> bytes:
    """The CRC-32s of a part's pieces as the checkpoint keeps them: 4 bytes little-endian each."""
    return _little_endian(array("I", crc32s)).tobytes()


def unpack_crc32s(packed: bytes) -> Sequence[int]:
    """The reverse of `pack_crc32s`."""
    return _little_endian(array("I", packed))


def _little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
