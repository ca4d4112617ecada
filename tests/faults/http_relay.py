"""HTTP/1.1 messages as a proxy passes them on: heads read, bodies streamed, nothing rewritten (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

BLOCK = 64 * 1024


class ConnectionOver(Exception):
    """The other end closed between two messages, or in the middle of one."""


@dataclass(frozen=True, slots=True)
class Head:
    """First line and headers, with the bytes they came in."""

    first_line: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether another message may follow on the same connection."""
        connection = self.headers.get("connection", "").lower()
        is_old = "HTTP/1.0" in self.first_line
        return "close" not in connection and (not is_old or "keep-alive" in connection)

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first_line.split(" ", 2)[1])


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The next head; raises `ConnectionOver` when there is none."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError) as exc:
        raise ConnectionOver from exc
    first_line, *lines = raw[:-4].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Head(first_line, headers, raw)


async def read_body(
    reader: asyncio.StreamReader, head: Head, *, of_answer_to: str | None = None
) -> AsyncIterator[bytes]:
    """The body as it stands on the wire, chunk sizes included; `of_answer_to` is the method of the request."""
    if of_answer_to is not None and (of_answer_to == "HEAD" or head.status in (204, 304) or head.status < 200):
        return
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        async for block in _chunks(reader):
            yield block
        return
    length = head.headers.get("content-length")
    if length is not None:
        async for block in _counted(reader, int(length)):
            yield block
    elif of_answer_to is not None:
        while block := await reader.read(BLOCK):
            yield block


async def _counted(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        block = await reader.read(min(left, BLOCK))
        if not block:
            raise ConnectionOver
        left -= len(block)
        yield block


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    try:
        while True:
            line = await reader.readuntil(b"\r\n")
            yield line
            size = int(line.split(b";")[0], 16)
            if size:
                yield await reader.readexactly(size + 2)
                continue
            while line != b"\r\n":
                line = await reader.readuntil(b"\r\n")
                yield line
            return
    except asyncio.IncompleteReadError as exc:
        raise ConnectionOver from exc


def without(head: Head, name: str) -> bytes:
    """The head as it came, less one header."""
    lines = head.raw[:-4].split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(name.encode() + b":")]
    return b"\r\n".join(kept) + b"\r\n\r\n"
