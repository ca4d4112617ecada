"""Events as text: the form in which they pass through Redis and over a WebSocket, `{"event": …, "data": …}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkdl.events import sse
from bulkdl.events.high_water import Mark, mark_of
from bulkdl.events.types import ENDS, PROGRESS, Event


def encode_json(value: Any) -> str:  # Any: JSON
    """Compact JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_event(event: Event) -> str:
    """The event as it is published."""
    return encode_json({"event": event.name, "data": event.data})


class Message:
    """One thing to send to streams, encoded once for all of them; treat it as frozen.

    A class of its own beside `Event` because thousands of streams share it: it keeps only what they need.
    """

    __slots__ = ("_data", "_frame", "_sse", "job_id", "mark", "name", "retry_ms", "seq")

    def __init__(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        job_id: str = "",
        seq: int | None = None,
        retry_ms: int | None = None,
        mark: Mark | None = None,
    ) -> None:
        self.name = name
        self.job_id = job_id
        self.seq = seq
        self.retry_ms = retry_ms
        """How soon an EventSource shall come back when it loses the stream."""
        self.mark = mark
        """How far the job was, when this is progress."""
        self._data = encode_json(data)
        self._sse: bytes | None = None
        self._frame: bytes | None = None

    @property
    def is_end(self) -> bool:
        """True when it says that its job will not move again."""
        return self.name in ENDS

    @property
    def sse(self) -> bytes:
        """As Server-Sent Events."""
        if self._sse is None:
            self._sse = sse.frame(self.name, self._data, event_id=self.seq, retry_ms=self.retry_ms)
        return self._sse

    @property
    def text(self) -> str:
        """As a WebSocket's text message."""
        return f'{{"event":{encode_json(self.name)},"data":{self._data}}}'

    @property
    def frame(self) -> bytes:
        """As a WebSocket's text message in its frame."""
        if self._frame is None:
            self._frame = text_frame(self.text.encode())
        return self._frame


def decode_message(text: bytes) -> Message:
    """What was published, ready for the streams. Raises `ValueError` when it is no event of a job."""
    try:
        content = json.loads(text)
        name, data = content["event"], content["data"]
        job_id, seq = data["jobId"], int(data["seq"])
    except (KeyError, TypeError, RecursionError) as exc:
        raise ValueError("this is not an event of a job") from exc
    if not isinstance(name, str) or not isinstance(job_id, str):
        raise ValueError("this is not an event of a job")
    return Message(name, data, job_id=job_id, seq=seq, mark=_mark(name, data))


def _mark(name: str, data: Mapping[str, Any]) -> Mark | None:
    try:
        return mark_of(data) if name == PROGRESS else None
    except KeyError:
        return None


def text_frame(payload: bytes) -> bytes:
    """A whole, unmasked text message, as a server sends it (RFC 6455 §5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


PING_FRAME = b"\x89\x00"
"""A ping without a payload (RFC 6455 §5.5.2)."""


def close_frame(code: int, reason: str) -> bytes:
    """The end of a WebSocket (RFC 6455 §5.5.1); the reason must be short."""
    payload = code.to_bytes(2, "big") + reason.encode()
    return bytes((0x88, len(payload))) + payload
