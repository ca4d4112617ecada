"""gunicorn's logger: its lines and the access log join ours, without the query of any URL."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.message import Request
from gunicorn.http.wsgi import Response

from bulkdl.api.request_id import REQUEST_ID_HEADER
from bulkdl.logs import get_logger

access_log = get_logger("bulkdl.access")

_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class GunicornLogger(Logger):
    """Passes everything on to the root logger, which `configure_logs` has set up."""

    def setup(self, cfg: Config) -> None:
        """Keep gunicorn from opening log files of its own."""
        self.cfg = cfg
        self._access_log_enabled = True
        self.error_log.setLevel(cfg.loglevel.upper())
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    # Any: the WSGI environment.
    def access(self, resp: Response, req: Request, environ: MutableMapping[str, Any], request_time: timedelta) -> None:
        """One line per answer, when its last byte is out: queries hold tickets and cursors and are left out."""
        path = environ.get("PATH_INFO", "")
        log = access_log.debug if path in _QUIET_PATHS else access_log.info
        log(
            "request",
            method=environ.get("REQUEST_METHOD"),
            path=path,
            status=int(str(resp.status).split(None, 1)[0]),
            size=getattr(resp, "sent", None),
            duration_s=round(request_time.total_seconds(), 4),
            address=environ.get("REMOTE_ADDR"),
            agent=environ.get("HTTP_USER_AGENT"),
            request_id=dict(resp.headers).get(REQUEST_ID_HEADER),
        )
