"""Progress through a real Redis: the hash, what is published of it, and the end that silences it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bulkdl.events import types
from bulkdl.events.progress import Progress, ProgressStore, ProgressUpdate
from bulkdl.events.publisher import ProgressReporter, Publisher
from bulkdl.events.scripts import events_channel
from bulkdl.events.types import Event
from tests.services.redis import RedisServer

TEBIBYTE = 1024**4


@pytest.fixture
def store(redis_client: redis.Redis) -> ProgressStore:
    return ProgressStore(redis_client)


class Channel:
    """What is published for one person."""

    def __init__(self, client: redis.Redis, user_id: str = "user") -> None:
        self._client = client
        self._name = events_channel(client, "bulkdl", user_id)
        self._pubsub = client.pubsub()
        self._pubsub.subscribe(self._name)
        assert self._read()["type"] == "subscribe"

    def events(self) -> list[dict[str, Any]]:
        """All that has been published so far: what is sent on the same channel last arrives last."""
        self._client.publish(self._name, "last")
        messages = []
        while (message := self._read())["data"] != b"last":
            messages.append(json.loads(message["data"]))
        return messages

    def close(self) -> None:
        self._pubsub.close()

    def _read(self) -> Any:
        message = self._pubsub.get_message(timeout=5)
        assert message is not None
        return message


@pytest.fixture
def channel(redis_client: redis.Redis) -> Iterator[Channel]:
    channel = Channel(redis_client)
    yield channel
    channel.close()


def make_update(**overrides: Any) -> ProgressUpdate:
    values = {
        "job_id": "job",
        "user_id": "user",
        "range_number": 0,
        "files": 1,
        "size": 100,
        "total": 10,
        "bytes_total": 1000,
    }
    return ProgressUpdate(**{**values, **overrides})


def test_the_first_update_is_published_with_everything_a_dialog_shows(store: ProgressStore, channel: Channel) -> None:
    before_ms = int(time.time() * 1000)

    assert store.write(make_update())

    [event] = channel.events()
    seq = event["data"].pop("seq")
    assert event == {
        "event": types.PROGRESS,
        "data": {
            "jobId": "job",
            "status": "processing",
            "current": 1,
            "total": 10,
            "percent": 10,
            "bytesDone": 100,
            "bytesTotal": 1000,
            "bytesPerSecond": None,
            "etaSeconds": None,
        },
    }
    assert before_ms - 1000 < seq < before_ms + 60_000


def test_at_most_four_a_second_are_published_and_none_is_forgotten(store: ProgressStore, channel: Channel) -> None:
    started = time.monotonic()
    answers = []
    while time.monotonic() - started < 1.2:
        answers.append(store.write(make_update(size=100 + len(answers) % 900)))

    elapsed = time.monotonic() - started
    events = channel.events()
    assert len(events) == sum(answers)
    assert 3 <= len(events) <= elapsed / 0.25 + 1
    progress = store.read("job")
    assert progress is not None
    assert progress.bytes_done == 100 + min(899, len(answers) - 1)


def test_a_forced_update_is_published_at_once(store: ProgressStore, channel: Channel) -> None:
    store.write(make_update())

    assert not store.write(make_update(size=200))
    assert store.write(make_update(size=300, is_forced=True))
    assert [event["data"]["bytesDone"] for event in channel.events()] == [100, 300]


def test_jobs_do_not_hold_each_other_up(store: ProgressStore) -> None:
    assert store.write(make_update(job_id="a"))
    assert store.write(make_update(job_id="b"))


def test_ranges_add_up_and_repeated_or_late_updates_change_nothing(store: ProgressStore) -> None:
    for update in (
        make_update(range_number=0, files=2, size=200),
        make_update(range_number=7, files=1, size=50),
        make_update(range_number=0, files=1, size=120),
        make_update(range_number=7, files=1, size=50),
    ):
        store.write(update)

    progress = store.read("job")

    assert progress is not None
    assert (progress.current, progress.bytes_done) == (3, 250)


def test_seq_grows_with_every_write(store: ProgressStore, channel: Channel) -> None:
    seqs = []
    for _ in range(50):
        store.write(make_update(is_forced=True))
        progress = store.read("job")
        assert progress is not None
        seqs.append(progress.seq)

    assert seqs == sorted(set(seqs))
    assert [event["data"]["seq"] for event in channel.events()] == seqs


def test_seq_goes_on_after_redis_has_forgotten(store: ProgressStore, redis_client: redis.Redis) -> None:
    store.write(make_update())
    before = store.read("job")
    redis_client.delete("bulkdl:progress:job")
    time.sleep(0.002)  # the numbers go on from a clock that counts milliseconds

    store.write(make_update())

    after = store.read("job")
    assert before is not None
    assert after is not None
    assert after.seq > before.seq


def test_seq_never_falls_behind_an_announced_one(store: ProgressStore, redis_client: redis.Redis) -> None:
    far_ahead = int(time.time() * 1000) + 3_600_000
    Publisher(redis_client).announce(Event("bulk-download:accepted", "user", "job", far_ahead, {"jobId": "job"}))

    store.write(make_update())

    progress = store.read("job")
    assert progress is not None
    assert progress.seq == far_ahead + 1


def test_large_numbers_stay_whole(store: ProgressStore, channel: Channel) -> None:
    store.write(make_update(size=4 * TEBIBYTE + 1, bytes_total=5 * TEBIBYTE, files=999_999, total=1_000_000))

    [event] = channel.events()
    assert event["data"]["bytesDone"] == 4 * TEBIBYTE + 1
    assert event["data"]["bytesTotal"] == 5 * TEBIBYTE
    assert event["data"]["current"] == 999_999
    progress = store.read("job")
    assert progress is not None
    assert progress.bytes_done == 4 * TEBIBYTE + 1


@pytest.mark.parametrize(
    ("size", "bytes_total", "files", "total", "percent"),
    [
        (0, 1000, 0, 10, 0),
        (9, 1000, 0, 10, 0),
        (10, 1000, 0, 10, 1),
        (1000, 1000, 10, 10, 99),
        (2000, 1000, 20, 10, 99),
        (0, 0, 5, 10, 50),
        (0, 0, 10, 10, 99),
        (0, 0, 0, 0, 0),
    ],
)
def test_percent_is_by_bytes_rounded_down_and_never_100(
    store: ProgressStore, channel: Channel, size: int, bytes_total: int, files: int, total: int, percent: int
) -> None:
    store.write(make_update(size=size, bytes_total=bytes_total, files=files, total=total))

    [event] = channel.events()
    assert event["data"]["percent"] == percent
    assert event["data"]["bytesDone"] <= bytes_total
    assert event["data"]["current"] <= total


def test_the_rate_is_of_all_ranges_and_gives_the_time_left(store: ProgressStore, channel: Channel) -> None:
    began = time.monotonic()
    store.write(make_update(range_number=0, size=0, bytes_total=10**9))
    first_done = time.monotonic()
    store.write(make_update(range_number=1, size=10**6, bytes_total=10**9))
    _wait_past_interval(first_done)
    second_began = time.monotonic()
    store.write(make_update(range_number=0, size=10**6, bytes_total=10**9, is_forced=True))
    second_done = time.monotonic()

    data = channel.events()[-1]["data"]

    # Redis' clock counts whole milliseconds.
    slowest = 2 * 10**6 / (second_done - began + 0.002)
    fastest = 2 * 10**6 / (second_began - first_done - 0.002)
    assert slowest <= data["bytesPerSecond"] <= fastest
    assert data["etaSeconds"] == pytest.approx((10**9 - 2 * 10**6) / data["bytesPerSecond"], rel=0.01)
    progress = store.read("job")
    assert progress is not None
    assert progress.bytes_per_second == data["bytesPerSecond"]


def test_a_rate_that_is_old_is_not_shown(store: ProgressStore, redis_client: redis.Redis) -> None:
    long_ago = int(time.time() * 1000) - 60_000
    redis_client.hset("bulkdl:progress:job", mapping={"files": 1, "bytes": 5, "rate": 10**6, "rate_at": long_ago})

    assert store.read("job") == Progress(current=1, bytes_done=5, bytes_per_second=None, seq=0)


def test_a_clock_that_was_set_back_does_not_silence_a_job(store: ProgressStore, redis_client: redis.Redis) -> None:
    store.write(make_update())
    in_an_hour = int(time.time() * 1000) + 3_600_000
    redis_client.hset("bulkdl:progress:job", "published_at", in_an_hour)

    assert store.write(make_update(size=200))


def test_progress_is_forgotten_after_a_day(store: ProgressStore, redis_client: redis.Redis) -> None:
    store.write(make_update())

    assert 86_000 < int(redis_client.ttl("bulkdl:progress:job")) <= 86_400  # type: ignore[arg-type]


def test_reading_many_gives_those_that_are_known(store: ProgressStore) -> None:
    store.write(make_update(job_id="a", size=1))
    store.write(make_update(job_id="b", size=2))
    store.drop("a")

    assert {job_id: progress.bytes_done for job_id, progress in store.read_many(["a", "b", "c"]).items()} == {"b": 2}
    assert store.read_many([]) == {}


def test_a_hash_that_only_knows_the_end_is_no_progress(store: ProgressStore, redis_client: redis.Redis) -> None:
    Publisher(redis_client).announce(Event(types.FAILED, "user", "job", 1, {"jobId": "job", "seq": 1}))

    assert store.read("job") is None


def test_ids_of_any_kind_make_valid_json(store: ProgressStore, redis_client: redis.Redis) -> None:
    odd = 'a"b\\c\nü😀'
    channel = Channel(redis_client, odd)

    store.write(make_update(job_id=odd, user_id=odd))

    assert [event["data"]["jobId"] for event in channel.events()] == [odd]
    channel.close()


def test_an_end_is_published_as_it_is(redis_client: redis.Redis, channel: Channel) -> None:
    data = {"jobId": "job", "seq": 5, "downloadUrl": "https://bucket/ü?X-Amz-Signature=1&a=b", "skipped": []}

    assert Publisher(redis_client).announce(Event(types.COMPLETE, "user", "job", 5, data))

    assert channel.events() == [{"event": types.COMPLETE, "data": data}]


def test_an_end_is_told_once_and_the_next_one_too(redis_client: redis.Redis, channel: Channel) -> None:
    publisher = Publisher(redis_client)
    complete = Event(types.COMPLETE, "user", "job", 5, {"jobId": "job", "seq": 5})
    deleted = Event(types.CANCELLED, "user", "job", 6, {"jobId": "job", "seq": 6})

    # By the worker, by a sweep that does not see the worker's note yet, and by another.
    assert all(publisher.announce(event) for event in (complete, complete, deleted, deleted))

    assert [event["event"] for event in channel.events()] == [types.COMPLETE, types.CANCELLED]


def test_after_the_end_no_progress_is_published_any_more(
    store: ProgressStore, redis_client: redis.Redis, channel: Channel
) -> None:
    store.write(make_update())
    Publisher(redis_client).announce(Event(types.CANCELLED, "user", "job", 1, {"jobId": "job", "seq": 1}))

    zombie = ProgressReporter(Publisher(redis_client), "job", "user", 0, 10, 1000)
    zombie.add(5, 500)
    zombie.flush()

    assert [event["event"] for event in channel.events()] == [types.PROGRESS, types.CANCELLED]
    progress = store.read("job")
    assert progress is not None
    assert progress.bytes_done == 100


def test_publishing_goes_on_after_redis_was_restarted(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url, socket_timeout=2) as client:
        publisher = Publisher(client)
        event = Event(types.COMPLETE, "user", "job", 1, {"jobId": "job", "seq": 1})
        assert publisher.announce(event)

        redis_server.stop()
        assert not publisher.announce(event)
        redis_server.start()

        assert publisher.announce(event)


def _wait_past_interval(started: float) -> None:
    while time.monotonic() - started < 0.3:
        time.sleep(0.01)
