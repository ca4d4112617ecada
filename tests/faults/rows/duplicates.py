"""Row 8: every message is delivered twice and more, and in the wrong order."""

from __future__ import annotations

import random
import threading

from bulkdl.broker import (
    BEGINNINGS,
    NAMESPACE,
    RANGES,
    make_broker,
    send_finish_download,
    send_plan_download,
    send_transfer_range,
)
from tests.faults import invariants
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import SLOW_BYTES_PER_S, make_media

_ENOUGH_WAITING = 60


def run(plan: Plan) -> Outcome:
    """While the jobs are built, all messages that they could need are sent over and over, shuffled."""
    outcome, sent = Outcome(), 0
    with open_system(plan) as system:
        watchers = [system.watch(), system.watch(by_websocket=True)]
        media = [make_media(system, f"set-{number}", seed=number) for number in range(2)]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        for number in range(plan.trials):
            with outcome.trial(f"trial {number}"):
                jobs = [system.api().submit(one) for one in media]
                with _Sender(system, jobs, plan.dice(number)) as sender:
                    invariants.wait_for_ends(system, jobs, 60)
                sent += sender.sent
                invariants.check_trial(system, jobs)
                for watcher in watchers:
                    ends = [watcher.story(job).ends for job in jobs]
                    assert ends == [["complete"]] * len(jobs), f"the {watcher.kind} client was told {ends}"
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = f"{sent} superfluous messages; one archive and one `complete` event for each job"
    return outcome


class _Sender:
    """Sends what nobody needs, until the block ends."""

    def __init__(self, system: System, jobs: list[str], dice: random.Random) -> None:
        self._client = system.redis_client()
        self._broker = make_broker(self._client)
        self._jobs = jobs
        self._dice = dice
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def __enter__(self) -> _Sender:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._is_over.set()
        self._thread.join(10)
        self._client.close()

    def _run(self) -> None:
        while not self._is_over.wait(0.2):
            # A machine that has no time for them is not to be drowned: that would be another test.
            if any(self._client.llen(f"{NAMESPACE}:{queue}") > _ENOUGH_WAITING for queue in (BEGINNINGS, RANGES)):
                continue
            messages = [(job, number) for job in self._jobs for number in (-2, -1, 0, 1, 2, 3)]
            self._dice.shuffle(messages)
            for job, number in messages:
                if number == -2:
                    send_plan_download(self._broker, job)
                elif number == -1:
                    send_finish_download(self._broker, job)
                else:
                    send_transfer_range(self._broker, job, number)
                self.sent += 1
