"""A TCP proxy before Redis that can lose one reply, cut every connection, refuse new ones, or stand still."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from tests.faults.loop import LoopThread, abort

_BLOCK = 64 * 1024


@dataclass(eq=False)
class LostReply:
    """The next replies to a command that are not to arrive."""

    marker: bytes
    """What the command has in it: one whole argument as RESP writes it."""
    times: int
    is_silent: bool
    """True: nothing comes, and the client waits; False: the connection breaks instead."""
    holding: bytes = b""
    """Only replies that hold this are lost; others arrive and do not count."""
    lost: int = 0


@dataclass(eq=False)
class _Pair:
    """A client's connection and the one behind it."""

    front: asyncio.StreamWriter
    behind: asyncio.StreamWriter
    drops: list[LostReply] = field(default_factory=list)


def command_marker(word: str) -> bytes:
    """How a whole argument stands in a command (RESP bulk string)."""
    return f"\r\n${len(word)}\r\n{word}\r\n".encode()


class TcpProxy:
    """Listens on a loopback port for one server."""

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self._pairs: set[_Pair] = set()
        self._losses: list[LostReply] = []
        self._lock = threading.Lock()
        self._is_refusing = False
        self._loop = LoopThread("tcp-proxy")
        self._is_flowing = self._loop.run(_make_event())
        self.port = self._loop.serve(self._serve)

    def close(self) -> None:
        """End every connection and stop listening."""
        self._loop.close()

    def lose_reply(self, word: str, *, times: int = 1, is_silent: bool = False, holding: bytes = b"") -> LostReply:
        """Lose the reply to the next command that has this word as an argument."""
        loss = LostReply(command_marker(word), times, is_silent, holding)
        with self._lock:
            self._losses.append(loss)
        return loss

    def forget_losses(self) -> None:
        """Lose no more replies."""
        with self._lock:
            self._losses.clear()

    def cut(self) -> None:
        """Break every connection there is; new ones are served."""
        self._loop.call(self._cut)

    def refuse(self) -> None:
        """Break every connection, and every new one at once."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Serve again after `refuse`."""
        self._is_refusing = False

    def stall(self) -> None:
        """Let no byte pass, and keep every connection open."""
        self._loop.call(self._is_flowing.clear)

    def flow(self) -> None:
        """Let bytes pass again after `stall`."""
        self._loop.call(self._is_flowing.set)

    def _cut(self) -> None:
        for pair in list(self._pairs):
            abort(pair.front)
            abort(pair.behind)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            abort(writer)
            return
        try:
            behind_reader, behind = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            abort(writer)
            return
        pair = _Pair(writer, behind)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._commands(reader, pair), self._replies(behind_reader, pair))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._pairs.discard(pair)
            abort(writer)
            abort(behind)

    async def _commands(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        tail = b""
        while block := await reader.read(_BLOCK):
            await self._is_flowing.wait()
            self._look_for_losses(tail + block, pair)
            tail = block[-64:] if not pair.drops else b""
            pair.behind.write(block)
            await pair.behind.drain()
        raise ConnectionResetError

    def _look_for_losses(self, text: bytes, pair: _Pair) -> None:
        with self._lock:
            for loss in list(self._losses):
                if loss.marker in text:
                    pair.drops.append(loss)

    def _is_to_be_lost(self, loss: LostReply, reply: bytes) -> bool:
        with self._lock:
            if loss not in self._losses or loss.holding not in reply:
                return False
            loss.lost += 1
            if loss.lost >= loss.times:
                self._losses.remove(loss)
            return True

    async def _replies(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        while block := await reader.read(_BLOCK):
            await self._is_flowing.wait()
            loss = pair.drops.pop(0) if pair.drops else None
            if loss is not None and self._is_to_be_lost(loss, block):
                if loss.is_silent:
                    continue
                raise ConnectionResetError
            pair.front.write(block)
            await pair.front.drain()
        raise ConnectionResetError


async def _make_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
