"""Events as bytes: Server-Sent Events as the WHATWG wants them, WebSocket frames as RFC 6455 wants them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Ping, TextMessage

from bulkdl.events import sse, types
from bulkdl.events.types import Event
from bulkdl.events.wire import PING_FRAME, Message, close_frame, decode_message, encode_event, text_frame


def read_sse(stream: bytes) -> list[dict[str, str]]:
    """The reader's side: WHATWG HTML §9.2.6, in as few words."""
    events: list[dict[str, str]] = []
    current: dict[str, str] = {}
    text = stream.decode().replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        if not line:
            if "data" in current:
                events.append(current)
            current = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in current:
            current["data"] += "\n" + value
        elif name:
            current[name] = value
    return events


def read_frames(stream: bytes) -> list[object]:
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(stream)
    return list(connection.events())


def make_event(**overrides: object) -> Event:
    values = {"name": types.PROGRESS, "user_id": "u", "job_id": "j", "seq": 7, "data": {"jobId": "j", "seq": 7}}
    return Event(**{**values, **overrides})  # type: ignore[arg-type]


def test_frame_carries_name_id_retry_and_data() -> None:
    frame = sse.frame("progress", '{"a":1}', event_id=12, retry_ms=2000)

    assert frame == b'retry: 2000\nid: 12\nevent: progress\ndata: {"a":1}\n\n'


@given(st.text(), st.text())
def test_a_reader_gets_back_the_data_whatever_it_holds(first: str, second: str) -> None:
    stream = sse.frame("one", first) + sse.comment(second) + sse.frame("two", second)

    read = [(event["event"], event["data"]) for event in read_sse(stream)]

    lines = [text.replace("\r\n", "\n").replace("\r", "\n") for text in (first, second)]
    assert read == [("one", lines[0]), ("two", lines[1])]


def test_a_line_break_in_a_name_cannot_start_a_field() -> None:
    frame = sse.frame("x\ndata: forged", "true")

    assert [event["data"] for event in read_sse(frame)] == ["true"]


def test_a_message_is_the_same_on_both_transports() -> None:
    data = {"jobId": "j", "seq": 7, "name": "Ümläut\n\u2028\x00"}

    message = decode_message(encode_event(make_event(data=data)).encode())

    [event] = read_sse(message.sse)
    assert (event["event"], event["id"], json.loads(event["data"])) == (types.PROGRESS, "7", data)
    [text] = read_frames(message.frame)
    assert isinstance(text, TextMessage)
    assert json.loads(text.data) == {"event": types.PROGRESS, "data": data}


def test_bytes_are_made_once() -> None:
    message = Message(types.PROGRESS, {"jobId": "j"}, job_id="j", seq=1)

    assert message.sse is message.sse
    assert message.frame is message.frame


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_form_are_read(size: int) -> None:
    payload = "x" * size

    frames = read_frames(text_frame(payload.encode()))

    assert "".join(frame.data for frame in frames if isinstance(frame, TextMessage)) == payload
    assert isinstance(frames[-1], TextMessage)
    assert frames[-1].message_finished


def test_ping_and_close_are_read() -> None:
    ping, close = read_frames(PING_FRAME + close_frame(1008, "too much"))

    assert isinstance(ping, Ping)
    assert close == CloseConnection(code=1008, reason="too much")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"event":"x"}',
        b'{"event":"x","data":[]}',
        b'{"event":"x","data":{"jobId":"j"}}',
        b'{"event":"x","data":{"seq":1}}',
        b'{"event":"x","data":{"jobId":"j","seq":"?"}}',
        b'{"event":"x","data":{"jobId":7,"seq":1}}',
        b'{"event":7,"data":{"jobId":"j","seq":1}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        decode_message(text)


@pytest.mark.parametrize(
    ("name", "is_end"),
    [(types.PROGRESS, False), (types.SNAPSHOT, False), (types.COMPLETE, True), (types.FAILED, True)],
)
def test_ends_are_known(name: str, is_end: bool) -> None:
    assert Message(name, {}).is_end is is_end
    assert make_event(name=name).is_end is is_end
