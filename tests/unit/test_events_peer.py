"""The far end of a stream: looked at without taking from it."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
from collections.abc import Iterator

import pytest

from bulkdl.events.peer import Peer, client_socket


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as theirs:
            ours, _ = listener.accept()
            with ours:
                yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_a_quiet_reader_is_there(pair: Pair) -> None:
    assert not Peer(pair[0]).has_left()


def test_looking_takes_nothing_and_changes_nothing(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"GET")
    peer = Peer(ours)

    assert [peer.has_left() for _ in range(3)] == [False] * 3
    assert ours.gettimeout() is None
    assert ours.recv(10) == b"GET"


def test_a_reader_that_has_closed_has_left(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()

    assert Peer(ours).has_left()


def test_a_reader_that_was_reset_has_left(pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(b"unread")
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    theirs.close()

    assert Peer(ours).has_left()


def test_a_socket_that_the_server_has_closed_counts_as_left(pair: Pair) -> None:
    pair[0].close()

    assert Peer(pair[0]).has_left()
    Peer(pair[0]).drop()
    Peer(pair[0]).limit_buffers()


def test_dropping_ends_the_connection(pair: Pair) -> None:
    ours, theirs = pair

    Peer(ours).drop()

    assert theirs.recv(1) == b""
    with pytest.raises(OSError, match="pipe"):
        ours.sendall(b"x")


def test_the_kernel_keeps_little_for_who_does_not_read(pair: Pair) -> None:
    ours, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    Peer(ours).limit_buffers()
    ours.settimeout(0.2)

    with pytest.raises(TimeoutError):
        ours.sendall(bytes(8 * 1024**2))

    unread = int.from_bytes(fcntl.ioctl(ours, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    assert unread <= 64 * 1024


@pytest.mark.parametrize("name", ["gunicorn.socket", "werkzeug.socket"])
def test_the_socket_is_found_where_servers_put_it(pair: Pair, name: str) -> None:
    assert client_socket({name: pair[0]}) is pair[0]


def test_a_server_without_sockets_is_no_fault() -> None:
    assert client_socket({}) is None
