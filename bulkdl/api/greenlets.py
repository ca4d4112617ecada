"""gunicorn's gevent worker, which ends as soon as its work is done.

The original waits at its end for connections that nobody is using, as long as they are kept alive or until
the graceful time-out: every deploy would take that long.
"""

from __future__ import annotations

from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker


class GreenletWorker(GeventWorker):
    """Closes idle connections when it is asked to end."""

    # Any: gunicorn's own arguments, passed on.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[_Patience] = set()

    def timeout_ctx(self) -> _Patience:  # type: ignore[override]  # the stubs have it return None
        """How long a connection may wait for its next request; the connection is idle meanwhile."""
        return _Patience(self.cfg.keepalive, self._idle)

    def notify(self) -> None:
        """Called every second, also while the worker waits for its end."""
        super().notify()
        if not self.alive:
            for patience in list(self._idle):
                patience.end()


class _Patience(gevent.Timeout):
    """A time-out that can be brought forward; its block ends quietly either way."""

    def __init__(self, seconds: float, idle: set[_Patience]) -> None:
        super().__init__(seconds, False)
        self._idle = idle
        self._greenlet: gevent.Greenlet | None = None

    def __enter__(self) -> _Patience:
        self._greenlet = gevent.getcurrent()
        self._idle.add(self)
        super().__enter__()
        return self

    def __exit__(self, *exc_info: object) -> bool | None:
        self._idle.discard(self)
        suppressed: bool | None = super().__exit__(*exc_info)
        return suppressed

    def end(self) -> None:
        """Let the waiting greenlet go on as if its time were over."""
        if self._greenlet is not None:
            gevent.kill(self._greenlet, self, block=False)
