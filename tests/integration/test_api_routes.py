"""The API on both kinds of database, with Redis and a bucket: what reaches them, and what comes back."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import redis
import urllib3
from flask import Flask

from bulkdl.broker import PLAN_DOWNLOAD
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store.clock import utc_now
from tests.factories import PROJECT, make_asset, make_job
from tests.web import ASSETS, JOBS, client_of, runtime_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def save(app: Flask, *rows: Any) -> None:
    with runtime_of(app).database.session() as session:
        session.add_all(rows)
        session.commit()


def body_for(*asset_ids: str, **more: Any) -> dict[str, Any]:
    return {"projectId": PROJECT, "assetIds": list(asset_ids), **more}


def test_an_accepted_job_waits_in_the_queue_and_in_the_metrics(app: Flask, redis_client: redis.Redis) -> None:
    save(app, make_asset(id="a"))

    job = client_of(app).post(JOBS, json=body_for("a")).json

    assert job is not None
    (message,) = [json.loads(text) for text in redis_client.hvals("bulkdl:queue:bulkdl.msgs")]  # type: ignore[union-attr]  # redis-py's unions
    assert (message["actor_name"], message["args"]) == (PLAN_DOWNLOAD, [job["jobId"]])
    page = client_of(app).get("/metrics").get_data(as_text=True)
    assert 'bulkdl_queue_messages{queue="bulkdl",state="waiting"} 1.0' in page
    assert 'bulkdl_queue_messages{queue="bulkdl-ranges",state="dead"} 0.0' in page
    assert 'bulkdl_queue_oldest_seconds{queue="bulkdl"}' in page
    assert 'bulkdl_jobs{status="pending"} 1.0' in page
    assert "bulkdl_metrics_errors_total{" not in page


def test_everything_that_is_needed_is_there(app: Flask) -> None:
    response = app.test_client().get("/readyz")

    assert response.status_code == 200, response.data
    assert response.json is not None
    assert response.json["failing"] == []


def test_one_key_makes_one_job_however_many_send_it_at_once(app: Flask) -> None:
    save(app, make_asset(id="a"))

    def send(turn: int) -> tuple[int, str]:
        response = client_of(app).post(JOBS, json=body_for("a"), headers={"Idempotency-Key": "once"})
        assert response.json is not None
        return response.status_code, response.json["jobId"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert {status for status, _ in answers} == {202}
    assert len({job_id for _, job_id in answers}) == 1
    listed = client_of(app).get(JOBS).json
    assert listed is not None
    assert len(listed["jobs"]) == 1


FORGED_POSITIONS = [
    '[NaN,"a"]',
    '[Infinity,"a"]',
    '[1e308,"a"]',
    '[-1e17,"a"]',
    '[1.5,"a\\u0000"]',
    '[1.5,"\\ud800"]',
    "[9999999999999999999999]",
    "[-1]",
    '["a\\u0000","b"]',
    "[[1]]",
    "{}",
]


@pytest.mark.parametrize("position", FORGED_POSITIONS)
def test_a_made_up_cursor_is_refused_or_harmless(app: Flask, position: str) -> None:
    save(app, make_job(id="mine"))
    query = {"cursor": base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")}
    client = client_of(app)

    statuses = {
        client.get(JOBS, query_string=query).status_code,
        client.get(f"{JOBS}/mine/items", query_string=query).status_code,
        client.get(ASSETS, query_string=query | {"projectId": PROJECT}).status_code,
    }

    assert statuses <= {200, 422}


HOSTILE_NAMES = [
    "../x",
    "/etc/x",
    "C:\\x",
    "CON.txt",
    "a/b",
    "A.jpg",
    "a'; DROP TABLE assets; --",
    "%_\\",
    "\u202egpj.exe",
    "😀",
]


def test_hostile_names_come_back_as_they_were_and_can_be_searched(app: Flask) -> None:
    bucket = runtime_of(app).settings.archive_bucket
    editor = client_of(app, scope="assets:write")
    new = [{"name": name, "bucket": bucket, "key": f"k/{name}", "size": 0} for name in HOSTILE_NAMES]

    added = editor.post(ASSETS, json={"projectId": PROJECT, "assets": new})

    assert added.status_code == 201
    for name in HOSTILE_NAMES:
        page = editor.get(ASSETS, query_string={"projectId": PROJECT, "search": name}).json
        assert page is not None
        assert name in [asset["name"] for asset in page["assets"]], name
    wildcard = editor.get(ASSETS, query_string={"projectId": PROJECT, "search": "%_"}).json
    assert wildcard is not None
    assert [asset["name"] for asset in wildcard["assets"]] == ["%_\\"]


@pytest.mark.parametrize("search", ["'", '"', "\\", "%", "_", "😀", "x" * 200, "\u202e"])
def test_any_search_is_answered(app: Flask, search: str) -> None:
    response = client_of(app).get(ASSETS, query_string={"projectId": PROJECT, "search": search, "folder": search})

    assert response.status_code == 200


def test_pages_of_a_library_hold_every_asset_once(app: Flask) -> None:
    names = [f"{folder}/{n}.jpg" for folder in ("a", "B", "ä") for n in range(5)] + ["same.jpg", "same.jpg"]
    save(app, *[make_asset(name=name) for name in names])
    client = client_of(app)

    seen: list[str] = []
    query: dict[str, Any] = {"projectId": PROJECT, "limit": 4}
    while True:
        page = client.get(ASSETS, query_string=query).json
        assert page is not None
        seen += [asset["name"] for asset in page["assets"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]

    assert sorted(seen) == sorted(names)


@pytest.mark.parametrize("name", ['"quoted".zip', "a\r\nSet-Cookie: x=y.zip", "Ümläut 😀.zip"])
def test_a_link_leads_to_the_archive_under_its_name(app: Flask, s3_client: S3Client, name: str) -> None:
    bucket = runtime_of(app).settings.archive_bucket
    save(app, make_asset(id="a"))
    client = client_of(app)
    accepted = client.post(JOBS, json=body_for("a", archiveName=name)).json
    assert accepted is not None
    row = make_job(
        archive_name=accepted["archiveName"],
        archive_bucket=bucket,
        status=JobStatus.COMPLETE,
        expires_at=utc_now() + timedelta(hours=1),
    )
    save(app, row)
    s3_client.put_object(Bucket=bucket, Key=row.archive_key, Body=b"the archive")

    link = client.get(f"{JOBS}/{row.id}/download").headers["Location"]
    with urllib3.PoolManager(retries=False) as pool:
        archive = pool.request("GET", link)

    assert archive.data == b"the archive"
    assert "Set-Cookie" not in archive.headers
    assert f"filename*=UTF-8''{quote(accepted['archiveName'])}" in archive.headers["Content-Disposition"] or (
        f'filename="{accepted["archiveName"]}"' in archive.headers["Content-Disposition"]
    )
