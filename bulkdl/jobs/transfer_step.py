"""The transfer of one range: what is left of its parts, checkpointed as they are stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from bulkdl.errors import LeaseLost, MadeRoom, ServiceUnavailable
from bulkdl.events.publisher import ProgressReporter
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.keeper import LeaseKeeper
from bulkdl.jobs.prepared import Prepared, add_saved, pack_crc32s
from bulkdl.jobs.store import checkpoint
from bulkdl.jobs.store.checkpoint import SavedPart
from bulkdl.logs import get_logger
from bulkdl.transfer import PartResult, Work, count_part

log = get_logger(__name__)

_SAVE_EVERY_S = 0.5
TURN_S = 2.0
"""How long a transfer has its thread for itself before it makes room for work that waits."""


class Checkpoint:
    """Writes down finished parts in small batches, under the claim; a lost claim stops the transfer."""

    def __init__(self, ctx: JobContext, keeper: LeaseKeeper, prepared: Prepared, *, files: int, size: int) -> None:
        self._ctx = ctx
        self._keeper = keeper
        self._plan = prepared.plan
        self._sources = prepared.contents.sources
        self.files, self.size = files, size
        """Of the parts written down."""
        self._waiting: list[PartResult] = []
        self._saved_at = time.monotonic()

    def take(self, result: PartResult) -> None:
        """A part is stored, or read and late."""
        self._waiting.append(result)

    def check(self) -> None:
        """Save what waits, when it is time; raises `LeaseLost` or `WorkerStopping`."""
        if self._waiting and time.monotonic() - self._saved_at >= _SAVE_EVERY_S:
            self.save()
        self._keeper.check()

    def save(self) -> None:
        """Save what waits; raises `LeaseLost` when the claim is void."""
        waiting, self._waiting = self._waiting, []
        for result in waiting:
            size, files = count_part(self._plan, self._sources, result.number)
            self.size += size
            self.files += files
        rows = [SavedPart(result.number, result.etag, pack_crc32s(result.crc32s)) for result in waiting]
        with self._ctx.database.session() as session:
            saved = checkpoint.save_parts(
                session,
                self._keeper.claim,
                rows,
                files_done=self.files,
                bytes_done=self.size,
                lease_s=self._ctx.settings.lease_s,
            )
            session.commit()
        if not saved:
            raise LeaseLost("the work was taken over, or the job has ended")
        self._saved_at = time.monotonic()


def transfer(ctx: JobContext, keeper: LeaseKeeper, number: int, prepared: Prepared) -> None:
    """Transfer what the checkpoint does not hold yet of a range, and mark the range as done.

    Raises `MadeRoom` when it stopped half-way because other work was waiting.
    """
    job, plan = prepared.job, prepared.plan
    with ctx.database.reader() as session:
        work = checkpoint.get_range(session, job.id, number)
        if work is None:
            raise LeaseLost("the range belongs to an older plan")
        saved = checkpoint.parts_of(session, job.id, work.first_part, work.last_part)
    add_saved(prepared.checksums, saved)
    done = {part.number for part in saved}
    counts = [count_part(plan, prepared.contents.sources, part_number) for part_number in done]
    size, files = sum(size for size, _ in counts), sum(files for _, files in counts)
    record = Checkpoint(ctx, keeper, prepared, files=files, size=size)
    reporter = ProgressReporter(
        ctx.publisher,
        job_id=job.id,
        user_id=job.user_id,
        range_number=number,
        total=prepared.contents.file_count,
        bytes_total=job.bytes_total,
        files=files,
        size=size,
    )
    try:
        is_done = ctx.require_transfer().run(
            Work(
                plan=plan,
                sources=prepared.contents.sources,
                upload=prepared.upload,
                parts=[part for part in range(work.first_part, work.last_part + 1) if part not in done],
                checksums=prepared.checksums,
                on_part=record.take,
                on_bytes=lambda size, files: reporter.add(files, size),
                check=record.check,
                is_last=False,
                should_yield=_turn_is_over(ctx, job.id),
            )
        )
    except BaseException:
        # What was stored stays stored: whoever goes on begins behind it.
        with contextlib.suppress(LeaseLost, ServiceUnavailable):
            record.save()
        raise
    finally:
        reporter.flush()
    record.save()
    if not is_done:
        raise MadeRoom("other work is waiting")
    _mark_done(ctx, keeper, record)
    log.debug("range done", job_id=job.id, range=number, parts=work.last_part - work.first_part + 1)


def _turn_is_over(ctx: JobContext, job_id: str) -> Callable[[], bool]:
    """A transfer that has had its turn makes room when others wait; alone it goes on to its end."""
    ends_at = time.monotonic() + TURN_S
    return lambda: time.monotonic() >= ends_at and ctx.others_wait(job_id)


def _mark_done(ctx: JobContext, keeper: LeaseKeeper, record: Checkpoint) -> None:
    with ctx.database.session() as session:
        done = checkpoint.finish_range(session, keeper.claim, files_done=record.files, bytes_done=record.size)
        session.commit()
    if not done:
        raise LeaseLost("the range was taken over, or the job has ended")
