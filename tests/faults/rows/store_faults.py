"""Row 6: an object store that throttles, fails, resets, cuts off, crawls, and says one thing and does another."""

from __future__ import annotations

import random
import time

from bulkdl.jobs.status import JobStatus
from tests.faults import invariants
from tests.faults.library import Media
from tests.faults.s3_faults import Effect
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan
from tests.faults.work import make_media, statuses

STORM = ((Effect.SLOW_DOWN, 0.20), (Effect.ERROR, 0.05), (Effect.RESET, 0.025), (Effect.REPLY_LOST, 0.025))
COMPLETE = ("CompleteMultipartUpload",)
COMPLETIONS = (Effect.REPLY_LOST, Effect.ERROR_IN_200, Effect.DONE_ERROR_IN_200, Effect.ERROR, Effect.RESET)


def run(plan: Plan) -> Outcome:
    """Storms, then completions that go wrong in each way, then an object that crawls."""
    outcome, calm, stormy = Outcome(), [], []
    with open_system(plan, BULK_DOWNLOAD_SERVER_SIDE_COPY="never") as system:
        system.watch()
        media = make_media(system, "set", 30_000_000)
        storms = max(1, plan.trials // 2)
        for number in range(storms):
            with outcome.trial(f"storm {number}"):
                calm.append(_build(system, media))
                for effect, share in STORM:
                    system.front.faults.add(effect, share)
                system.front.faults.add(Effect.TRUNCATE, 0.01, operations=("GetObject",))
                try:
                    stormy.append(_build(system, media))
                finally:
                    system.front.faults.clear()
        for number in range(max(1, plan.trials - storms - 1)):
            effect = COMPLETIONS[number % len(COMPLETIONS)]
            with outcome.trial(f"completion {number} ({effect})"):
                rule = system.front.faults.add(effect, times=1 + number % 2, operations=COMPLETE)
                _build(system, media)
                assert rule.struck, "the completion was not struck"
                system.front.faults.clear()
        crawled_s = 0.0
        if not plan.is_short:
            with outcome.trial("crawl"):
                crawled_s = _crawl(system, media)
        with outcome.afterwards():
            invariants.check_row(system, plan)
        struck = sum(system.front.faults.struck.values())
    overhead = sum(stormy) / sum(calm) if calm and stormy else 0
    outcome.figure = f"{struck} requests struck, 0 corrupt; a job takes {overhead:.1f} times as long in a storm" + (
        f"; an object at 1 KB/s was given up after {crawled_s:.0f} s" if crawled_s else ""
    )
    return outcome


def _build(system: System, media: list[Media]) -> float:
    began = time.monotonic()
    job = system.api().submit(media)
    invariants.check_trial(system, [job], timeout_s=180)
    assert statuses(system, [job]) == [JobStatus.COMPLETE], f"the job is {statuses(system, [job])[0]}"
    return time.monotonic() - began


def _crawl(system: System, media: list[Media]) -> float:
    """One object comes at 1 KB/s: it is left out, or the job fails, as the person chose."""
    crawling = system.library.add("crawling.jpg", random.Random(system.seed).randbytes(1_000_000))
    rule = system.front.faults.add(Effect.CRAWL, operations=("GetObject",), key=crawling.key)
    began = time.monotonic()
    jobs = [system.api().submit([crawling, *media[:3]], onMissing=policy) for policy in ("skip", "fail")]
    invariants.check_trial(system, jobs, timeout_s=900)
    took_s = time.monotonic() - began
    system.front.faults.remove(rule)
    assert statuses(system, jobs) == [JobStatus.COMPLETE, JobStatus.FAILED], statuses(system, jobs)
    assert [one["reason"] for one in system.api().job(jobs[0])["skipped"]] == ["read_error"]
    return took_s
