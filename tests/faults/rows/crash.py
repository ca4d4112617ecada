"""Row 1: SIGKILL of a worker process, or of the Dramatiq master and everything below it, at a random moment."""

from __future__ import annotations

import contextlib
import time
from collections import Counter

import psutil

from tests.faults import invariants
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import SLOW_BYTES_PER_S, Held, has_moved_on, held_leases, make_media
from tests.services.processes import Process

P50_S, P99_S = 10.0, 30.0


def run(plan: Plan) -> Outcome:
    """Three jobs in flight in every trial."""
    outcome, resumed, redone = Outcome(), [], []
    with open_system(plan) as system:
        system.watch()
        system.watch(by_websocket=True)
        media = [make_media(system, f"set-{number}", seed=number) for number in range(3)]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        for number in range(plan.trials):
            with outcome.trial(f"trial {number}"):
                dice = plan.dice(number)
                wait_for_workers(system)
                jobs = [system.api().submit(one) for one in media]
                time.sleep(dice.uniform(0, 3.5))
                master = system.worker.process
                held = _kill(system, dice.choice(("worker", "worker", "master")), dice.random())
                cut_off = set(held)
                resumed += _resume_times(system, held, master, cut_off)
                invariants.check_trial(system, jobs)
                redone.append(_check_redone(system, cut_off))
        with outcome.afterwards():
            invariants.check_row(system, plan)
    p50, p99 = percentile(resumed, 0.5), percentile(resumed, 0.99)
    if p50 >= P50_S * plan.slack or p99 >= P99_S * plan.slack:
        outcome.complain(f"resumed after {p50:.1f} s (p50), {p99:.1f} s (p99)")
    outcome.figure = (
        f"resumed p50 {p50:.1f} s, p99 {p99:.1f} s ({len(resumed)} leases cut off); "
        f"parts stored again: {sum(redone) / max(len(redone), 1):.1f} a kill, at most {max(redone, default=0)}"
    )
    return outcome


def wait_for_workers(system: System) -> None:
    """Return when the Procfile's number of worker processes is there."""
    system.wait_until_ready()


def _kill(system: System, whom: str, choice: float) -> list[Held]:
    """Kill, and say which leases were held at that moment by anybody below the master: all are given up or lost."""
    children = system.worker.children()
    if whom == "master" or not children:
        system.worker.kill()
    else:
        with contextlib.suppress(psutil.NoSuchProcess):
            children[int(choice * len(children))].kill()
    return held_leases(system)


def _resume_times(system: System, held: list[Held], master: Process | None, cut_off: set[Held]) -> list[float]:
    """Seconds until others have each piece of work. `cut_off` grows by what the killed one's siblings held until the
    master, which ends with its first worker, had told them to hand it back."""
    began = time.monotonic()
    waiting, times = list(held), []
    while waiting and time.monotonic() - began < 60:
        if master is not None and master.returncode is None:
            cut_off.update(held_leases(system))
        for one in list(waiting):
            if has_moved_on(system, one):
                waiting.remove(one)
                times.append(time.monotonic() - began)
        time.sleep(0.05)
    assert not waiting, f"I1: nobody went on with {waiting}"
    return times


def _check_redone(system: System, held: set[Held]) -> int:
    """How many parts were stored twice; only those of work that was cut off may be."""
    may_be = Counter((one.upload_id, part) for one in held for part in one.parts)
    jobs = {one.upload_id for one in held}
    again = 0
    for (upload_id, part), count in list(system.front.stored.items()):
        if count > 1 and upload_id in jobs:
            assert (upload_id, part) in may_be, f"part {part} was stored {count} times, and nobody was cut off in it"
            again += count - 1
    return again
