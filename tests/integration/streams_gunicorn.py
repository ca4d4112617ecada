"""gunicorn's settings for `streams_app`; as little as the real ones is imported before gevent has patched."""

import os

os.environ["GEVENT_TRACK_GREENLET_TREE"] = "false"

logger_class = "bulkdl.api.server.GunicornLogger"
worker_connections = 3000
graceful_timeout = 20


def post_worker_init(worker):
    from bulkdl.api.streams import close_streams_on_sigterm

    close_streams_on_sigterm(worker.wsgi)
