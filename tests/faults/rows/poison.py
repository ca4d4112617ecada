"""Row 9: a job whose object kills the worker process that touches it, every time."""

from __future__ import annotations

import contextlib
import time

import psutil

from bulkdl.jobs.status import JobStatus
from tests.faults import invariants
from tests.faults.s3_calls import Call
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import SLOW_BYTES_PER_S, make_media, statuses


def run(plan: Plan) -> Outcome:
    """The poison in the look in every other trial, in the transfer in the others; three more jobs go with it."""
    outcome, ends, kills = Outcome(), [], 0
    # With fewer attempts others, which die with the poison before they can get out of its way, would end with it.
    attempts, others_count = (2, 0) if plan.is_short else (5, 3)
    environ = {"BULK_DOWNLOAD_MAX_ATTEMPTS": str(attempts), "BULK_DOWNLOAD_LEASE_SECONDS": "3"}
    with open_system(plan, **environ) as system:
        system.watch()
        good = [
            make_media(system, f"set-{number}", 13_000_000 + 4_000_000 * number, seed=number) for number in range(3)
        ]
        poison = [system.library.add("poison.jpg", b"x" * 100_000), *good[0]]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        for number in range(plan.trials):
            with outcome.trial(f"trial {number}"):
                system.wait_until_ready()
                killer = _Killer(system, "HeadObject" if number % 2 else "GetObject")
                system.front.before = killer.strike
                began = time.monotonic()
                bad = system.api().submit(poison)
                others = [system.api().submit(one) for one in good[:others_count]]
                invariants.check_trial(system, [bad, *others], timeout_s=240)
                ends.append(time.monotonic() - began)
                system.front.before = None
                kills += killer.kills
                assert statuses(system, [bad]) == [JobStatus.FAILED], statuses(system, [bad])
                assert system.api().job(bad)["errorCode"] == "too_many_attempts"
                assert killer.kills <= attempts, f"it killed {killer.kills} workers"
                assert statuses(system, others) == [JobStatus.COMPLETE] * others_count, statuses(system, others)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = (
        f"failed after {kills / max(outcome.trials, 1):.1f} killed workers (limit {attempts}) "
        f"and {max(ends, default=0):.0f} s at most; the jobs beside it were complete"
    )
    return outcome


class _Killer:
    """Kills whoever asks for the poison."""

    def __init__(self, system: System, operation: str) -> None:
        self._system = system
        self._operation = operation
        self.kills = 0

    def strike(self, call: Call) -> None:
        """Called by the front before it passes a request on."""
        if "poison" not in call.key or call.operation != self._operation:
            return
        for child in self._system.worker.children():
            with contextlib.suppress(psutil.Error):
                if any(one.laddr and one.laddr.port == call.client_port for one in child.net_connections("tcp")):
                    child.kill()
                    self.kills += 1
                    return
