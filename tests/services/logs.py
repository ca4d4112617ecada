"""Logs are set up for a whole process; a test that does so leaves them as they were."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import structlog


@contextlib.contextmanager
def logs_left_alone() -> Iterator[None]:
    """Undo at the end of the block what `configure_logs` does."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        yield
    finally:
        root.handlers[:], root.level = before
        logging.captureWarnings(False)
        structlog.reset_defaults()
