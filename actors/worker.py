"""The worker process: its runtime and its broker, made before any actor is declared."""

from __future__ import annotations

import sys

import dramatiq
from dramatiq.middleware import Retries

from actors.middleware import Crowd, HandBackOnShutdown, JobOfFailedMessage, LogContext, WarmUp
from bulkdl.broker import next_beginning
from bulkdl.errors import SettingsError
from bulkdl.logs import configure_logs
from bulkdl.runtime import Role, Runtime, make_runtime
from bulkdl.settings import load_settings

MAX_RETRIES = 3
MIN_BACKOFF_MS = 2_000
MAX_BACKOFF_MS = 30_000

try:
    settings = load_settings()
except SettingsError as exc:
    sys.exit(str(exc))
configure_logs(settings.log_level, settings.log_format)

# Not among them: TimeLimit, since a large archive takes as long as it takes and a lease bounds a dead
# worker; AgeLimit; ShutdownNotifications, since work is handed back from its checkpoint instead.
crowd = Crowd(lambda: next_beginning(runtime.broker))
runtime: Runtime = make_runtime(
    settings,
    Role.WORKER,
    middleware=[
        LogContext(),
        JobOfFailedMessage(lambda: runtime.jobs),
        Retries(max_retries=MAX_RETRIES, min_backoff=MIN_BACKOFF_MS, max_backoff=MAX_BACKOFF_MS),
        HandBackOnShutdown(lambda: runtime.jobs),
        crowd,
        WarmUp(lambda: runtime.jobs),
    ],
    others_wait=crowd.others_wait,
    has_room=crowd.has_room,
)
broker = runtime.broker
dramatiq.set_broker(broker)
