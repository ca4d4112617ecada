"""Row 12: cancelled at a random moment, from before the first worker looks to after the archive stands."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from bulkdl.jobs.models import BulkDownloadJob
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store import checkpoint
from tests.faults import invariants
from tests.faults.library import Media
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import make_media, statuses
from tests.services.wait import wait_until

STOPPED_WITHIN_S = 2.0
AT_ONCE = 4
_WORK = ("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload")


def run(plan: Plan) -> Outcome:
    """Four jobs at a time, each of a person of its own, each cancelled at its own moment."""
    outcome, stops = Outcome(), []
    stages: Counter[str] = Counter()
    lock = threading.Lock()
    with open_system(plan) as system:
        media = [make_media(system, f"set-{number}", seed=number) for number in range(AT_ONCE)]
        for user in range(AT_ONCE):
            system.watch(f"user-{user}", by_websocket=user % 2 == 1)
        system.front.bytes_per_s = 40_000_000

        def one(number: int) -> None:
            mine = Outcome()
            with mine.trial(f"trial {number}"):
                user = number % AT_ONCE
                stage, took_s = _cancel(system, media[user], f"user-{user}", plan.dice(number))
                with lock:
                    stages[stage] += 1
                    stops.append(took_s)
            with lock:
                outcome.trials += mine.trials
                outcome.passed += mine.passed
                outcome.complaints += mine.complaints

        for start in range(0, plan.trials, AT_ONCE):
            threads = [
                threading.Thread(target=one, args=(number,))
                for number in range(start, min(start + AT_ONCE, plan.trials))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with outcome.afterwards():
            invariants.check_row(system, plan)
    moments = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
    outcome.figure = (
        f"stopped and the bucket empty after {percentile(stops, 0.5):.2f} s (p50), {max(stops, default=0):.2f} s "
        f"(longest); cancelled while {moments}"
    )
    return outcome


def _cancel(system: System, media: list[Media], user: str, dice: random.Random) -> tuple[str, float]:
    """The stage at which the job was cancelled, and how long it took until nothing of it was left or moved."""
    api = system.api(user)
    job_id = api.submit(media)
    wanted = dice.choice(("pending", "planning", "transferring", "transferring", "finishing", "complete"))
    wait_until(lambda: _stage(system, job_id) in _FROM[wanted], 60, interval_s=0.01, what=f"{job_id} {wanted}")
    time.sleep(dice.uniform(0, 1.5) if wanted == "transferring" else dice.uniform(0, 0.1))
    before = _stage(system, job_id)
    began = time.monotonic()
    answer = api.cancel(job_id)
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
    assert answer.json()["status"] == "cancelled", answer.json()["status"]
    # Long enough for a worker that is in the middle of a request to show itself.
    time.sleep(STOPPED_WITHIN_S + 0.5)
    worked = (seen for seen in list(system.front.seen) if job_id in seen.call.key and seen.call.operation in _WORK)
    last = max((seen.at for seen in worked), default=began)
    took_s = max(0.0, last - began)
    assert took_s <= STOPPED_WITHIN_S, f"{took_s:.1f} s after the cancel somebody still worked on it"
    left = _left(system, job_id)
    assert not left, f"{before}: {left} stand in the bucket {STOPPED_WITHIN_S} s after the cancel"
    assert statuses(system, [job_id]) == [JobStatus.CANCELLED]
    invariants.check_streams(system, [job_id])
    return before, took_s


_STAGES = ("pending", "planning", "transferring", "finishing", "complete")
_FROM = {stage: _STAGES[place:] for place, stage in enumerate(_STAGES)}


def _left(system: System, job_id: str) -> list[str]:
    """What stands in the bucket of a job."""
    keys = [*system.archive_keys(), *(upload["Key"] for upload in system.uploads())]
    return [key for key in keys if job_id in key]


def _stage(system: System, job_id: str) -> str:
    with system.database.reader() as session:
        job = session.get_one(BulkDownloadJob, job_id)
        if job.status is not JobStatus.PROCESSING:
            return job.status.value
        if job.upload_id is None:
            return "planning"
        return "finishing" if checkpoint.all_ranges_done(session, job_id) else "transferring"
