"""Row 13: for half an hour one random fault every ten seconds, with twenty jobs in flight, and nothing that grows."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass

import psutil
import sqlalchemy as sa

from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob, BulkDownloadPart, BulkDownloadRange
from bulkdl.jobs.status import JobStatus
from tests.faults import invariants
from tests.faults.kept import Kept
from tests.faults.library import some_sizes
from tests.faults.mishaps import MISHAPS
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import statuses

IN_FLIGHT = 20
FAULT_EVERY_S = 10.0
USERS = 4
_CHECK_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Size:
    """What a leak would make larger."""

    threads: int
    descriptors: int
    keys: int
    """In Redis, without the progress of jobs, which is forgotten after a day."""
    uploads: int
    orphans: int
    """Rows that belong to no job."""


def run(plan: Plan) -> Outcome:
    """`trials` are seconds here; each job that ended counts as a trial."""
    outcome, faults = Outcome(), Counter()
    environ = {"WORKER_THREADS": "6"}
    with open_system(plan, **environ) as system:
        for user in range(USERS):
            system.watch(f"user-{user}", by_websocket=user % 2 == 1)
        load = _Load(system, plan, outcome)
        load.warm_up()
        before = measure(system)
        until = time.monotonic() + plan.trials
        with load:
            while time.monotonic() < until:
                dice = plan.dice(len(list(faults.elements())))
                name, mishap = dice.choice(MISHAPS)
                faults[name] += 1
                began = time.monotonic()
                mishap(system, dice)
                time.sleep(max(0.0, began + FAULT_EVERY_S - time.monotonic()))
        load.drain()
        with outcome.afterwards():
            invariants.check_row(system, plan)
            after = measure(system)
            check_growth(before, after)
        happened = ", ".join(f"{count} {name}" for name, count in faults.most_common())
        outcome.figure = (
            f"{plan.trials / 60:.0f} min, {sum(faults.values())} faults ({happened}); {load.summary()}; "
            f"largest worker {system.memory.peak / 1024**2:.0f} MiB; before {before}, after {after}"
        )
    return outcome


class _Load:
    """Keeps twenty jobs in flight, and judges each when it has ended."""

    def __init__(self, system: System, plan: Plan, outcome: Outcome) -> None:
        self._system = system
        self._dice = plan.dice("load")
        self._outcome = outcome
        self._active: list[str] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._results: Counter[str] = Counter()
        self._sets = [
            system.library.add_set(f"set-{number}", some_sizes(3_000_000 + 1_500_000 * number, seed=number))
            for number in range(8)
        ]

    def __enter__(self) -> _Load:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._is_over.set()
        self._thread.join(60)

    def warm_up(self) -> None:
        """One job of each set: pools and caches are filled."""
        jobs = [self._system.api(f"user-{number % USERS}").submit(one) for number, one in enumerate(self._sets)]
        invariants.check_trial(self._system, jobs, timeout_s=120)

    def drain(self) -> None:
        """Wait for the last ones."""
        deadline = time.monotonic() + 180
        while self._active and time.monotonic() < deadline:
            self._judge()
            time.sleep(0.5)
        for job_id in self._active:
            self._outcome.complain(f"I1: {job_id} has not ended 180 s after the last fault")

    def summary(self) -> str:
        """How the jobs ended."""
        return f"{self._outcome.trials} jobs: " + ", ".join(f"{n} {word}" for word, n in self._results.most_common())

    def _run(self) -> None:
        while not self._is_over.wait(0.3):
            with contextlib.suppress(OSError, AssertionError):
                # What the API refuses in a fault is not accepted, and nothing was promised.
                if len(self._active) < IN_FLIGHT:
                    self._submit()
            self._judge()

    def _submit(self) -> None:
        api = self._system.api(f"user-{self._dice.randrange(USERS)}")
        self._active.append(api.submit(self._dice.choice(self._sets)))
        if self._dice.random() < 0.05:
            api.cancel(self._active[-1])

    def _judge(self) -> None:
        if not self._active:
            return
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            now = dict(zip(self._active, statuses(self._system, self._active), strict=True))
            for job_id in [job_id for job_id, status in now.items() if status.is_final]:
                self._active.remove(job_id)
                self._results[now[job_id].value] += 1
                with self._outcome.trial(f"{job_id} ({now[job_id]})"):
                    invariants.check_archives(self._system, [job_id])
                    invariants.check_streams(self._system, [job_id], timeout_s=30)
                    assert now[job_id] is not JobStatus.FAILED, self._error_of(job_id)

    def _error_of(self, job_id: str) -> str:
        with self._system.database.reader() as session:
            job = session.get_one(BulkDownloadJob, job_id)
            return f"failed: {job.error_code}: {job.error}"


def measure(system: System) -> Size:
    """Of the service at rest. Web and clock live through the soak; workers are killed in it all the time."""
    old = [process for kept in (system.web, system.clock) for process in _family(kept)]
    with system.redis_client() as client:
        keys = sum(1 for key in client.scan_iter(count=1000) if b":progress:" not in key)
    with system.database.reader() as session:
        orphans = sum(
            session.scalars(
                sa.select(sa.func.count()).select_from(model).where(model.job_id.not_in(sa.select(BulkDownloadJob.id)))
            ).one()
            for model in (BulkDownloadItem, BulkDownloadRange, BulkDownloadPart)
        )
    return Size(
        threads=sum(process.num_threads() for process in old),
        descriptors=sum(process.num_fds() for process in old),
        keys=keys,
        uploads=len(system.uploads()),
        orphans=orphans,
    )


def check_growth(before: Size, after: Size) -> None:
    """A pool may be a little fuller than before; a leak, one for each of hundreds of jobs, is not a little."""
    assert after.threads <= before.threads + 15, f"threads: {before.threads} → {after.threads}"
    assert after.descriptors <= before.descriptors + 25, f"descriptors: {before.descriptors} → {after.descriptors}"
    assert after.keys <= before.keys + 15, f"keys in Redis: {before.keys} → {after.keys}"
    assert after.uploads == 0, f"{after.uploads} uploads are open"
    assert after.orphans == 0, f"{after.orphans} rows belong to no job"


def _family(kept: Kept) -> list[psutil.Process]:
    process = psutil.Process(kept.pid)
    return [process, *process.children(recursive=True)]
