"""What people use: the API, and the streams of events, watched by a client that comes back after every break."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jwt
import requests
import websocket

from tests.faults.library import PROJECT, Media

PREFIX = "/media-collab"
JOBS = f"{PREFIX}/bulk-download/jobs"
ENDS = {"complete", "failed", "cancelled", "expired"}
_AGAIN_S = 0.2
_BREAKS = (
    OSError,
    http.client.HTTPException,
    requests.RequestException,
    websocket.WebSocketException,
    ValueError,
    AttributeError,  # of websocket, when the connection is closed under it by `close`
)
_COUNTERS = {"current": "current", "bytes_done": "bytesDone", "percent": "percent", "seq": "seq"}


def make_token(secret: str, user: str) -> str:
    """A token as the surrounding application would sign it."""
    now = int(time.time())
    # Good for services whose clocks are hours off.
    return jwt.encode({"sub": user, "projects": [PROJECT], "iat": now - 86_400, "exp": now + 86_400}, secret, "HS256")


class Api:
    """One person's HTTP client."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, *, timeout_s: float = 10.0, **more: Any) -> requests.Response:
        """One request on a connection of its own; raises what requests raises."""
        return requests.request(method, self.address + path, headers=self.headers, timeout=timeout_s, **more)

    def submit(self, media: Sequence[Media], **more: Any) -> str:
        """Ask for a download; the id of the accepted job."""
        body = {"projectId": PROJECT, "assetIds": [one.asset_id for one in media], **more}
        answer = self.ask("POST", JOBS, json=body)
        assert answer.status_code == 202, f"{answer.status_code}: {answer.text}"
        return str(answer.json()["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        answer = self.ask("GET", f"{JOBS}/{job_id}")
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def cancel(self, job_id: str) -> requests.Response:
        """Stop a job."""
        return self.ask("DELETE", f"{JOBS}/{job_id}")


@dataclass
class Story:
    """What one client was told of one job."""

    ends: list[str] = field(default_factory=list)
    """Statuses of end events, in order."""
    told_end_at: float | None = None
    status: str = "pending"
    current: int = 0
    bytes_done: int = 0
    percent: int = 0
    seq: int = 0
    whole: tuple[int, int] = (0, 0)
    """Files and bytes that there are to do: less when something is left out, and what is done shrinks with it."""
    regressions: list[str] = field(default_factory=list)


class Watcher:
    """Follows one person's jobs, by Server-Sent Events or by WebSocket, for as long as it is open."""

    def __init__(self, api: Api, *, by_websocket: bool = False) -> None:
        self._api = api
        self._is_closed = threading.Event()
        self._hang_up: Callable[[], object] = self._is_closed.set
        """Ends what is being read."""
        self.stories: dict[str, Story] = {}
        self.byes: list[str] = []
        """Reasons with which the service said good-bye."""
        self.connections = 0
        self._listen = self._by_websocket if by_websocket else self._by_sse
        self._thread = threading.Thread(target=self._follow, name="watcher", daemon=True)
        self._thread.start()

    @property
    def kind(self) -> str:
        """Which stream it is."""
        return self._listen.__name__.removeprefix("_by_")

    def close(self) -> None:
        """Leave."""
        self._is_closed.set()
        with contextlib.suppress(Exception):
            self._hang_up()
        self._thread.join(15)

    def story(self, job_id: str) -> Story:
        """What was told of the job so far."""
        return self.stories.get(job_id, Story())

    def _follow(self) -> None:
        while not self._is_closed.wait(_AGAIN_S if self.connections else 0):
            try:
                for name, data in self._listen():
                    self._take(name, data)
            except _BREAKS:
                continue

    def _by_sse(self) -> Iterator[tuple[str, dict[str, Any]]]:
        # A read time-out above the heartbeat, as EventSource clients of the service have. Not by requests, whose
        # lines take a time that grows with the square of their length, and a snapshot is one line.
        address = self._api.address.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address, timeout=8)) as connection:
            connection.connect()
            self._hang_up = partial(connection.sock.shutdown, socket.SHUT_RDWR)
            connection.request("GET", f"{PREFIX}/bulk-download/events", headers=self._api.headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            self.connections += 1
            name = ""
            while line := answer.readline():
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    yield name, json.loads(text[6:])

    def _by_websocket(self) -> Iterator[tuple[str, dict[str, Any]]]:
        ticket = self._api.ask("POST", f"{PREFIX}/stream-tickets", timeout_s=3).json()["ticket"]
        address = self._api.address.replace("http://", "ws://") + f"{PREFIX}/bulk-download/ws?ticket={ticket}"
        connection = websocket.create_connection(address, timeout=8, suppress_origin=True)
        self._hang_up = connection.close
        self.connections += 1
        try:
            while not self._is_closed.is_set():
                text = connection.recv()
                if not text:
                    return
                message = json.loads(text)
                yield message["event"], message["data"]
        finally:
            # Saying good-bye fails when the other end is gone, and then leaves the socket open.
            with contextlib.suppress(OSError, websocket.WebSocketException):
                connection.close()
            connection.shutdown()

    def _take(self, name: str, data: dict[str, Any]) -> None:
        word = name.removeprefix("bulk-download:")
        if word == "bye":
            self.byes.append(data["reason"])
        elif word == "snapshot":
            for job in data["jobs"]:
                self._note(job["jobId"], job, job["status"])
        elif word == "progress":
            self._note(data["jobId"], data, "processing")
        elif word in ENDS:
            self._note(data["jobId"], data, word)
            self.stories[data["jobId"]].ends.append(word)

    def _note(self, job_id: str, data: dict[str, Any], status: str) -> None:
        story = self.stories.setdefault(job_id, Story())
        if status in ENDS:
            story.told_end_at = story.told_end_at or time.monotonic()
        elif story.status in ENDS:
            story.regressions.append(f"{status} after {story.status}")
        counters = {name: data[key] for name, key in _COUNTERS.items()}
        whole = (data["total"], data["bytesTotal"])
        for name, now in counters.items():
            before = getattr(story, name)
            is_comparable = name in ("percent", "seq") or whole == story.whole
            if now < before and status not in ENDS and is_comparable:
                story.regressions.append(f"{name} from {before} to {now} by {status}")
            setattr(story, name, max(now, before) if is_comparable else now)
        story.whole = whole
        story.status = status
