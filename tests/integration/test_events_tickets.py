"""Tickets through a real Redis: worth one stream, for a short time, to one person."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from bulkdl.errors import ServiceUnavailable
from bulkdl.events.tickets import LIFETIME_S, Tickets
from bulkdl.identity import Principal


@pytest.fixture
def tickets(redis_client: redis.Redis) -> Tickets:
    return Tickets(redis_client)


def make_principal(**overrides: object) -> Principal:
    values = {
        "user_id": "üser",
        "project_ids": frozenset({"a", "b"}),
        "scopes": frozenset({"read"}),
        "expires_at": time.time() + 600,
        "token_id": "its jti",
    }
    return Principal(**{**values, **overrides})  # type: ignore[arg-type]


@pytest.mark.parametrize("expires_at", [None, 4_102_444_800.5], ids=["endless", "until 2100"])
def test_a_ticket_gives_back_who_asked_for_it(tickets: Tickets, expires_at: float | None) -> None:
    principal = make_principal(expires_at=expires_at)

    assert tickets.redeem(tickets.issue(principal)) == principal


def test_a_ticket_is_worth_one_stream(tickets: Tickets) -> None:
    ticket = tickets.issue(make_principal())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(tickets.redeem, [ticket] * 20))

    assert sum(answer is not None for answer in answers) == 1


def test_a_ticket_is_forgotten_after_half_a_minute(tickets: Tickets, redis_client: redis.Redis) -> None:
    ticket = tickets.issue(make_principal())
    [key] = list(redis_client.scan_iter("bulkdl:ticket:*"))

    assert 0 < int(redis_client.ttl(key)) <= LIFETIME_S == 30  # type: ignore[arg-type]
    redis_client.expire(key, 0)
    assert tickets.redeem(ticket) is None


def test_a_ticket_does_not_outlive_the_token_it_was_got_with(tickets: Tickets) -> None:
    ticket = tickets.issue(make_principal(expires_at=time.time() - 1))

    assert tickets.redeem(ticket) is None


def test_a_ticket_for_something_else_opens_no_stream(tickets: Tickets, redis_client: redis.Redis) -> None:
    ticket = tickets.issue(make_principal())
    [key] = list(redis_client.scan_iter("bulkdl:ticket:*"))
    content = json.loads(redis_client.get(key))  # type: ignore[arg-type]
    redis_client.set(key, json.dumps({**content, "purpose": "upload"}))

    assert tickets.redeem(ticket) is None


def test_what_redis_holds_does_not_let_anybody_in(tickets: Tickets, redis_client: redis.Redis) -> None:
    ticket = tickets.issue(make_principal())

    everything = b""
    for key in redis_client.scan_iter("bulkdl:ticket:*"):
        everything += key + redis_client.get(key)  # type: ignore[operator]

    assert ticket.encode() not in everything
    for digest in re.findall(rb"[0-9a-f]{64}", everything):
        assert tickets.redeem(digest.decode()) is None


@pytest.mark.parametrize("ticket", ["", "x", "*", "a" * 100_000, "ü", "\x00", "\ud800"])
def test_what_was_never_issued_opens_nothing(tickets: Tickets, ticket: str) -> None:
    assert tickets.redeem(ticket) is None


def test_tickets_cannot_be_guessed(tickets: Tickets) -> None:
    issued = [tickets.issue(make_principal()) for _ in range(100)]

    assert len(set(issued)) == 100
    assert all(re.fullmatch(r"[\w-]{32}", ticket) for ticket in issued)


def test_redis_away_is_said_as_such() -> None:
    tickets = Tickets(redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=None))

    with pytest.raises(ServiceUnavailable):
        tickets.issue(make_principal())
    with pytest.raises(ServiceUnavailable):
        tickets.redeem("x")
