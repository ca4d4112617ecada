"""An asyncio event loop in a thread of its own, for proxies that a test drives from its own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LoopThread:
    """Runs coroutines of other threads; every server and connection in it ends with `close`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = 10.0) -> T:
        """The coroutine's result, waited for in the calling thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def call(self, function: Callable[[], object]) -> None:
        """Have a function called in the loop, soon."""
        self.loop.call_soon_threadsafe(function)

    def serve(self, handler: Handler, port: int = 0) -> tuple[asyncio.Server, int]:
        """Listen on a loopback port (a free one for 0); the server and its port."""

        async def start() -> asyncio.Server:
            return await asyncio.start_server(handler, "127.0.0.1", port, limit=256 * 1024, backlog=512)

        server = self.run(start())
        return server, int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Cancel whatever runs and end the thread."""
        self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks(self.loop) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
