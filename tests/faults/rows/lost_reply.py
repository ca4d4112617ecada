"""Row 4: one lost reply to a command of the queue: fetch, ack, enqueue."""

from __future__ import annotations

import time
from itertools import product

from tests.faults import invariants
from tests.faults.system import open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import make_media

COMMANDS = ("fetch", "ack", "enqueue")


def run(plan: Plan) -> Outcome:
    """Each command with a broken connection and with silence; at the first, or a later one of the job."""
    outcome, ends = Outcome(), []
    with open_system(plan) as system:
        system.watch()
        media = make_media(system, "set")
        ways = list(product(COMMANDS, (False, True)))
        for number in range(plan.trials):
            word, is_silent = ways[number % len(ways)]
            with outcome.trial(f"trial {number} ({word}, {'silence' if is_silent else 'break'})"):
                dice = plan.dice(number)
                before = [] if dice.random() < 0.5 else [system.api().submit(media)]
                # Workers ask all the time: only a reply that brings a message is worth losing.
                brings = b"_download" if word == "fetch" else b""
                times = 1 if plan.is_short else dice.choice((1, 1, 2))
                loss = system.proxy.lose_reply(word, times=times, is_silent=is_silent, holding=brings)
                began = time.monotonic()
                jobs = [*before, system.api().submit(media)]
                invariants.check_trial(system, jobs)
                ends.append(time.monotonic() - began)
                assert loss.lost, "no reply was lost"
                system.proxy.forget_losses()
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = f"ended after {percentile(ends, 0.5):.1f} s (p50), {max(ends, default=0):.1f} s (longest)"
    return outcome
