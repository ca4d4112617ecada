"""How many requests run at once: a model of a network tells how fast each limit is, the pace must find out."""

from __future__ import annotations

import random
import threading

import pytest

from bulkdl.transfer.lanes import Lanes
from bulkdl.transfer.pace import Pace
from tests.unit.transfer_kit import wait_until

MIB = 1024**2


class Network:
    """Moves pieces at a rate that grows with the requests under way, up to `knee` of them; keeps the clock."""

    def __init__(self, *, knee: int, latency_s: float = 0.028, size: int = 256 * 1024, noise: float = 0.0) -> None:
        self.now = 0.0
        self.knee = knee
        self._latency_s = latency_s
        self._size = size
        self._noise = noise
        self._rng = random.Random(7)

    def clock(self) -> float:
        return self.now

    def run(self, pace: Pace, seconds: float, *, is_pressed: bool = True) -> None:
        """Pieces arrive one after another, for so long."""
        end = self.now + seconds
        while self.now < end:
            step = self._latency_s / min(pace.limit, self.knee)
            self.now += step * self._rng.uniform(1 - self._noise, 1 + self._noise)
            pace.moved(self._size, is_pressed=is_pressed)


def test_limit_grows_to_the_most_while_that_is_faster() -> None:
    network = Network(knee=1000)
    pace = Pace(10, 64, clock=network.clock)

    network.run(pace, 0.3)

    assert pace.limit == 64


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("knee", [10, 20, 40])
def test_limit_stays_near_the_knee(knee: int, noise: float) -> None:
    network = Network(knee=knee, noise=noise)
    pace = Pace(10, 64, clock=network.clock)

    network.run(pace, 30)

    assert knee * 0.75 <= pace.limit <= knee * 1.6


def test_limit_rises_when_the_network_becomes_wider() -> None:
    network = Network(knee=10)
    pace = Pace(10, 64, clock=network.clock)
    network.run(pace, 5)
    assert pace.limit <= 16

    network.knee = 1000
    network.run(pace, 60)

    assert pace.limit >= 32


def test_limit_does_not_grow_while_nothing_waits() -> None:
    network = Network(knee=1000)
    pace = Pace(10, 64, clock=network.clock)

    network.run(pace, 10, is_pressed=False)

    assert pace.limit == 10


def test_throttling_halves_the_limit_once_a_second() -> None:
    network = Network(knee=1000)
    pace = Pace(32, 64, clock=network.clock)

    for _ in range(10):
        pace.throttled()
    assert pace.limit == 16
    network.now += 1.1
    pace.throttled()

    assert pace.limit == 8


def test_limit_recovers_by_one_a_second() -> None:
    network = Network(knee=1000)
    pace = Pace(32, 64, clock=network.clock)
    pace.throttled()

    network.run(pace, 5.5)
    assert 19 <= pace.limit <= 21
    network.run(pace, 60)

    assert pace.limit == 64


def test_limit_never_falls_below_one() -> None:
    network = Network(knee=1000)
    pace = Pace(2, 64, clock=network.clock)

    for _ in range(5):
        pace.throttled()
        network.now += 2

    assert pace.limit == 1


def test_most_below_the_start_is_the_start() -> None:
    assert Pace(10, 4).limit == 10


def test_lanes_start_no_more_threads_than_the_limit() -> None:
    lanes = Lanes(Pace(3, 3))
    queue = lanes.open_queue()
    go_on, threads = threading.Event(), set()

    def task() -> int:
        threads.add(threading.get_ident())
        go_on.wait(10)
        return 0

    queue.push([task] * 20)
    wait_until(lambda: len(threads) == 3, "three tasks run")
    assert queue.waiting == 17
    go_on.set()
    wait_until(lambda: queue.is_idle, "all tasks ran")

    assert len(threads) == 3
    lanes.close()


def test_closed_queue_tells_when_its_last_task_has_ended() -> None:
    lanes = Lanes(Pace(1, 1))
    queue = lanes.open_queue()
    begun, go_on, ended, ran = threading.Event(), threading.Event(), threading.Event(), []

    def task() -> int:
        begun.set()
        go_on.wait(10)
        ran.append(1)
        return 0

    queue.push([task] * 5)
    assert begun.wait(10)
    queue.close(ended.set)
    assert not ended.is_set()
    go_on.set()

    assert ended.wait(10)
    assert len(ran) == 1, "what waited was dropped"
    lanes.close()
