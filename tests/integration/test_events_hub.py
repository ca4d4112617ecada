"""The hub on a real Redis: one connection, only the channels of who is here, nothing missed in silence."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from structlog.testing import capture_logs

from bulkdl.errors import ServiceUnavailable, TooManyStreams
from bulkdl.events import types
from bulkdl.events.hub import EventHub
from bulkdl.events.peer import Peer
from bulkdl.events.publisher import Publisher
from bulkdl.events.scripts import events_channel
from bulkdl.events.subscription import Signal, Subscription
from bulkdl.events.types import Event
from bulkdl.events.wire import Message
from bulkdl.redis_client import database_number
from tests.services.redis import RedisServer
from tests.services.wait import wait_until

MakeHub = Callable[..., EventHub]


@pytest.fixture
def make_hub() -> Iterator[MakeHub]:
    made = []

    def make(client: redis.Redis, **options: object) -> EventHub:
        hub = EventHub(client, **options)  # type: ignore[arg-type]
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()
    wait_until(
        lambda: not any(thread.name == "bulkdl-events" for thread in threading.enumerate()), what="readers ending"
    )


@pytest.fixture
def hub(make_hub: MakeHub, redis_client: redis.Redis) -> EventHub:
    return make_hub(redis_client)


@pytest.fixture
def publisher(redis_client: redis.Redis) -> Publisher:
    return Publisher(redis_client)


def make_end(user_id: str = "user", job_id: str = "job", seq: int = 1) -> Event:
    return Event(types.COMPLETE, user_id, job_id, seq, {"jobId": job_id, "seq": seq})


def channels(client: redis.Redis) -> set[str]:
    mine = f"bulkdl:events:{database_number(client)}:"
    return {name.decode().removeprefix(mine) for name in client.pubsub_channels(mine + "*")}  # type: ignore[union-attr]


def connections(client: redis.Redis) -> list[dict[str, str]]:
    here = str(database_number(client))
    return [one for one in client.client_list() if int(one["sub"]) > 0 and one["db"] == here]  # type: ignore[union-attr]


def take_message(subscription: Subscription) -> Message:
    item = subscription.next(10)
    assert isinstance(item, Message)
    return item


def test_an_event_reaches_every_stream_of_its_owner_and_nobody_else(hub: EventHub, publisher: Publisher) -> None:
    first, second, other = hub.subscribe("user"), hub.subscribe("user"), hub.subscribe("other")

    publisher.announce(make_end())
    publisher.announce(make_end("other", "theirs"))

    assert take_message(first).job_id == "job"
    assert take_message(second).job_id == "job"
    assert take_message(other).job_id == "theirs"
    assert first.next(0) is None


def test_an_event_is_encoded_once_for_all_streams(hub: EventHub, publisher: Publisher) -> None:
    subscriptions = [hub.subscribe("user") for _ in range(3)]

    publisher.announce(make_end())

    assert len({id(take_message(subscription).sse) for subscription in subscriptions}) == 1


def test_a_stream_of_one_job_hears_of_that_job_only(hub: EventHub, publisher: Publisher) -> None:
    subscription = hub.subscribe("user", "mine")

    publisher.announce(make_end(job_id="other"))
    publisher.announce(make_end(job_id="mine"))

    assert take_message(subscription).job_id == "mine"


def test_nothing_published_after_subscribing_is_missed(hub: EventHub, publisher: Publisher) -> None:
    for number in range(200):
        with hub.subscribe(f"user-{number}") as subscription:
            publisher.announce(make_end(f"user-{number}", f"job-{number}"))

            assert take_message(subscription).job_id == f"job-{number}"


def test_one_connection_carries_all_and_listens_only_to_who_is_here(hub: EventHub, redis_client: redis.Redis) -> None:
    with ThreadPoolExecutor(16) as pool:
        subscriptions = list(pool.map(hub.subscribe, [f"user-{number % 10}" for number in range(100)]))

    assert channels(redis_client) == {f"user-{number}" for number in range(10)}
    assert len(connections(redis_client)) == 1
    assert hub.stream_count == 100

    for subscription in subscriptions:
        subscription.close()

    wait_until(lambda: not channels(redis_client), what="the channels left")
    assert hub.stream_count == 0


def test_the_last_stream_that_leaves_takes_the_channel_with_it(hub: EventHub, redis_client: redis.Redis) -> None:
    first, second, _other = hub.subscribe("user"), hub.subscribe("user"), hub.subscribe("other")
    first.close()
    hub.subscribe("third")
    assert "user" in channels(redis_client)

    second.close()

    wait_until(lambda: "user" not in channels(redis_client), what="the channel left")
    assert "other" in channels(redis_client)


def test_leaving_and_coming_back_at_once_misses_nothing(hub: EventHub, publisher: Publisher) -> None:
    keeper = hub.subscribe("keeper")
    for number in range(300):
        hub.subscribe("user").close()
        with hub.subscribe("user") as subscription:
            publisher.announce(make_end(seq=number))
            assert take_message(subscription).is_end

    assert keeper.next(0) is None


def test_deployments_that_share_a_server_do_not_hear_each_other(make_hub: MakeHub, redis_server: RedisServer) -> None:
    url = redis_server.url.removesuffix("/0")
    with redis.Redis.from_url(f"{url}/1") as ours, redis.Redis.from_url(f"{url}/2") as theirs:
        subscription = make_hub(ours).subscribe("user")
        Publisher(theirs).announce(make_end(job_id="theirs"))
        Publisher(ours).announce(make_end(job_id="ours"))

        assert take_message(subscription).job_id == "ours"


def test_an_idle_hub_holds_no_connection(make_hub: MakeHub, redis_client: redis.Redis) -> None:
    make_hub(redis_client)

    assert connections(redis_client) == []


def test_after_a_broken_connection_every_stream_is_told_to_resync(
    hub: EventHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    subscriptions = [hub.subscribe("user"), hub.subscribe("other")]
    [connection] = connections(redis_client)

    redis_client.client_kill_filter(_id=connection["id"])

    assert [subscription.next(10) for subscription in subscriptions] == [Signal.RESYNC] * 2
    publisher.announce(make_end())
    assert take_message(subscriptions[0]).is_end
    assert len(connections(redis_client)) == 1


def test_redis_restarted_is_found_again(make_hub: MakeHub, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url, socket_timeout=2) as client:
        hub = make_hub(client)
        subscription = hub.subscribe("user")

        redis_server.stop()
        wait_until(lambda: _is_refused(hub), what="new streams being refused")
        assert subscription.next(0.1) is None
        redis_server.start()

        assert subscription.next(20) is Signal.RESYNC
        Publisher(client).announce(make_end())
        assert take_message(subscription).is_end
        hub.subscribe("somebody new").close()


def test_without_redis_a_stream_is_refused_within_two_seconds(make_hub: MakeHub, redis_server: RedisServer) -> None:
    redis_server.stop()
    client = redis.Redis.from_url(redis_server.url, socket_timeout=1, retry=None)
    hub = make_hub(client)
    started = time.monotonic()

    for _ in range(2):
        with pytest.raises(ServiceUnavailable) as refusal:
            hub.subscribe("user")
        assert refusal.value.retry_after_s > 0

    assert time.monotonic() - started < 4
    assert hub.stream_count == 0


def test_a_redis_that_hangs_refuses_streams_in_bounded_time(make_hub: MakeHub, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url, socket_timeout=1, retry=None) as client:
        hub = make_hub(client)
        hub.subscribe("user")
        redis_server.process.suspend()
        started = time.monotonic()

        with pytest.raises(ServiceUnavailable):
            hub.subscribe("other")

        assert time.monotonic() - started < 4
        redis_server.process.resume()
        wait_until(lambda: not _is_refused(hub), what="streams being let in again")


def test_a_silent_connection_is_given_up(
    make_hub: MakeHub, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkdl.events.listener._PING_AFTER_S", 0.5)
    monkeypatch.setattr("bulkdl.events.listener._DEAD_AFTER_S", 1.5)
    with redis.Redis.from_url(redis_server.url, socket_timeout=1, retry=None) as client:
        hub = make_hub(client)
        subscription = hub.subscribe("user")
        quiet = wait_until(lambda: connections(client), what="a connection")
        # Silence alone is no fault: Redis answers the ping.
        assert subscription.next(3) is None
        assert [one["id"] for one in connections(client)] == [one["id"] for one in quiet]

        redis_server.process.suspend()
        with capture_logs() as logs:
            wait_until(lambda: logs, what="the hub noticing")
        redis_server.process.resume()

        assert logs[0]["event"] == "event streams lost redis"
        assert subscription.next(20) is Signal.RESYNC


def test_one_stream_too_many_for_a_person_is_refused(make_hub: MakeHub, redis_client: redis.Redis) -> None:
    hub = make_hub(redis_client, max_streams_per_user=3)
    streams = [hub.subscribe("user") for _ in range(3)]

    with pytest.raises(TooManyStreams) as refusal:
        hub.subscribe("user")

    assert isinstance(refusal.value, ServiceUnavailable)
    assert (refusal.value.limit, hub.stream_count) == (3, 3)
    hub.subscribe("other").close()
    streams[0].close()
    hub.subscribe("user").close()


def test_one_stream_too_many_for_the_process_is_refused(make_hub: MakeHub, redis_client: redis.Redis) -> None:
    hub = make_hub(redis_client, max_streams=3)
    streams = [hub.subscribe(f"user-{number}") for number in range(3)]

    with pytest.raises(TooManyStreams):
        hub.subscribe("one more")

    streams[0].close()
    hub.subscribe("one more").close()


def test_streams_that_nobody_reads_any_more_make_room(make_hub: MakeHub, redis_client: redis.Redis) -> None:
    hub = make_hub(redis_client, max_streams_per_user=2)
    pairs = [socket.socketpair() for _ in range(2)]
    first, second = (hub.subscribe("user", peer=Peer(ours)) for ours, _ in pairs)

    with pytest.raises(TooManyStreams):
        hub.subscribe("user")
    pairs[0][1].close()
    third = hub.subscribe("user")

    assert first.next(0) is Signal.GONE
    assert second.next(0) is None
    assert third.next(0) is None
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_a_reader_that_lets_a_write_wait_for_too_long_is_cut_off(
    make_hub: MakeHub, redis_client: redis.Redis, publisher: Publisher
) -> None:
    hub = make_hub(redis_client, send_timeout_s=0.5)
    ours, theirs = socket.socketpair()
    subscription = hub.subscribe("user", peer=Peer(ours))
    waiting, _ = socket.socketpair()
    patient = hub.subscribe("patient", peer=Peer(waiting))
    patience = threading.Thread(target=patient.next, args=(30,))
    patience.start()
    publisher.announce(make_end())
    take_message(subscription)

    def write_for_ever() -> None:
        while True:
            ours.sendall(bytes(65_536))

    with pytest.raises(OSError, match="pipe"):
        write_for_ever()

    assert waiting.getpeername() is not None
    patient.close()
    patience.join(10)
    for one in (ours, theirs, waiting, _):
        one.close()


def test_closing_says_good_bye_to_all_and_lets_nobody_in(hub: EventHub) -> None:
    subscriptions = [hub.subscribe("user"), hub.subscribe("other")]

    hub.close()
    hub.close()

    assert [subscription.next(10) for subscription in subscriptions] == [Signal.CLOSED] * 2
    with pytest.raises(ServiceUnavailable):
        hub.subscribe("third")


def test_openings_and_closings_are_counted(make_hub: MakeHub, redis_client: redis.Redis) -> None:
    changes: list[int] = []
    hub = make_hub(redis_client, max_streams=1, on_count=changes.append)

    with hub.subscribe("user"), pytest.raises(TooManyStreams):
        hub.subscribe("other")

    assert changes == [1, -1]


def test_garbage_on_a_channel_harms_nobody(hub: EventHub, publisher: Publisher, redis_client: redis.Redis) -> None:
    subscription = hub.subscribe("user")

    redis_client.publish(events_channel(redis_client, "bulkdl", "user"), b"\xff not JSON")
    publisher.announce(make_end())

    assert take_message(subscription).is_end


def test_a_client_with_other_habits_serves_as_well(make_hub: MakeHub, redis_url: str) -> None:
    """What the application's client decodes, retries or pings is none of the hub's business."""
    with redis.Redis.from_url(
        redis_url, decode_responses=True, protocol=3, health_check_interval=1, socket_timeout=2
    ) as client:
        subscription = make_hub(client).subscribe("user")
        assert subscription.next(2.5) is None

        Publisher(client).announce(make_end())

        assert take_message(subscription).is_end


def _is_refused(hub: EventHub) -> bool:
    try:
        hub.subscribe("probe").close()
    except ServiceUnavailable:
        return True
    return False
