"""Row 2: SIGSTOP of a worker process until others have its work, then SIGCONT: a zombie that still wants to write."""

from __future__ import annotations

import signal
import time

import psutil

from tests.faults import invariants
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import SLOW_BYTES_PER_S, has_moved_on, held_leases, make_media
from tests.services.wait import wait_until

REFUSED = "work is no longer ours"


def run(plan: Plan) -> Outcome:
    """Every other zombie wakes before its successor is done, the others afterwards.

    On PostgreSQL, which ends the transaction that somebody was suspended in; SQLite waits for him.
    """
    outcome, refused = Outcome(), 0
    with open_system(plan, "postgres", postgres=True) as system:
        system.watch()
        media = [make_media(system, f"set-{number}", seed=number) for number in range(2)]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        for number in range(plan.trials):
            with outcome.trial(f"trial {number}"):
                before = system.worker.output.count(REFUSED)
                jobs = [system.api().submit(one) for one in media]
                _make_zombie(system, jobs, plan.dice(number).uniform(0.2, 1.5), wakes_early=number % 2 == 0)
                invariants.check_trial(system, jobs)
                wait_until(
                    lambda was=before: system.worker.output.count(REFUSED) > was, 20, what="the zombie giving up"
                )
                refused += system.worker.output.count(REFUSED) - before
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = f"{refused} pieces of work were refused to {outcome.trials} zombies"
    return outcome


def _make_zombie(system: System, jobs: list[str], delay_s: float, *, wakes_early: bool) -> None:
    time.sleep(delay_s)
    wait_until(lambda: held_leases(system), 20, interval_s=0.01, what="somebody holding a lease")
    zombie = _busiest(system)
    zombie.send_signal(signal.SIGSTOP)
    try:
        held = [one for one in held_leases(system, [zombie.pid]) if one.job_id in jobs]
        wait_until(
            lambda: all(has_moved_on(system, one) for one in held), 6 * system.lease_s, what=f"others taking {held}"
        )
        if not wakes_early:
            invariants.wait_for_ends(system, jobs, 60)
    finally:
        zombie.send_signal(signal.SIGCONT)


def _busiest(system: System) -> psutil.Process:
    return max(system.worker.children(), key=lambda child: len(held_leases(system, [child.pid])))
