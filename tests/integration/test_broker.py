"""The queues of a real worker: how many ranges it takes at once, and what goes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import dramatiq
import pytest
import redis

from bulkdl.broker import (
    BEGINNINGS,
    NAMESPACE,
    PLAN_DOWNLOAD,
    PRIORITY_OF,
    QUEUE_OF,
    RANGES,
    RANGES_AT_ONCE,
    TRANSFER_RANGE,
    make_broker,
    next_beginning,
    send_plan_download,
    send_transfer_range,
)
from bulkdl.redis_client import database_number
from tests.services.wait import wait_until


def test_a_crowd_of_ranges_leaves_threads_free_for_a_beginning(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    go_on = threading.Event()
    ranges: list[int] = []
    planned: list[str] = []

    @dramatiq.actor(
        actor_name=TRANSFER_RANGE,
        queue_name=QUEUE_OF[TRANSFER_RANGE],
        priority=PRIORITY_OF[TRANSFER_RANGE],
        broker=broker,
    )
    def transfer_range(job_id: str, number: int) -> None:
        ranges.append(number)
        assert go_on.wait(30)

    @dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE_OF[PLAN_DOWNLOAD], broker=broker)
    def plan_download(job_id: str) -> None:
        planned.append(job_id)

    for number in range(10):
        send_transfer_range(broker, "large", number)
    worker = dramatiq.Worker(broker, worker_threads=4, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: len(ranges) == RANGES_AT_ONCE, what="as many ranges as may run")

        send_plan_download(broker, "small")

        wait_until(lambda: planned, what="the small job's beginning")
        assert len(ranges) == RANGES_AT_ONCE
        go_on.set()
        wait_until(lambda: len(ranges) == 10, what="the other ranges")
    finally:
        go_on.set()
        worker.stop()
    assert sorted(ranges) == list(range(10))


@pytest.fixture
def idle(redis_client: redis.Redis) -> Iterator[tuple[dramatiq.Broker, list[str]]]:
    """A worker that waits for messages of both queues, and what it was told to plan."""
    broker = make_broker(redis_client)
    planned: list[str] = []

    @dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE_OF[PLAN_DOWNLOAD], broker=broker)
    def plan_download(job_id: str) -> None:
        planned.append(job_id)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: len(waiting(redis_client)) == len(worker.consumers), what="every consumer to wait in Redis")
        yield broker, planned
    finally:
        worker.stop()


def waiting(client: redis.Redis) -> list[str]:
    """Ids of the connections to this database that wait for a list to hold something."""
    return [
        str(other["id"])
        for other in client.client_list()
        if other["cmd"] == "blmove" and "b" in other["flags"] and int(other["db"]) == database_number(client)
    ]


def test_an_idle_worker_asks_each_queue_once_a_second(idle: tuple[dramatiq.Broker, list[str]]) -> None:
    broker, _ = idle
    fetch = broker.do_fetch  # type: ignore[attr-defined]
    asked: list[str] = []

    def counting(queue_name: str, *args: object) -> object:
        asked.append(queue_name)
        return fetch(queue_name, *args)

    broker.do_fetch = counting  # type: ignore[attr-defined]
    time.sleep(2.5)

    assert set(asked) == {BEGINNINGS, f"{BEGINNINGS}.DQ", RANGES, f"{RANGES}.DQ"}
    assert len(asked) <= 4 * 3


def test_a_waiting_worker_takes_a_message_that_comes_and_leaves_none(
    idle: tuple[dramatiq.Broker, list[str]], redis_client: redis.Redis
) -> None:
    broker, planned = idle

    for number in range(50):
        send_plan_download(broker, f"job-{number}")

    wait_until(lambda: len(planned) == 50, what="every message")
    assert sorted(planned) == sorted(f"job-{number}" for number in range(50))
    assert redis_client.llen(f"{NAMESPACE}:{BEGINNINGS}") == 0


def test_a_waiting_worker_sees_to_delayed_messages(idle: tuple[dramatiq.Broker, list[str]]) -> None:
    broker, planned = idle
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=BEGINNINGS, actor_name=PLAN_DOWNLOAD, args=("late",), kwargs={}, options={}
    )

    broker.enqueue(message, delay=300)

    wait_until(lambda: planned == ["late"], what="the delayed message")


def test_a_waiting_worker_goes_on_after_its_connections_were_cut(
    idle: tuple[dramatiq.Broker, list[str]], redis_client: redis.Redis
) -> None:
    broker, planned = idle

    for connection in waiting(redis_client):
        redis_client.client_kill_filter(_id=connection)
    send_plan_download(broker, "after all")

    wait_until(lambda: planned == ["after all"], what="the message")


def delayed(job_id: str) -> dramatiq.Message[None]:
    return dramatiq.Message(queue_name=BEGINNINGS, actor_name=PLAN_DOWNLOAD, args=(job_id,), kwargs={}, options={})


@pytest.mark.parametrize("delay_ms", [None, 50])
def test_a_message_whose_way_to_the_worker_was_lost_goes_back_into_the_queue(
    idle: tuple[dramatiq.Broker, list[str]], delay_ms: int | None
) -> None:
    broker, planned = idle
    queue = BEGINNINGS if delay_ms is None else f"{BEGINNINGS}.DQ"

    def fetch_and_lose() -> bool:
        broker.enqueue(delayed("lost"), delay=delay_ms)
        return bool(broker.do_fetch(queue, 1))  # type: ignore[attr-defined]

    wait_until(fetch_and_lose, interval_s=0, what="being faster than the worker")
    already = len(planned)

    wait_until(lambda: len(planned) > already, what="the message")


def test_a_message_that_is_worked_on_is_not_taken_for_a_lost_one(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    begun: list[str] = []
    done: list[str] = []

    @dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE_OF[PLAN_DOWNLOAD], broker=broker)
    def plan_download(job_id: str) -> None:
        begun.append(job_id)
        time.sleep(3)
        done.append(job_id)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    try:
        for job_id in ("a", "b", "waits for a thread"):
            send_plan_download(broker, job_id)
        wait_until(lambda: len(done) == 3, what="every message")
    finally:
        worker.stop()
    assert sorted(begun) == ["a", "b", "waits for a thread"]
    assert redis_client.keys(f"{NAMESPACE}:__acks__.*") == []


def test_delayed_messages_outlive_a_consumer_that_broke(
    idle: tuple[dramatiq.Broker, list[str]], redis_client: redis.Redis
) -> None:
    broker, planned = idle
    fetched = f"{NAMESPACE}:__acks__.{broker.broker_id}.{BEGINNINGS}.DQ"  # type: ignore[attr-defined]
    broker.enqueue(delayed("late"), delay=2_500)
    wait_until(lambda: redis_client.scard(fetched) == 1, what="the worker holding the message")
    fetch = broker.do_fetch  # type: ignore[attr-defined]
    breaks = iter([redis.ConnectionError("cut")])

    def broken(queue_name: str, *args: object) -> object:
        if queue_name.endswith(".DQ"):
            for error in breaks:
                raise error
        return fetch(queue_name, *args)

    broker.do_fetch = broken  # type: ignore[attr-defined]

    wait_until(lambda: planned == ["late"], 20, what="the message")
    assert next(breaks, None) is None


def test_an_acknowledgement_without_an_answer_is_sent_again(
    idle: tuple[dramatiq.Broker, list[str]], redis_client: redis.Redis
) -> None:
    broker, _ = idle
    ack = broker.do_ack  # type: ignore[attr-defined]
    answers = iter([redis.TimeoutError("no answer")])

    def lossy(*args: object) -> object:
        for error in answers:
            raise error
        return ack(*args)

    broker.do_ack = lossy  # type: ignore[attr-defined]
    send_plan_download(broker, "job")

    wait_until(lambda: redis_client.hlen(f"{NAMESPACE}:{BEGINNINGS}.msgs") == 0, 30, what="the message being gone")
    assert next(answers, None) is None


def test_a_queue_that_does_not_answer_once_is_asked_again(idle: tuple[dramatiq.Broker, list[str]]) -> None:
    broker, planned = idle
    fetch = broker.do_fetch  # type: ignore[attr-defined]
    too_late = iter([redis.TimeoutError("the answer came too late")])

    def slow(queue_name: str, *args: object) -> object:
        answer = fetch(queue_name, *args)
        if answer:
            for error in too_late:
                raise error
        return answer

    broker.do_fetch = slow  # type: ignore[attr-defined]
    send_plan_download(broker, "job")

    wait_until(lambda: planned == ["job"], what="the message")


def test_a_message_is_left_to_a_process_that_has_a_thread_for_it(redis_client: redis.Redis) -> None:
    """Two ranges and two beginnings fill four threads: a third beginning is not fetched, though four may be."""
    broker = make_broker(redis_client)
    for number in range(RANGES_AT_ONCE):
        send_transfer_range(broker, "large", number)
    ranges, beginnings = (broker.consume(queue, prefetch=4, timeout=10) for queue in (RANGES, BEGINNINGS))
    held = [next(ranges) for _ in range(RANGES_AT_ONCE)]
    for job_id in ("a", "b", "c"):
        send_plan_download(broker, job_id)
    held += [next(beginnings) for _ in range(2)]
    assert all(held)

    assert next(beginnings) is None
    assert next_beginning(broker) == "c"

    ranges.ack(held[0])
    message = next(beginnings)
    assert message is not None
    assert message.args == ("c",)
    assert next_beginning(broker) is None


def test_a_worker_that_ends_leaves_what_comes_to_others(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    go_on = threading.Event()
    begun: list[str] = []

    @dramatiq.actor(actor_name=PLAN_DOWNLOAD, queue_name=QUEUE_OF[PLAN_DOWNLOAD], broker=broker)
    def plan_download(job_id: str) -> None:
        begun.append(job_id)
        assert go_on.wait(30)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    send_plan_download(broker, "being worked on")
    wait_until(lambda: begun, what="the first message")
    ending = threading.Thread(target=worker.stop)
    ending.start()
    try:
        time.sleep(0.2)  # until its threads take nothing more
        send_plan_download(broker, "for others")
        time.sleep(1.5)  # longer than it waits for a message
        assert next_beginning(broker) == "for others"
    finally:
        go_on.set()
        ending.join(30)
    assert begun == ["being worked on"]


def test_a_refused_acknowledgement_does_not_cost_a_place(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    consumer = broker.consume(BEGINNINGS, prefetch=1, timeout=10)
    for job_id in ("a", "b"):
        send_plan_download(broker, job_id)
    message = next(consumer)

    def refuse(*args: object) -> None:
        raise redis.ResponseError("OOM command not allowed")

    broker.do_ack = refuse  # type: ignore[attr-defined]
    with pytest.raises(redis.ResponseError):
        consumer.ack(message)

    message = next(consumer)
    assert message is not None
    assert message.args == ("b",)


def test_a_full_consumer_fetches_as_soon_as_there_is_room(redis_client: redis.Redis) -> None:
    broker = make_broker(redis_client)
    for number in range(RANGES_AT_ONCE + 1):
        send_transfer_range(broker, "job", number)
    consumer = broker.consume(RANGES, prefetch=8, timeout=3_600_000)
    held = [next(consumer) for _ in range(RANGES_AT_ONCE)]
    fetched: list[dramatiq.MessageProxy] = []

    def fetch() -> None:
        while not fetched:
            fetched.extend(message for message in [next(consumer)] if message is not None)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    time.sleep(0.1)  # until it waits

    consumer.ack(held[0])
    thread.join(10)

    assert len(fetched) == 1
