"""Structured logs: one JSON object (or one console line) per event, secrets taken out, whoever wrote it.

`job_id`, `request_id` and the like are bound with `bound(...)` and stand on every line written meanwhile,
our own and those of gunicorn, dramatiq, APScheduler and Alembic alike.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

# Any: a log line's fields may hold anything.
Fields = MutableMapping[str, Any]

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"authorization|cookie|token|ticket|secret|password|passwd|signature|credential|presigned|download_?url|api_?key",
    re.IGNORECASE,
)
_HARMLESS_NAMES = frozenset({"lease_token"})
_SECRET_TEXTS = (
    # A JWT, wherever it stands (RFC 7519: three base64url pieces, the first a JSON object).
    (re.compile(r"eyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # The query of a presigned URL, versions 4 and 2, and tickets.
    (
        re.compile(r"((?:X-Amz-[\w-]+|Signature|AWSAccessKeyId|ticket|access_token|jwt)=)[^&\s\"'<>]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    # The password of a database or Redis URL.
    (re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
)

_NOISY = ("botocore", "boto3", "urllib3", "s3transfer", "alembic", "apscheduler", "werkzeug", "moto", "faker")


def configure_logs(level: str = "INFO", log_format: str = "json", *, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (standard error unless given).

    `log_format` is "json" or "console". May be called again: the last call counts.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_make_formatter(log_format))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module: `log = get_logger(__name__)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextlib.contextmanager
def bound(**fields: Any) -> Iterator[None]:  # Any: whatever is worth a line
    """Put these fields on every line written inside the block, by this thread or greenlet."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


def redact(value: Any) -> Any:  # Any: a field of a log line
    """The value without tokens, tickets, presigned URLs and passwords; containers are copied."""
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {name: _redact_field(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _redact_text(str(value))


def redact_secrets(logger: object, method: str, event: Fields) -> Fields:
    """The processor behind every formatter: no line leaves without it."""
    return {name: _redact_field(name, value) for name, value in event.items()}


def _redact_field(name: str, value: Any) -> Any:  # Any: a field of a log line
    if _SECRET_NAMES.search(name) and name not in _HARMLESS_NAMES and value is not None:
        return HIDDEN
    return redact(value)


def _redact_text(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def _shared_processors() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _make_formatter(log_format: str) -> logging.Formatter:
    ending: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if log_format == "json":
        ending += [
            structlog.processors.format_exc_info,
            redact_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        # The traceback becomes text first, so that the redaction sees it.
        ending += [structlog.processors.format_exc_info, redact_secrets, structlog.dev.ConsoleRenderer(colors=False)]
    return structlog.stdlib.ProcessorFormatter(
        # `extra=` of the standard library's own callers becomes fields, like ours.
        foreign_pre_chain=_shared_processors(),
        processors=ending,
    )
