"""How long one person's small job waits for its start while ten large ones of another person are being built."""

from __future__ import annotations

import time

from bulkdl.jobs.models import BulkDownloadJob
from tests.faults import invariants
from tests.faults.library import some_sizes
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.services.wait import wait_until

LARGE_JOBS = 10
P95_S = 3.0


def run(plan: Plan) -> Outcome:
    """Small jobs of ten files, one after the other, for as long as the large ones last."""
    outcome, starts, ends = Outcome(), [], []
    # One range each, as a job below a gibibyte has: it keeps a thread until it is done.
    environ = {"BULK_DOWNLOAD_RANGE_SIZE": str(1024**3), "BULK_DOWNLOAD_SERVER_SIDE_COPY": "never"}
    with open_system(plan, **environ) as system:
        large = system.library.add_set("large", some_sizes(40_000_000, seed=plan.seed))
        small = system.library.add_set("small", [20_000] * 10)
        system.front.bytes_per_s = 8_000_000
        jobs = [system.api("ann").submit(large) for _ in range(LARGE_JOBS)]
        wait_until(lambda: _started(system, jobs[0]), 30, what="the first large job being begun")
        for number in range(plan.trials):
            with outcome.trial(f"small job {number}"):
                began = time.monotonic()
                job = system.api("bob").submit(small)
                wait_until(lambda job_id=job: _started(system, job_id), 120, interval_s=0.02, what="its start")
                starts.append(time.monotonic() - began)
                invariants.wait_for_ends(system, [job], 120)
                ends.append(time.monotonic() - began)
                assert not all(_ended(system, one) for one in jobs), "the large jobs were over before the small ones"
        for job in jobs:
            system.api("ann").cancel(job)
    p95 = percentile(starts, 0.95)
    if p95 >= P95_S * plan.slack:
        outcome.complain(f"a small job waits {p95:.1f} s (p95) for its start; {P95_S:.0f} s is the limit")
    outcome.figure = (
        f"small job's start p50 {percentile(starts, 0.5):.2f} s, p95 {p95:.2f} s; "
        f"its end p95 {percentile(ends, 0.95):.1f} s, while {LARGE_JOBS} large jobs of another person ran"
    )
    return outcome


def _started(system: System, job_id: str) -> bool:
    with system.database.reader() as session:
        return session.get_one(BulkDownloadJob, job_id).started_at is not None


def _ended(system: System, job_id: str) -> bool:
    return invariants.status_of(system, job_id).is_final
