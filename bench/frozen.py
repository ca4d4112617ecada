"""Clients that read nothing while events pass: what they cost, and what they know when they wake."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from bench.listeners import make_token, request_head
from bench.stream_site import FROZEN_JOBS, FROZEN_STREAMS, FROZEN_USER, PREFIX, Site, make_update, wait_until
from bulkdl.events.progress import ProgressStore

_EVENTS = 10_000
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Frozen:
    """What one of them costs, and how many were right in the end."""

    seconds: float
    process_bytes: float
    kernel_bytes: float
    right: int


def freeze(site: Site, kind: str) -> Frozen:
    """Open streams of one person, read nothing while events pass, then wake up and compare with the record."""
    token = make_token(FROZEN_USER, site.secret)
    clients = []
    for _ in range(FROZEN_STREAMS):
        sock = socket.create_connection(("127.0.0.1", site.port))
        sock.sendall(request_head(kind, site.port, token, PREFIX))
        clients.append(sock)
    wait_until(lambda: all(_readable(sock) for sock in clients), 60)
    frozen_at = time.monotonic()
    before = site.resident_bytes
    jobs = [f"frozen-{number}" for number in range(FROZEN_JOBS)]
    _flood(site.client, jobs)
    time.sleep(1)
    process_bytes = (site.resident_bytes - before) / len(clients)
    held = _kernel_bytes(site.port)
    kernel_bytes = sum(held.get(sock.getsockname()[1], 0) for sock in clients) / len(clients)
    latest = ProgressStore(site.client).read_many(jobs)
    wanted = {job: progress.seq for job, progress in latest.items()}
    seconds = time.monotonic() - frozen_at
    with ThreadPoolExecutor(len(clients)) as pool:
        right = sum(pool.map(lambda sock: _wakes_right(kind, sock, wanted), clients))
    for sock in clients:
        sock.close()
    return Frozen(seconds, process_bytes, kernel_bytes, right)


def _flood(client: redis.Redis, jobs: list[str]) -> None:
    began = time.monotonic()
    with client.pipeline(transaction=False) as pipeline:
        store = ProgressStore(pipeline)
        for number in range(_EVENTS):
            step = 1 + number // len(jobs)
            store.write(make_update(FROZEN_USER, jobs[number % len(jobs)], step, is_forced=True))
            if number % 10 == 9:
                pipeline.execute()
                time.sleep(max(0.0, began + _SECONDS * number / _EVENTS - time.monotonic()))


def _readable(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def _kernel_bytes(port: int) -> dict[int, int]:
    """What the kernel holds for each client of this port, by the client's port (proc(5), /proc/net/tcp)."""
    held = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if int(local.split(":")[1], 16) == port:
            held[int(remote.split(":")[1], 16)] = int(queues.split(":")[0], 16)
    return held


def _wakes_right(kind: str, sock: socket.socket, wanted: dict[str, int]) -> bool:
    """Whether the client, reading on, comes to know the latest of every job."""
    sock.settimeout(30)
    received = bytearray()
    known: dict[str, int] = {}
    while any(known.get(job, 0) < seq for job, seq in wanted.items()):
        try:
            data = sock.recv(65_536)
        except OSError:
            return False
        if not data:
            return False
        received += data
        known = _read_seqs(kind, bytes(received))
    return known == wanted


def _read_seqs(kind: str, received: bytes) -> dict[str, int]:
    body = received.partition(b"\r\n\r\n")[2]
    seqs: dict[str, int] = {}
    for content in _sse_data(body) if kind == "sse" else _ws_data(body):
        for job in content.get("jobs", [content] if "jobId" in content else []):
            seqs[job["jobId"]] = max(seqs.get(job["jobId"], 0), job["seq"])
    return seqs


def _sse_data(body: bytes) -> Iterator[dict[str, Any]]:
    """The data of whole events out of a chunked body (RFC 9112 §7.1)."""
    text = b""
    while body:
        size, found, rest = body.partition(b"\r\n")
        if not found or len(rest) < int(size, 16):
            break
        text += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    for event in text.split(b"\n\n")[:-1]:
        yield from (json.loads(line[6:]) for line in event.split(b"\n") if line.startswith(b"data: "))


def _ws_data(body: bytes) -> Iterator[dict[str, Any]]:
    connection = Connection(ConnectionType.CLIENT)
    connection.receive_data(body)
    text = ""
    for event in connection.events():
        if isinstance(event, TextMessage):
            text += event.data
            if event.message_finished:
                yield json.loads(text)["data"]
                text = ""
