"""A front before a real object store that breaks what it is told to break; a proxy, not a store of our own.

It passes every request on as it came, Host header included, so that signatures hold behind it too.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.faults.http_relay import ConnectionOver, Head, read_body, read_head, without
from tests.faults.loop import LoopThread, abort
from tests.faults.s3_calls import Call, read_call
from tests.faults.s3_faults import Effect, Faults, Rule

_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{0}</Code><Message>{0} for a test</Message></Error>'
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that was answered, or broken."""

    at: float
    """Monotonic, of its end."""
    call: Call
    status: int
    """0: no answer reached the client whole."""
    size: int
    """Bytes of the bodies, both ways."""
    effect: Effect | None


class S3Front:
    """Listens on a loopback port for one store."""

    def __init__(self, upstream: str, *, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.faults = Faults(seed)
        self.latency_s = 0.0
        """How long every request waits before it is passed on."""
        self.bytes_per_s: float | None = None
        """What all bodies together may move; None for no limit."""
        self.before: Callable[[Call], None] | None = None
        """Called, in a thread, before a request is passed on; a test may break things there."""
        self.seen: deque[Seen] = deque(maxlen=200_000)
        self.stored: Counter[tuple[str, int]] = Counter()
        """How often each part was stored: (upload id, part number)."""
        self.moved = 0
        """Bytes of bodies, both ways."""
        self._free_at = 0.0
        self._loop = LoopThread("s3-front")
        port = self._loop.serve(self._serve)
        self.url = f"http://127.0.0.1:{port}"

    def close(self) -> None:
        """End every connection and stop listening."""
        self._loop.close()

    def count(self, operation: str, *, key: str = "", since: float = 0.0) -> int:
        """How many requests of this kind were answered with success."""
        return sum(
            1
            for seen in list(self.seen)
            if seen.at >= since and seen.call.operation == operation and key in seen.call.key and 0 < seen.status < 300
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = _Relay(self, reader, writer)
        try:
            while await relay.one():
                pass
        except (ConnectionOver, ConnectionError, asyncio.CancelledError):
            abort(writer)
        finally:
            relay.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the store."""
        return await asyncio.open_connection(*self._upstream, limit=256 * 1024)

    async def pace(self, size: int) -> None:
        """Wait until so many bytes more may have been moved."""
        self.moved += size
        if self.bytes_per_s is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now - 0.05) + size / self.bytes_per_s
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)


class _Relay:
    """One connection of a client, and the one behind it."""

    def __init__(self, front: S3Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._front = front
        self._reader = reader
        self._writer = writer
        self._behind: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._size = 0

    def close(self) -> None:
        """Let both connections go."""
        self._drop_behind()
        self._writer.close()

    async def one(self) -> bool:
        """Pass one request on; False when the connection ends behind it."""
        head = await read_head(self._reader)
        call = read_call(head)
        port = self._writer.get_extra_info("peername")[1]
        call = replace(call, occurrence=self._front.faults.count(call), client_port=port)
        self._size = 0
        if "expect" in head.headers:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._front.latency_s:
            await asyncio.sleep(self._front.latency_s)
        if self._front.before is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._front.before, call)
        rule = self._front.faults.decide(call)
        status = 0
        try:
            status = await self._answer(head, call, rule)
        finally:
            self._note(call, status, rule)
        return status > 0 and head.keeps_alive

    async def _answer(self, head: Head, call: Call, rule: Rule | None) -> int:
        effect = rule.effect if rule else None
        if effect is Effect.RESET:
            abort(self._writer)
            return 0
        if rule and effect is Effect.HOLD:
            while self._front.faults.in_force(rule):
                await asyncio.sleep(_PAUSE_S)
        if effect in (Effect.SLOW_DOWN, Effect.ERROR, Effect.REFUSED, Effect.ERROR_IN_200):
            async for block in read_body(self._reader, head):
                await self._front.pace(len(block))
            return await self._refuse(effect, head)
        answer = await self._pass_on(head)
        return await self._pass_back(answer, head, call, rule)

    async def _refuse(self, effect: Effect | None, head: Head) -> int:
        status, reason, code = {
            Effect.SLOW_DOWN: (503, "Slow Down", "SlowDown"),
            Effect.ERROR: (500, "Internal Server Error", "InternalError"),
            Effect.REFUSED: (501, "Not Implemented", "NotImplemented"),
        }.get(effect or Effect.ERROR, (200, "OK", "InternalError"))
        body = _ERROR.format(code).encode()
        lines = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(lines.encode() + (b"" if head.first_line.startswith("HEAD ") else body))
        await self._writer.drain()
        return status

    async def _pass_on(self, head: Head) -> Head:
        is_fresh = self._behind is None
        reader, writer = self._behind = self._behind or await self._front.connect()
        raw = without(head, "expect")
        writer.write(raw)
        blocks = 0
        try:
            async for block in read_body(self._reader, head):
                blocks += 1
                await self._move(writer, block)
            await writer.drain()
            return await read_head(reader)
        except (ConnectionOver, ConnectionError):
            self._drop_behind()
            if is_fresh or blocks or self._reader.at_eof():
                raise
            # The store had closed a connection that was idle.
            return await self._pass_on(head)

    async def _pass_back(self, answer: Head, head: Head, call: Call, rule: Rule | None) -> int:
        effect = rule.effect if rule else None
        if call.operation in ("UploadPart", "UploadPartCopy") and answer.status == 200:
            self._front.stored[call.upload_id, call.part] += 1
        assert self._behind is not None
        method = head.first_line.split(" ", 1)[0]
        body = read_body(self._behind[0], answer, of_answer_to=method)
        if effect in (Effect.REPLY_LOST, Effect.DONE_ERROR_IN_200):
            async for _ in body:
                pass
            if effect is Effect.DONE_ERROR_IN_200:
                return await self._refuse(effect, head)
            abort(self._writer)
            return 0
        self._writer.write(answer.raw)
        half = int(answer.headers.get("content-length", 0)) // 2
        async for block in body:
            if effect is Effect.TRUNCATE and self._size + len(block) > half:
                self._writer.write(block[: max(half - self._size, 0)])
                await self._writer.drain()
                abort(self._writer)
                self._drop_behind()
                return 0
            if rule and effect is Effect.CRAWL:
                await self._crawl(block, rule.bytes_per_s)
            else:
                await self._move(self._writer, block)
        await self._writer.drain()
        if not answer.keeps_alive:
            self._drop_behind()
            if "content-length" not in answer.headers:
                return 0
        return answer.status

    async def _move(self, writer: asyncio.StreamWriter, block: bytes) -> None:
        self._size += len(block)
        await self._front.pace(len(block))
        writer.write(block)
        await writer.drain()

    async def _crawl(self, block: bytes, bytes_per_s: int) -> None:
        step = max(1, bytes_per_s // 10)
        for start in range(0, len(block), step):
            self._writer.write(block[start : start + step])
            await self._writer.drain()
            await asyncio.sleep(0.1)

    def _drop_behind(self) -> None:
        if self._behind is not None:
            self._behind[1].close()
            self._behind = None

    def _note(self, call: Call, status: int, rule: Rule | None) -> None:
        self._front.seen.append(Seen(time.monotonic(), call, status, self._size, rule.effect if rule else None))
