"""gunicorn's settings for the web process: thousands of open streams in a few processes of greenlets."""

# First of all: what is imported before keeps the sockets that block every stream of the process.
from gevent import monkey

monkey.patch_all()

import contextlib
import os
import resource
import shutil
import tempfile
from pathlib import Path

from bulkdl.logs import configure_logs

_max_streams = int(os.environ.get("BULKDL_MAX_STREAMS") or 12_000)

bind = os.environ.get("BULKDL_BIND") or f"0.0.0.0:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
worker_class = "gevent"
# Streams have a limit of their own; above it there must be room to say so, and to answer everything else.
worker_connections = _max_streams + 2_000
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

configure_logs(os.environ.get("LOG_LEVEL") or "INFO", os.environ.get("LOG_FORMAT") or "json")

# Each stream is a file descriptor.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = worker_connections + 1_000
if _soft < _wanted and _soft != resource.RLIM_INFINITY:
    _reachable = _wanted if _hard == resource.RLIM_INFINITY else min(_wanted, _hard)
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


def child_exit(server, worker):
    """Take a dead process's open streams out of the sum."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """Leave nothing behind."""
    if _metrics_folder:
        shutil.rmtree(_metrics_folder, ignore_errors=True)
