"""Row 10: SIGTERM in mid-transfer, under load, as a deploy sends it; 30 s later a platform would kill."""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa

from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import ACTIVE, JobStatus
from tests.faults import invariants
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import held_leases, make_media, statuses
from tests.services.wait import wait_until

GRACE_S = 30.0


def run(plan: Plan) -> Outcome:
    """Six jobs in flight; worker and web are told to end at once and started anew."""
    outcome, stops = Outcome(), []
    with open_system(plan) as system:
        watchers = [system.watch(), system.watch(by_websocket=True)]
        media = [make_media(system, f"set-{number}", seed=number) for number in range(6)]
        system.front.bytes_per_s = 16_000_000
        for number in range(plan.trials):
            with outcome.trial(f"trial {number}"):
                jobs = [system.api().submit(one) for one in media]
                wait_until(lambda: held_leases(system), 20, interval_s=0.02, what="work being done")
                time.sleep(plan.dice(number).uniform(0, 4))
                byes = [len(watcher.byes) for watcher in watchers]
                stops.append(_deploy(system))
                wait_until(
                    lambda was=byes: all(
                        "shutdown" in watcher.byes[count:] for watcher, count in zip(watchers, was, strict=True)
                    ),
                    5,
                    what="streams being told of the shutdown",
                )
                invariants.check_trial(system, jobs, timeout_s=90)
                assert statuses(system, jobs) == [JobStatus.COMPLETE] * len(jobs), statuses(system, jobs)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = (
        f"workers ended within {percentile(stops, 0.5):.1f} s (p50), {max(stops, default=0):.1f} s (longest) "
        f"of {GRACE_S:.0f}; "
        "no lease left, no attempt consumed"
    )
    return outcome


def _deploy(system: System) -> float:
    web = threading.Thread(target=system.web.stop, args=(GRACE_S,))
    web.start()
    took_s = system.worker.stop(GRACE_S)
    web.join()
    assert took_s < GRACE_S, f"the worker had to be killed after {took_s:.0f} s"
    assert system.worker.process is not None
    assert system.worker.process.returncode in (0, None), f"the worker ended with {system.worker.process.returncode}"
    left = held_leases(system)
    assert not left, f"leases were not given back: {left}"
    _check_attempts(system)
    system.web.start()
    system.worker.start()
    system.wait_until_ready()
    return took_s


def _check_attempts(system: System) -> None:
    with system.database.reader() as session:
        jobs = session.scalars(sa.select(BulkDownloadJob.attempts).where(BulkDownloadJob.status.in_(ACTIVE))).all()
        ranges = session.scalars(
            sa.select(BulkDownloadRange.attempts)
            .join(BulkDownloadJob)
            .where(BulkDownloadJob.status.in_(ACTIVE), BulkDownloadRange.done_at.is_(None))
        ).all()
    assert not any(jobs), f"attempts of jobs were consumed: {jobs}"
    assert not any(ranges), f"attempts of ranges were consumed: {ranges}"
