"""gunicorn's settings for the web process: thousands of open streams in a few processes of greenlets."""

import contextlib
import gc
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from bulkdl.errors import SettingsError
from bulkdl.logs import configure_logs
from bulkdl.settings import load_settings

try:
    _settings = load_settings()
except SettingsError as exc:
    # Before any process is started, and without a traceback: the line says all.
    sys.exit(f"bulkdl: {exc}")

configure_logs(_settings.log_level, _settings.log_format)


def _number(name, default):
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdigit() or not int(text):
        sys.exit(f"bulkdl: {name} is {text!r}: it wants a whole number above 0.")
    return int(text)


bind = os.environ.get("BULKDL_BIND", "").strip() or f"0.0.0.0:{_number('PORT', 8000)}"
workers = _number("WEB_CONCURRENCY", 1)
# gevent notes on each greenlet where it was spawned: a kilobyte for every open stream.
os.environ.setdefault("GEVENT_TRACK_GREENLET_TREE", "false")
worker_class = "bulkdl.api.greenlets.GreenletWorker"
# Streams have a limit of their own; above it there must be room to say so, and to answer everything else.
worker_connections = _settings.max_streams + 2_000
# Platforms give a process 30 s between SIGTERM and SIGKILL.
graceful_timeout = 20
timeout = 60
# Longer than load balancers keep their side open (usually 60 s), or they write into a closing connection.
keepalive = 75
# Heartbeats are files: in memory, so that a slow disk never looks like a dead worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes its own file there
# A way in that nobody uses here, at a path that every instance of this user would share.
control_socket_disable = True
logger_class = "bulkdl.api.server.GunicornLogger"

# Each stream is a file descriptor.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = worker_connections + 1_000
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    _reachable = _wanted if _hard == resource.RLIM_INFINITY else min(_wanted, _hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_reachable, _hard))

# Several processes add up what they measure in files that whichever is asked can read.
_metrics_folder = None
if workers > 1 and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    _metrics_folder = tempfile.mkdtemp(prefix="bulkdl-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_folder


def post_worker_init(worker):
    """Let open streams say good-bye on SIGTERM, so that clients come back elsewhere at once."""
    from bulkdl.api.streams import close_streams_on_sigterm

    close_streams_on_sigterm(worker.wsgi)
    # A full garbage collection looks at all that belongs to every open stream: with ten thousand of them it takes
    # three quarters of a second, in which nobody is served. Requests and streams leave next to nothing for it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 50)


def child_exit(server, worker):
    """Take a dead process's open streams out of the sum."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """Leave nothing behind."""
    if _metrics_folder:
        shutil.rmtree(_metrics_folder, ignore_errors=True)
