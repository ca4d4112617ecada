"""Row 7: an object is overwritten or deleted between the look and the fetch, or between the copy and the finish."""

from __future__ import annotations

import threading
from collections import Counter

from bulkdl.jobs.status import JobStatus
from tests.faults import invariants
from tests.faults.library import Media
from tests.faults.s3_calls import Call
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import make_media, statuses

MOMENTS = ("look", "fetch", "copy", "finish", "complete")


def run(plan: Plan) -> Outcome:
    """A victim and a moment for each trial; the archive holds one version of it, whole, or says that it is missing."""
    outcome, results = Outcome(), Counter()
    with open_system(plan) as system:
        system.watch()
        media = make_media(system, "set", 20_000_000)
        # Once undisturbed, so that CRC-32s are known and the large object is copied from then on.
        invariants.check_trial(system, [system.api().submit(media)])
        for number in range(plan.trials):
            moment = MOMENTS[number % len(MOMENTS)]
            with outcome.trial(f"trial {number} ({moment})"):
                dice = plan.dice(number)
                large = max(media, key=lambda one: one.size)
                victim = large if moment in ("copy", "finish", "complete") else dice.choice(media)
                policy = dice.choice(("skip", "skip", "fail"))
                change = _Change(system, victim, moment, deletes=dice.random() < 0.4, seed=number)
                system.front.before = change.strike
                try:
                    job = system.api().submit(media, onMissing=policy)
                    invariants.check_trial(system, [job])
                    assert change.has_struck.is_set(), "nothing was changed"
                    results[_result(system, job, victim)] += 1
                finally:
                    system.front.before = None
                    _restore(system, media, victim, number)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = "never mixed bytes: " + ", ".join(f"{count} {what}" for what, count in sorted(results.items()))
    return outcome


class _Change:
    """Changes the victim once, at its moment, before the request that marks it is passed on."""

    def __init__(self, system: System, victim: Media, moment: str, *, deletes: bool, seed: int) -> None:
        self._system = system
        self._victim = victim
        self._moment = moment
        self._deletes = deletes
        self._seed = seed
        self._lock = threading.Lock()
        self.has_struck = threading.Event()

    def strike(self, call: Call) -> None:
        """Called by the front before it passes a request on."""
        if self.has_struck.is_set() or not self._is_now(call):
            return
        with self._lock:
            if self.has_struck.is_set():
                return
            if self._deletes:
                self._system.library.delete(self._victim.key)
            else:
                overwrite(self._system, self._victim, self._seed)
            self.has_struck.set()

    def _is_now(self, call: Call) -> bool:
        is_victim = call.bucket == self._system.media_bucket and call.key == self._victim.key
        return {
            "look": call.operation in ("HeadObject", "ListObjects") and (is_victim or call.operation == "ListObjects"),
            "fetch": call.operation in ("GetObject", "UploadPartCopy")
            and (is_victim or call.operation == "UploadPartCopy"),
            "copy": call.operation == "UploadPartCopy",
            "finish": call.operation == "ListParts",
            "complete": call.operation == "CompleteMultipartUpload",
        }[self._moment]


def overwrite(system: System, victim: Media, seed: int) -> None:
    """Other bytes of the same length under the same key: nothing but the ETag tells."""
    import random

    system.library.put(victim.key, random.Random(f"other/{seed}").randbytes(victim.size))


def _restore(system: System, media: list[Media], victim: Media, number: int) -> None:
    """There it is again, and a job that nobody disturbs learns its CRC-32, so that the next one copies."""
    overwrite(system, victim, 1000 + number)
    invariants.check_trial(system, [system.api().submit(media)])


def _result(system: System, job_id: str, victim: Media) -> str:
    [status] = statuses(system, [job_id])
    if status is not JobStatus.COMPLETE:
        return f"{status.value} by policy"
    skipped = system.api().job(job_id)["skipped"]
    return "left out and said so" if any(one["assetId"] == victim.asset_id for one in skipped) else "whole"
