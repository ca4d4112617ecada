"""From POST to the first byte of work, on an idle system: small jobs, one after another."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime

from bench.growth import sinking
from bench.service import Service
from bench.setup import Workbench
from bulkdl.storage import ObjectVersion

_SIZE = 1024


def measure(bench: Workbench, say: Callable[[str], None], *, jobs: int) -> dict[str, object]:
    """Percentiles in milliseconds: until a worker has begun, and until the archive is complete."""
    begun: list[float] = []
    complete: list[float] = []
    with sinking(bench) as store, Service(bench, store) as service:
        version = ObjectVersion(store.bucket, f"zeros/{_SIZE}/small.bin", _SIZE, f'"zeros-{_SIZE}"')
        asset_ids = service.add_assets([version], ["small.bin"])
        for number in range(jobs + 1):
            # At any moment of the worker's polling.
            time.sleep(random.uniform(0.2, 0.5))
            posted_at = time.time()
            finished = service.client.build(asset_ids)
            started_at = datetime.fromisoformat(service.client.job(finished.job_id)["startedAt"]).timestamp()
            service.client.delete(finished.job_id)
            if number:  # the first one finds every cache cold
                begun.append(1000 * (started_at - posted_at))
                complete.append(1000 * finished.seconds)
    figures: dict[str, object] = {"jobs": jobs, **_percentiles("", begun), **_percentiles("complete_", complete)}
    say(f"POST → first byte of work: median {figures['p50_ms']:.0f} ms, 95 % within {figures['p95_ms']:.0f} ms")
    return figures


def _percentiles(prefix: str, values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"{prefix}p50_ms": cuts[49], f"{prefix}p95_ms": cuts[94], f"{prefix}max_ms": max(values)}
