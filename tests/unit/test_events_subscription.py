"""The mailbox of one stream: progress is merged, ends are kept, a slow reader is sent to a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from bulkdl.events import subscription as module
from bulkdl.events import types
from bulkdl.events.subscription import MAX_WAITING, Signal, Subscription
from bulkdl.events.wire import Message
from tests.services.wait import wait_until


def make_subscription(
    job_id: str | None = None, on_close: Callable[[Subscription], None] = lambda _: None
) -> Subscription:
    return Subscription("user", job_id, None, lock=threading.Lock(), on_close=on_close)


def progress(job_id: str = "job", seq: int = 1) -> Message:
    return Message(types.PROGRESS, {"jobId": job_id, "seq": seq}, job_id=job_id, seq=seq)


def end(job_id: str = "job", seq: int = 2, name: str = types.COMPLETE) -> Message:
    return Message(name, {"jobId": job_id, "seq": seq}, job_id=job_id, seq=seq)


def take_all(subscription: Subscription) -> list[Message | Signal | None]:
    taken = []
    while (item := subscription.next(0)) is not None:
        taken.append(item)
    return taken


def test_nothing_comes_out_when_nothing_was_put() -> None:
    assert make_subscription().next(0.01) is None


def test_progress_of_one_job_is_merged_to_the_latest() -> None:
    subscription = make_subscription()
    messages = [progress(seq=number) for number in range(10_000)]

    for message in messages:
        subscription.put(message)

    assert take_all(subscription) == [messages[-1]]


def test_jobs_come_out_in_the_order_of_their_first_news() -> None:
    subscription = make_subscription()
    for message in (progress("a", 1), progress("b", 2), latest := progress("a", 3)):
        subscription.put(message)

    first, second = take_all(subscription)

    assert first is latest
    assert isinstance(second, Message)
    assert second.job_id == "b"


def test_an_end_replaces_progress_and_is_not_replaced_by_it() -> None:
    subscription = make_subscription()
    the_end = end()
    for message in (progress(seq=1), the_end, progress(seq=3)):
        subscription.put(message)

    assert take_all(subscription) == [the_end]


def test_a_later_end_replaces_an_earlier_one() -> None:
    subscription = make_subscription()
    deleted = end(seq=3, name=types.CANCELLED)
    for message in (end(seq=2), deleted):
        subscription.put(message)

    assert take_all(subscription) == [deleted]


def test_as_many_jobs_as_fit_are_all_told() -> None:
    subscription = make_subscription()
    messages = [end(f"job-{number}") for number in range(MAX_WAITING)]

    for message in messages:
        subscription.put(message)

    assert take_all(subscription) == messages


def test_one_job_too_many_turns_everything_into_a_snapshot() -> None:
    subscription = make_subscription()
    for number in range(MAX_WAITING + 1):
        subscription.put(end(f"job-{number}"))
    subscription.put(progress("late"))

    assert take_all(subscription) == [Signal.RESYNC]

    subscription.put(the_next := progress("next"))
    assert take_all(subscription) == [the_next]


def test_what_waited_for_long_is_replaced_by_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = make_subscription()
    subscription.put(progress())
    now = time.monotonic()

    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.STALE_S + 1)

    assert take_all(subscription) == [Signal.RESYNC]


def test_a_stream_of_one_job_hears_of_no_other() -> None:
    subscription = make_subscription(job_id="mine")
    subscription.put(end("other"))
    subscription.put(mine := progress("mine"))

    assert take_all(subscription) == [mine]


def test_resync_drops_what_waits() -> None:
    subscription = make_subscription()
    subscription.put(progress())

    subscription.put_signal(Signal.RESYNC)

    assert take_all(subscription) == [Signal.RESYNC]


@pytest.mark.parametrize("signal", [Signal.CLOSED, Signal.REVOKED])
def test_the_end_is_said_to_whoever_asks_and_resync_does_not_undo_it(signal: Signal) -> None:
    subscription = make_subscription()
    subscription.put_signal(Signal.RESYNC)
    subscription.put_signal(signal)
    subscription.put_signal(Signal.RESYNC)
    subscription.put(end())

    assert [subscription.next(0), subscription.next(0)] == [signal, signal]


def test_closing_is_told_once_and_is_final() -> None:
    closed: list[Subscription] = []
    with make_subscription(on_close=closed.append) as subscription:
        subscription.put(end())
    subscription.close()
    subscription.put(end())
    subscription.put_signal(Signal.CLOSED)

    assert closed == [subscription]
    assert subscription.next(0) is Signal.GONE


@pytest.mark.parametrize("wake", ["put", "close"])
def test_whoever_waits_is_woken(wake: str) -> None:
    subscription = make_subscription()
    taken: list[object] = []
    reader = threading.Thread(target=lambda: taken.append(subscription.next(60)))
    reader.start()
    wait_until(lambda: subscription.busy_for(time.monotonic()) == 0.0, what="the reader waiting")

    subscription.put(message := progress()) if wake == "put" else subscription.close()

    reader.join(10)
    assert taken == [message if wake == "put" else Signal.GONE]


def test_a_reader_that_does_not_come_back_is_seen() -> None:
    subscription = make_subscription()
    subscription.put(progress())
    subscription.next(0)

    assert subscription.busy_for(time.monotonic() + 60) == pytest.approx(60, abs=1)


def test_no_message_is_lost_between_threads() -> None:
    lock = threading.Lock()
    subscription = Subscription("user", None, None, lock=lock, on_close=lambda _: None)
    count = 3_000

    def write() -> None:
        for number in range(1, count + 1):
            with lock:
                subscription.put(progress(f"job-{number % 5}", number))

    writer = threading.Thread(target=write)
    writer.start()
    latest: dict[str, int] = {}
    while sum(1 for seq in latest.values() if seq > count - 5) < 5:
        item = subscription.next(10)
        assert isinstance(item, Message)
        assert (item.seq or 0) > latest.get(item.job_id, 0)
        latest[item.job_id] = item.seq or 0
    writer.join(10)

    assert take_all(subscription) == []
