"""A caller of the service, as a browser is one: posts a job and follows its events to the end."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

_SILENCE_S = 60.0
"""The service says something every 15 s."""


class JobEnded(Exception):
    """A job ended otherwise than complete."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that is complete, and how long that took: from before the POST until its event was here."""

    job_id: str
    seconds: float
    events: list[dict[str, Any]]  # Any: JSON
    """All of this job, in order."""


class ServiceClient:
    """One user of one project."""

    def __init__(self, port: int, secret: str, project_id: str) -> None:
        self._port = port
        self._project_id = project_id
        now = int(time.time())
        claims = {"sub": "bench", "projects": [project_id], "type": "access", "jti": secrets.token_hex(8)}
        token = jwt.encode({**claims, "iat": now, "nbf": now, "exp": now + 86_400}, secret, "HS256")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def build(self, asset_ids: Sequence[str]) -> Finished:
        """Have an archive built, watching the stream of events that was opened beforehand."""
        with self._events() as events:
            begun = time.monotonic()
            job = self.call("POST", "/bulk-download/jobs", {"projectId": self._project_id, "assetIds": asset_ids})
            seen = []
            for name, data in events:
                if data.get("jobId") != job["jobId"]:
                    continue
                seen.append(data)
                if name == "bulk-download:complete":
                    return Finished(job["jobId"], time.monotonic() - begun, seen)
                if name in ("bulk-download:failed", "bulk-download:cancelled"):
                    raise JobEnded(f"{name}: {data}")
        raise JobEnded(f"the stream of events ended before job {job['jobId']}")

    def job(self, job_id: str) -> dict[str, Any]:  # Any: JSON
        """The job as it is now."""
        return self.call("GET", f"/bulk-download/jobs/{job_id}")

    def seconds_until_started(self, job_id: str) -> float:
        """From the job's making to the moment when a worker began it, by the service's own clock."""
        job = self.job(job_id)
        return (datetime.fromisoformat(job["startedAt"]) - datetime.fromisoformat(job["createdAt"])).total_seconds()

    def delete(self, job_id: str) -> None:
        """Delete the archive."""
        self.call("DELETE", f"/bulk-download/jobs/{job_id}")

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:  # Any: JSON
        """One request below the service's prefix."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SILENCE_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/media-collab{path}", text, self._headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise JobEnded(f"{method} {path}: {answer.status} {content.decode(errors='replace')[:500]}")
        return dict(json.loads(content))

    @contextmanager
    def _events(self) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:  # Any: JSON
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SILENCE_S)
        try:
            connection.request("GET", "/media-collab/bulk-download/events", headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise JobEnded(f"events: {answer.status} {answer.read()[:500]!r}")
            events = _read_events(answer)
            next(events)  # the snapshot: from now on nothing is missed
            yield events
        finally:
            connection.close()


def _read_events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: JSON
    name, data = "", ""
    while line := answer.readline().decode():
        field, _, value = line.rstrip("\r\n").partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.strip()
        elif not field and data:
            yield name, json.loads(data)
            name, data = "", ""
