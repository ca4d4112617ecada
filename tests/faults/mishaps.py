"""The faults of the soak: each strikes the running system once, and is over when it returns."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import time
from collections.abc import Callable

import psutil

from tests.faults.s3_faults import Effect
from tests.faults.system import System

Mishap = Callable[[System, random.Random], None]


def kill_worker(system: System, dice: random.Random) -> None:
    """SIGKILL one worker process; the master then ends and is started again."""
    with contextlib.suppress(psutil.NoSuchProcess, IndexError):
        dice.choice(system.worker.children()).kill()


def kill_all_workers(system: System, dice: random.Random) -> None:
    """SIGKILL the master and everything below it."""
    system.worker.kill()


def stop_worker(system: System, dice: random.Random) -> None:
    """SIGTERM, as a deploy sends it."""
    system.worker.stop()
    system.worker.start()


def suspend_worker(system: System, dice: random.Random) -> None:
    """SIGSTOP a worker process until its leases have run out."""
    with contextlib.suppress(psutil.NoSuchProcess, IndexError):
        zombie = dice.choice(system.worker.children())
        zombie.send_signal(signal.SIGSTOP)
        time.sleep(system.lease_s + 1)
        zombie.send_signal(signal.SIGCONT)


def suspend_clock(system: System, dice: random.Random) -> None:
    """SIGSTOP the clock for a while: no sweep runs."""
    assert system.clock.process is not None
    system.clock.process.suspend()
    time.sleep(dice.uniform(2, 6))
    system.clock.process.resume()


def restart_redis(system: System, dice: random.Random) -> None:
    """Gone for a second or two."""
    system.redis.kill()
    time.sleep(dice.uniform(0.5, 2))
    system.redis.start()


def empty_redis(system: System, dice: random.Random) -> None:
    """FLUSHALL."""
    with system.redis_client() as client:
        client.flushall()


def cut_redis(system: System, dice: random.Random) -> None:
    """Every connection breaks at once."""
    system.proxy.cut()


def stall_redis(system: System, dice: random.Random) -> None:
    """Connections stay open and nothing comes."""
    system.proxy.stall()
    time.sleep(dice.uniform(1, 5))
    system.proxy.flow()


def lose_replies(system: System, dice: random.Random) -> None:
    """The next replies to a fetch, an ack and an enqueue are lost."""
    for word in ("fetch", "ack", "enqueue"):
        holding = b"_download" if word == "fetch" else b""
        system.proxy.lose_reply(word, is_silent=dice.random() < 0.5, holding=holding)
    time.sleep(5)
    system.proxy.forget_losses()


def lock_database(system: System, dice: random.Random) -> None:
    """Somebody else holds SQLite's write lock."""
    connection = sqlite3.connect(system.folder / "bulkdl.sqlite3", timeout=30, isolation_level=None)
    with contextlib.closing(connection), contextlib.suppress(sqlite3.OperationalError):
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(dice.uniform(1, 6))
        connection.execute("ROLLBACK")


def storm_in_store(system: System, dice: random.Random) -> None:
    """Throttling, errors, resets and truncated bodies for a while."""
    rules = [system.front.faults.add(effect, share) for effect, share in _STORM]
    time.sleep(dice.uniform(4, 8))
    for rule in rules:
        system.front.faults.remove(rule)


def wrong_completions(system: System, dice: random.Random) -> None:
    """Completions say one thing and do another."""
    effect = dice.choice((Effect.REPLY_LOST, Effect.ERROR_IN_200, Effect.DONE_ERROR_IN_200))
    rule = system.front.faults.add(effect, 0.5, operations=("CompleteMultipartUpload",))
    time.sleep(dice.uniform(4, 8))
    system.front.faults.remove(rule)


_STORM = (
    (Effect.SLOW_DOWN, 0.2),
    (Effect.ERROR, 0.05),
    (Effect.RESET, 0.03),
    (Effect.REPLY_LOST, 0.02),
)

MISHAPS: list[tuple[str, Mishap]] = [
    ("worker killed", kill_worker),
    ("all workers killed", kill_all_workers),
    ("worker told to end", stop_worker),
    ("worker suspended", suspend_worker),
    ("clock suspended", suspend_clock),
    ("Redis restarted", restart_redis),
    ("Redis emptied", empty_redis),
    ("Redis cut off", cut_redis),
    ("Redis stalled", stall_redis),
    ("replies lost", lose_replies),
    ("database locked", lock_database),
    ("store storm", storm_in_store),
    ("wrong completions", wrong_completions),
]
