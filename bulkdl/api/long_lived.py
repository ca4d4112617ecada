"""Requests that last for hours, sent from a stack that Flask has left no trace on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bulkdl.events.stacks import on_other_stack

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_TASK = "bulkdl.long_lived_task"


class LongLivedRequests:
    """WSGI middleware: runs the application on another stack when it may begin a stream (see `events.stacks`).

    The body of an event stream is iterated by the server as ever. A view that has taken the socket over leaves
    with `continue_later` what is to be done with it, and that is done here, after the application has returned.
    """

    def __init__(self, inner: WSGIApplication, path_endings: tuple[str, ...]) -> None:
        self._inner = inner
        self._path_endings = path_endings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application inside does."""
        if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].endswith(self._path_endings):
            return self._inner(environ, start_response)
        answer: Iterable[bytes] | None = None
        # flask-sock raises it when gunicorn is to leave the socket alone. Not held meanwhile: it leads to every
        # frame that it has passed through.
        with contextlib.suppress(StopIteration):
            answer = on_other_stack(lambda: self._inner(environ, start_response))
        # The request and what hangs on it.
        environ.pop("werkzeug.request", None)
        task = environ.pop(_TASK, None)
        if task is not None:
            task()
        if answer is None:
            raise StopIteration
        return answer


def continue_later(environ: WSGIEnvironment, task: Callable[[], None]) -> None:
    """Have the middleware do this when the application has returned, or has raised what servers take as its end."""
    environ[_TASK] = task
