"""An asyncio event loop in a thread of its own, for proxies that a test drives from its own thread."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class LoopThread:
    """Runs coroutines of other threads; every server and connection in it ends with `close`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._writers: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = 10.0) -> T:
        """The coroutine's result, waited for in the calling thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def call(self, function: Callable[[], object]) -> None:
        """Have a function called in the loop, soon."""
        self.loop.call_soon_threadsafe(function)

    def serve(self, handler: Handler, port: int = 0) -> int:
        """Listen on a loopback port (a free one for 0) until `close`; its number."""

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Known from the first moment: a task that is cancelled before it began would leave it open.
            self._writers.add(writer)
            task = self.loop.create_task(handler(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        async def start() -> asyncio.Server:
            return await asyncio.start_server(connected, "127.0.0.1", port, limit=256 * 1024, backlog=512)

        server = self.run(start())
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening, cancel whatever runs, drop every connection and end the thread."""
        self.run(self._end_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _end_all(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks(self.loop) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.transport.abort()
        # Transports close their sockets in the loop's next turn.
        await asyncio.sleep(0)


def abort(writer: asyncio.StreamWriter | None) -> None:
    """Drop a connection in mid-word: the other end sees it reset, not ended."""
    if writer is None:
        return
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.transport.is_closing():
        set_reset_on_close(sock)
    writer.transport.abort()


def set_reset_on_close(sock: Any) -> None:  # Any: asyncio's TransportSocket, which has no public base
    """Let closing it send RST: SO_LINGER with no time to linger (socket(7))."""
    import socket
    import struct

    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        return
