"""`python -m actors.clock`: the sweeps on a schedule. Harmless to start twice; every sweep is safe to repeat."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

import redis
from apscheduler.schedulers.blocking import BlockingScheduler

from bulkdl.errors import BulkdlError, SettingsError
from bulkdl.jobs import sweep
from bulkdl.jobs.context import JobContext
from bulkdl.logs import configure_logs, get_logger
from bulkdl.runtime import Role, Runtime, make_runtime
from bulkdl.settings import load_settings

log = get_logger(__name__)

QUEUE_EPOCH = "bulkdl:queue-epoch"
"""A key without a time limit: when it is gone, Redis was emptied and with it the queue."""

EVERY_S: dict[Callable[[JobContext], object], float] = {
    sweep.requeue_stalled: 1,
    sweep.announce_ends: 2,
    sweep.clean_ended: 5,
    sweep.expire_archives: 15,
    sweep.abort_orphans: 600,
    sweep.purge_records: 3600,
}


def main() -> None:
    """Run the sweeps until the process is told to end."""
    try:
        settings = load_settings()
    except SettingsError as exc:
        sys.exit(str(exc))
    configure_logs(settings.log_level, settings.log_format)
    runtime = make_runtime(settings, Role.CLOCK)
    scheduler = make_scheduler(runtime)

    def stop(signal_number: int, frame: FrameType | None) -> None:
        scheduler.shutdown(wait=False)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("clock started", sweeps=len(EVERY_S))
    try:
        scheduler.start()
    finally:
        runtime.close()


def make_scheduler(runtime: Runtime) -> BlockingScheduler:
    """Every sweep at its interval; one that is late or still running is not started twice."""
    scheduler = BlockingScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for function, seconds in EVERY_S.items():
        scheduler.add_job(guarded, "interval", args=[function, runtime.jobs], seconds=seconds, name=function.__name__)
    scheduler.add_job(guarded, "interval", args=[lambda _: watch_queue(runtime), runtime.jobs], seconds=1, name="watch")
    return scheduler


def guarded(function: Callable[[JobContext], object], ctx: JobContext) -> None:
    """Run one sweep; what it cannot reach now, the next run will."""
    try:
        function(ctx)
    except (BulkdlError, redis.RedisError) as exc:
        log.warning("sweep failed, it runs again", sweep=getattr(function, "__name__", ""), error=str(exc))


def watch_queue(runtime: Runtime) -> None:
    """Notice that Redis was emptied, and send all work again at once."""
    if runtime.redis.set(QUEUE_EPOCH, "1", nx=True):
        sweep.requeue_all(runtime.jobs)


if __name__ == "__main__":
    main()
