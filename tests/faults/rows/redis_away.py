"""Row 3: Redis restarted for a moment, emptied in mid-job, and gone for a minute."""

from __future__ import annotations

import random
import time

import requests

from tests.faults import invariants
from tests.faults.clients import JOBS
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import SLOW_BYTES_PER_S, make_media

AFTER_IT_IS_BACK_S = 30.0
ANSWERS_WITHIN_S = 2.0


def run(plan: Plan) -> Outcome:
    """Restarts and losses by turns; the long outage comes last."""
    outcome, ends, answers = Outcome(), [], []
    with open_system(plan) as system:
        system.watch()
        system.watch(by_websocket=True)
        media = [make_media(system, f"set-{number}", seed=number) for number in range(2)]
        system.front.bytes_per_s = SLOW_BYTES_PER_S
        kinds = ["restart", "flush"] * plan.trials
        for number, kind in enumerate([*kinds[: plan.trials - 1], "gone"]):
            with outcome.trial(f"trial {number} ({kind})"):
                dice = plan.dice(number)
                jobs = [system.api().submit(one) for one in media]
                time.sleep(dice.uniform(0, 3))
                if kind == "flush":
                    with system.redis_client() as client:
                        client.flushall()
                else:
                    gone_s = dice.uniform(1, 3) if kind == "restart" else 5 if plan.is_short else 60
                    jobs += _go_without(system, gone_s, answers, jobs, dice)
                back_at = time.monotonic()
                invariants.check_trial(system, jobs, timeout_s=AFTER_IT_IS_BACK_S)
                ends.append(time.monotonic() - back_at)
        with outcome.afterwards():
            invariants.check_row(system, plan)
    outcome.figure = (
        f"all ended {percentile(ends, 0.5):.1f} s (p50), {max(ends, default=0):.1f} s (longest) after Redis was back; "
        f"meanwhile {len(answers)} requests, slowest answer {max(answers, default=0):.2f} s"
    )
    return outcome


def _go_without(system: System, gone_s: float, answers: list[float], jobs: list[str], dice: random.Random) -> list[str]:
    """Stop Redis for so long and ask the API all the while; the jobs that it accepted meanwhile."""
    accepted = []
    asset_ids = None
    api = system.api()
    system.redis.stop() if dice.random() < 0.5 else system.redis.kill()
    until = time.monotonic() + gone_s
    try:
        while time.monotonic() < until:
            job = _timed(answers, lambda: api.ask("GET", f"{JOBS}/{jobs[0]}"))
            assert job.status_code == 200, f"reading a job: {job.status_code}"
            items = _timed(answers, lambda: api.ask("GET", f"{JOBS}/{jobs[0]}/items"))
            assert items.status_code == 200, f"reading a ledger: {items.status_code}"
            asset_ids = asset_ids or [item["assetId"] for item in items.json()["items"]][:3]
            body = {"projectId": "demo", "assetIds": asset_ids}
            if len(accepted) < 5:
                made = _timed(answers, lambda: api.ask("POST", JOBS, json=body))  # noqa: B023 - called at once
                assert made.status_code == 202, f"submitting: {made.status_code}"
                accepted.append(made.json()["jobId"])
            ticket = _timed(answers, lambda: api.ask("POST", "/media-collab/stream-tickets"))
            assert ticket.status_code == 503, f"a ticket without Redis: {ticket.status_code}"
            assert max(answers) < ANSWERS_WITHIN_S, f"an answer took {max(answers):.1f} s without Redis"
            time.sleep(0.3)
    finally:
        system.redis.start()
    return accepted


def _timed(answers: list[float], ask: object) -> requests.Response:
    began = time.monotonic()
    answer: requests.Response = ask()  # type: ignore[operator]
    took = time.monotonic() - began
    answers.append(took)
    return answer
