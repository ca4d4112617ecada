"""The threads that carry out requests: one pool for all jobs of a process, each job served in its turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

from bulkdl.transfer.pace import Pace

Task = Callable[[], int]
"""One request, retries included. Never raises; returns the bytes that it moved."""


class Lanes:
    """Runs at most `pace.limit` tasks at once. Threads are started when first needed and wait when idle."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._changed = threading.Condition()
        self._ring: deque[TaskQueue] = deque()
        """The queues in which a task waits; the first is served next."""
        self._running = 0
        self._threads = 0
        self._is_closed = False

    @property
    def limit(self) -> int:
        """Tasks that may run at once at this moment."""
        return self._pace.limit

    def open_queue(self) -> TaskQueue:
        """A queue for one job."""
        return TaskQueue(self)

    def throttled(self) -> None:
        """Tell that the store asked for fewer requests."""
        with self._changed:
            self._pace.throttled()

    def close(self) -> None:
        """Let the threads end as they become idle."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            queue, task = taken
            size = 0
            try:
                size = task()
            finally:
                self._ended(queue, size)

    def _take(self) -> tuple[TaskQueue, Task] | None:
        """Wait for a task that may run; its queue goes to the end of the ring. None: closed."""
        with self._changed:
            while not self._ring or self._running >= self._pace.limit:
                if self._is_closed:
                    return None
                self._changed.wait()
            queue = self._ring.popleft()
            task = queue.tasks.popleft()
            if queue.tasks:
                self._ring.append(queue)
            self._running += 1
            queue.running += 1
            return queue, task

    def _ended(self, queue: TaskQueue, size: int) -> None:
        with self._changed:
            self._running -= 1
            before = self._pace.limit
            self._pace.moved(size, is_pressed=bool(self._ring))
            self._wake(self._pace.limit - before)
            queue.running -= 1
            on_idle = queue.idle_callback()
        if on_idle is not None:
            on_idle()

    def _add(self, queue: TaskQueue, count: int) -> None:
        """So many tasks were put into the queue. Holds the lock."""
        if count and len(queue.tasks) == count:
            self._ring.append(queue)
        self._wake(count)

    def _wake(self, count: int) -> None:
        """See that up to `count` waiting tasks are picked up, by new threads if need be. Holds the lock."""
        if count <= 0 or not self._ring:
            return
        idle = self._threads - self._running
        for _ in range(min(count - idle, self._pace.limit - self._threads)):
            self._threads += 1
            threading.Thread(target=self._work, name=f"lane-{self._threads}", daemon=True).start()
        self._changed.notify(count)

    def _drop(self, queue: TaskQueue) -> None:
        """Forget the queue's waiting tasks. Holds the lock."""
        if queue.tasks:
            queue.tasks.clear()
            self._ring.remove(queue)


class TaskQueue:
    """The tasks of one job: waiting and running."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.tasks: deque[Task] = deque()
        self.running = 0
        self._on_idle: Callable[[], None] | None = None

    @property
    def lanes(self) -> Lanes:
        """The pool that serves this queue."""
        return self._lanes

    @property
    def waiting(self) -> int:
        """Tasks that nobody has begun."""
        return len(self.tasks)

    @property
    def is_idle(self) -> bool:
        """True when nothing waits and nothing runs."""
        with self._lanes._changed:
            return not self.tasks and not self.running

    def push(self, tasks: Iterable[Task]) -> None:
        """Put tasks behind the others."""
        with self._lanes._changed:
            before = len(self.tasks)
            self.tasks.extend(tasks)
            self._lanes._add(self, len(self.tasks) - before)

    def push_first(self, task: Task) -> None:
        """Put a task before the others: a part that is ready is stored before more is fetched."""
        with self._lanes._changed:
            self.tasks.appendleft(task)
            self._lanes._add(self, 1)

    def spawn(self, task: Callable[[], None]) -> None:
        """Run in a thread of its own, outside the limit: for what waits for other tasks while it runs."""
        with self._lanes._changed:
            self.running += 1
        threading.Thread(target=self._run_alone, args=(task,), name="lane-stream", daemon=True).start()

    def _run_alone(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            with self._lanes._changed:
                self.running -= 1
                on_idle = self.idle_callback()
            if on_idle is not None:
                on_idle()

    def close(self, on_idle: Callable[[], None]) -> None:
        """Drop what waits, and call `on_idle` once, in any thread, when the last running task has ended."""
        with self._lanes._changed:
            self._lanes._drop(self)
            self._on_idle = on_idle
            due = self.idle_callback()
        if due is not None:
            due()

    def idle_callback(self) -> Callable[[], None] | None:
        """What `close` was given, if its time has come; only once. Under the lock of the lanes."""
        if self.running or self._on_idle is None:
            return None
        due, self._on_idle = self._on_idle, None
        return due
