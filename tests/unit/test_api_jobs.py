"""The routes of bulk downloads and of the library: what they take, what they refuse, what they answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bulkdl.jobs.models import Asset
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store.clock import utc_now
from tests.factories import PROJECT, make_asset, make_item_row, make_job
from tests.web import ASSETS, JOBS, client_of, make_settings, running_unit_app, runtime_of


def save(app: Flask, *rows: Any) -> None:
    with runtime_of(app).database.session() as session:
        session.add_all(rows)
        session.commit()


def save_assets(app: Flask, count: int = 2, **overrides: Any) -> list[str]:
    assets: Sequence[Asset] = [make_asset(**overrides) for _ in range(count)]
    save(app, *assets)
    return [asset.id for asset in assets]


def body_for(asset_ids: Sequence[str], **more: Any) -> dict[str, Any]:
    return {"projectId": PROJECT, "assetIds": list(asset_ids), **more}


def count_jobs(client: FlaskClient) -> int:
    response = client.get(JOBS)
    assert response.json is not None
    return len(response.json["jobs"])


# --- asking for a download --------------------------------------------------------------


def test_a_job_is_accepted_with_its_place(app: Flask, client: FlaskClient) -> None:
    asset_ids = save_assets(app)

    response = client.post(JOBS, json=body_for(asset_ids, archiveName="Trip.zip", onMissing="fail", layout="flat"))

    job = response.json
    assert job is not None
    assert response.status_code == 202
    assert response.headers["Location"] == f"{JOBS}/{job['jobId']}" == job["links"]["self"]
    assert client.get(response.headers["Location"]).json == job
    expected = {"status": "pending", "current": 0, "total": 2, "percent": 0, "archiveName": "Trip.zip"}
    assert expected.items() <= job.items()
    assert (job["onMissing"], job["layout"], job["downloadUrl"]) == ("fail", "flat", None)


def test_the_job_has_every_field_that_the_wire_promises(app: Flask, client: FlaskClient) -> None:
    promised = (
        "jobId projectId status current total percent bytesDone bytesTotal bytesPerSecond etaSeconds fileCount "
        "fileSize archiveName downloadUrl expiresAt error errorCode skipped renamed createdAt startedAt finishedAt "
        "links"
    )

    job = client.post(JOBS, json=body_for(save_assets(app))).json

    assert job is not None
    assert set(promised.split()) <= job.keys()


BAD_BODIES: dict[str, tuple[Any, int, str, str]] = {
    "nothing": ({}, 422, "validation_error", "#/projectId"),
    "no ids": (body_for([]), 422, "validation_error", "#/assetIds"),
    "ids missing": ({"projectId": PROJECT}, 422, "validation_error", "#/assetIds"),
    "ids are a string": ({"projectId": PROJECT, "assetIds": "abc"}, 422, "validation_error", "#/assetIds"),
    "ids are an object": ({"projectId": PROJECT, "assetIds": {"0": "a"}}, 422, "validation_error", "#/assetIds"),
    "ids are null": ({"projectId": PROJECT, "assetIds": None}, 422, "validation_error", "#/assetIds"),
    "an id is a number": ({"projectId": PROJECT, "assetIds": ["a", 7]}, 422, "validation_error", "#/assetIds/1"),
    "an id is empty": ({"projectId": PROJECT, "assetIds": [""]}, 422, "validation_error", "#/assetIds/0"),
    "an id is long": ({"projectId": PROJECT, "assetIds": ["x" * 65]}, 422, "validation_error", "#/assetIds/0"),
    "an id holds NUL": ({"projectId": PROJECT, "assetIds": ["a\0"]}, 422, "validation_error", "#/assetIds/0"),
    "an id is half a character": (
        {"projectId": PROJECT, "assetIds": ["\ud800"]},
        422,
        "validation_error",
        "#/assetIds/0",
    ),
    "too many ids": (body_for([str(n) for n in range(1001)]), 422, "too_many_files", "#/assetIds"),
    "unknown ids": (body_for(["nowhere"]), 404, "asset_not_found", "#/assetIds"),
    "an unknown field": (body_for(["a"], assetids=[]), 422, "validation_error", "#/assetids"),
    "an unknown policy": (body_for(["a"], onMissing="ignore"), 422, "validation_error", "#/onMissing"),
    "an unknown layout": (body_for(["a"], layout="deep"), 422, "validation_error", "#/layout"),
    "a name that is no text": (body_for(["a"], archiveName=["x"]), 422, "validation_error", "#/archiveName"),
    "a name of 256 characters": (body_for(["a"], archiveName="x" * 256), 422, "validation_error", "#/archiveName"),
    "a project that is no text": ({"projectId": 7, "assetIds": ["a"]}, 422, "validation_error", "#/projectId"),
    "a list": ([], 422, "validation_error", "#"),
    "a number": (7, 422, "validation_error", "#"),
    "null": (None, 422, "validation_error", "#"),
}


@pytest.mark.parametrize(("body", "status", "code", "pointer"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_request_is_refused_with_its_place(
    client: FlaskClient, body: Any, status: int, code: str, pointer: str
) -> None:
    response = client.post(JOBS, data=json.dumps(body), content_type="application/json")

    problem = response.json
    assert problem is not None
    assert (response.status_code, problem["code"]) == (status, code)
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert count_jobs(client) == 0


def test_too_many_files_are_refused_with_the_limit(client: FlaskClient) -> None:
    problem = client.post(JOBS, json=body_for([str(n) for n in range(1001)])).json

    assert problem is not None
    assert (problem["count"], problem["limit"]) == (1001, 1000)
    assert "1000" in problem["detail"]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{", "[" * 100_000, '{"projectId": NaN}', '{"a": 1' + "0" * 5000 + "}", b"\xff\xfe{}"],
    ids=["empty", "words", "half", "bottomless", "NaN", "a huge number", "not UTF-8"],
)
def test_what_is_not_json_is_refused(client: FlaskClient, text: str | bytes) -> None:
    response = client.post(JOBS, data=text, content_type="application/json")

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["code"] == "validation_error"


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    response = client.post(JOBS, data=json.dumps(body_for(["a"])), content_type=content_type)

    assert response.status_code == 415
    assert response.json is not None
    assert response.json["code"] == "unsupported_media_type"


def test_a_body_of_ten_megabytes_is_refused_with_the_limit(client: FlaskClient) -> None:
    response = client.post(JOBS, data=b"x" * 10_000_000, content_type="application/json")

    assert response.status_code == 413
    assert response.json is not None
    assert (response.json["code"], response.json["limit"]) == ("request_too_large", 1024 * 1024)


def test_the_largest_selection_fits_into_a_body(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, max_files=20_000)) as app:
        asset_ids = [f"{n:064}" for n in range(20_000)]

        response = client_of(app).post(JOBS, json=body_for(asset_ids))

    assert response.status_code == 404


def test_repeated_ids_count_once(app: Flask, client: FlaskClient) -> None:
    asset_ids = save_assets(app, 2)

    job = client.post(JOBS, json=body_for(asset_ids * 600)).json

    assert job is not None
    assert job["total"] == 2


def test_another_project_is_refused(app: Flask, client: FlaskClient) -> None:
    save_assets(app, 1, id="theirs", project_id="other")

    response = client.post(JOBS, json={"projectId": "other", "assetIds": ["theirs"]})
    smuggled = client.post(JOBS, json=body_for(["theirs"]))

    assert response.status_code == 403
    assert smuggled.status_code == 404
    assert count_jobs(client) == 0


def test_a_person_has_so_many_unfinished_jobs_and_no_more(app: Flask, client: FlaskClient) -> None:
    asset_ids = save_assets(app)
    accepted = [client.post(JOBS, json=body_for(asset_ids)).status_code for _ in range(5)]

    refused = client.post(JOBS, json=body_for(asset_ids))
    other = client_of(app, "bob").post(JOBS, json=body_for(asset_ids))

    assert accepted == [202] * 5
    assert refused.status_code == 429
    assert refused.json is not None
    assert (refused.json["code"], refused.json["limit"]) == ("quota_pending", 5)
    assert int(refused.headers["Retry-After"]) > 0
    assert other.status_code == 202


@pytest.mark.parametrize("name", ['"quoted".zip', "line\r\nbreak: x.zip", "Übung 😀.zip", "../../x.zip", "CON.zip"])
def test_an_awkward_archive_name_is_cleaned_not_refused(app: Flask, client: FlaskClient, name: str) -> None:
    job = client.post(JOBS, json=body_for(save_assets(app), archiveName=name)).json

    assert job is not None
    assert job["archiveName"].endswith(".zip")
    assert not set('"\r\n/\\') & set(job["archiveName"])


# --- idempotency ------------------------------------------------------------------------


def test_the_same_key_gives_the_same_job(app: Flask, client: FlaskClient) -> None:
    body = body_for(save_assets(app))

    first = client.post(JOBS, json=body, headers={"Idempotency-Key": "once"})
    second = client.post(JOBS, json=body, headers={"Idempotency-Key": "once"})

    assert first.json is not None
    assert second.json is not None
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["jobId"] == second.json["jobId"]
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count_jobs(client) == 1


def test_the_same_key_for_another_request_is_refused(app: Flask, client: FlaskClient) -> None:
    asset_ids = save_assets(app)
    client.post(JOBS, json=body_for(asset_ids), headers={"Idempotency-Key": "once"})

    response = client.post(JOBS, json=body_for(asset_ids[:1]), headers={"Idempotency-Key": "once"})

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["code"] == "idempotency_conflict"


def test_a_key_is_its_owner_s(app: Flask, client: FlaskClient) -> None:
    body = body_for(save_assets(app))
    mine = client.post(JOBS, json=body, headers={"Idempotency-Key": "once"}).json

    theirs = client_of(app, "bob").post(JOBS, json=body, headers={"Idempotency-Key": "once"}).json

    assert mine is not None
    assert theirs is not None
    assert mine["jobId"] != theirs["jobId"]


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_an_unfit_key_is_refused(app: Flask, client: FlaskClient, key: str) -> None:
    response = client.post(JOBS, json=body_for(save_assets(app)), headers={"Idempotency-Key": key})

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["header"] == "Idempotency-Key"


# --- looking at jobs --------------------------------------------------------------------


def test_an_unchanged_job_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    job = make_job()
    save(app, job)
    first = client.get(f"{JOBS}/{job.id}")

    unchanged = client.get(f"{JOBS}/{job.id}", headers={"If-None-Match": first.headers["ETag"]})
    with runtime_of(app).database.session() as session:
        row = session.merge(job)
        row.status, row.seq = JobStatus.PROCESSING, 2
        session.commit()
    changed = client.get(f"{JOBS}/{job.id}", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["ETag"].startswith('W/"')
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_a_complete_job_is_sent_again_before_its_url_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("bulkdl.api.jobs.time", SimpleNamespace(time=lambda: now))
    with running_unit_app(make_settings(tmp_path, url_ttl_s=100)) as app:
        job = complete_job()
        save(app, job)
        client = client_of(app)
        tag = client.get(f"{JOBS}/{job.id}").headers["ETag"]
        soon = client.get(f"{JOBS}/{job.id}", headers={"If-None-Match": tag})
        now += 51
        later = client.get(f"{JOBS}/{job.id}", headers={"If-None-Match": tag})

    assert soon.status_code == 304
    assert later.status_code == 200


def complete_job(**overrides: Any) -> Any:
    values = {
        "status": JobStatus.COMPLETE,
        "file_count": 1,
        "file_size": 1100,
        "finished_at": utc_now(),
        "expires_at": utc_now() + timedelta(hours=1),
    }
    return make_job(**values | overrides)


def test_jobs_come_newest_first_in_pages(app: Flask, client: FlaskClient) -> None:
    start = utc_now()
    save(app, *[make_job(id=f"job-{n}", created_at=start + timedelta(seconds=n)) for n in range(5)])
    save(app, make_job(id="theirs", user_id="bob"))

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = client.get(JOBS, query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})).json
        assert page is not None
        seen += [job["jobId"] for job in page["jobs"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert seen == ["job-4", "job-3", "job-2", "job-1", "job-0"]


def test_jobs_can_be_told_by_status(app: Flask, client: FlaskClient) -> None:
    save(app, make_job(id="waiting"), complete_job(id="done"))

    page = client.get(f"{JOBS}?status=complete").json

    assert page is not None
    assert [job["jobId"] for job in page["jobs"]] == ["done"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1" + "0" * 5000,
        "status=done",
        "cursor=",
        "cursor=abc",
        "cursor=%00",
        "cursor=WzFdCg",
        "unknown=1",
    ],
)
def test_a_bad_query_is_refused_with_its_place(client: FlaskClient, query: str) -> None:
    response = client.get(f"{JOBS}?{query}")

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("position", ['[NaN,"a"]', '[1e308,"a"]', '[-1e17,"a"]', '[1.5,"a\\u0000"]', '[1.5,"\\ud800"]'])
def test_a_cursor_that_was_made_up_is_refused(client: FlaskClient, position: str) -> None:
    import base64

    cursor = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")

    assert client.get(JOBS, query_string={"cursor": cursor}).status_code == 422


# --- the ledger and the archive -----------------------------------------------------------


def test_the_ledger_comes_in_pages_and_by_outcome(app: Flask, client: FlaskClient) -> None:
    job = make_job(total=3)
    save(app, job)
    with runtime_of(app).database.session() as session:
        from bulkdl.jobs.models import BulkDownloadItem

        rows = [make_item_row(job.id, n) for n in range(3)]
        rows[1] |= {"outcome": "skipped", "reason": "not_found"}
        session.add_all(BulkDownloadItem(**row) for row in rows)
        session.commit()

    page = client.get(f"{JOBS}/{job.id}/items?limit=2").json
    assert page is not None
    rest = client.get(f"{JOBS}/{job.id}/items", query_string={"cursor": page["nextCursor"]}).json
    skipped = client.get(f"{JOBS}/{job.id}/items?outcome=skipped").json
    shown = client.get(f"{JOBS}/{job.id}").json

    assert rest is not None
    assert skipped is not None
    assert shown is not None
    assert [item["position"] for item in page["items"] + rest["items"]] == [0, 1, 2]
    assert rest["nextCursor"] is None
    assert [(item["assetId"], item["reason"]) for item in skipped["items"]] == [("asset-1", "not_found")]
    assert shown["skipped"] == [{"assetId": "asset-1", "name": "1.jpg", "reason": "not_found"}]
    assert shown["skippedCount"] == 1


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept", [None, "*/*", BROWSER, "text/html", "application/zip", "text/html, application/json"]
)
def test_whoever_takes_anything_is_led_to_the_archive(app: Flask, client: FlaskClient, accept: str | None) -> None:
    job = complete_job()
    save(app, job)

    response = client.get(f"{JOBS}/{job.id}/download", headers={"Accept": accept} if accept else {})

    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"memory://archives/bulk-downloads/{job.id}.zip?")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.data == b""


@pytest.mark.parametrize(
    "accept", ["application/json", "application/json, text/plain;q=0.5", "application/json, */*;q=0.1"]
)
def test_whoever_asks_for_json_gets_the_url(app: Flask, client: FlaskClient, accept: str) -> None:
    job = complete_job()
    save(app, job)

    response = client.get(f"{JOBS}/{job.id}/download", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.json is not None
    assert response.json.keys() == {"url", "expiresAt", "fileName", "size"}
    assert response.headers["Cache-Control"] == "no-store"
    assert "Accept" in response.headers["Vary"]


def test_an_archive_that_is_not_there_is_told_apart(app: Flask, client: FlaskClient) -> None:
    save(app, make_job(id="waiting"), complete_job(id="old", expires_at=utc_now() - timedelta(seconds=1)))

    waiting = client.get(f"{JOBS}/waiting/download")
    old = client.get(f"{JOBS}/old/download")

    assert waiting.status_code == 409
    assert old.status_code == 410


def test_cancelling_twice_changes_nothing(app: Flask, client: FlaskClient) -> None:
    job = make_job()
    save(app, job)

    first = client.delete(f"{JOBS}/{job.id}")
    second = client.delete(f"{JOBS}/{job.id}")

    assert first.json is not None
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json["status"] == "cancelled"
    assert first.json == second.json


@pytest.mark.parametrize("job_id", ["nowhere", "%00", "x" * 65, "%F0%9F%98%80", "%ff", "a%0d%0ab"])
@pytest.mark.parametrize("rest", ["", "/items", "/download"])
def test_a_job_that_cannot_be_is_not_found(client: FlaskClient, job_id: str, rest: str) -> None:
    response = client.get(f"{JOBS}/{job_id}{rest}")

    assert response.status_code == 404
    assert response.json is not None
    assert response.json["code"] == "job_not_found"


# --- the preview and the limits -----------------------------------------------------------


def test_a_dry_run_builds_nothing_and_tells_the_exact_size(app: Flask, client: FlaskClient) -> None:
    store = runtime_of(app).store
    store.put("media", "originals/a", b"x" * 1000, content_type="image/jpeg")
    save(app, make_asset(id="a", key="originals/a"), make_asset(id="b", key="nowhere"))

    response = client.post(f"{JOBS}?dryRun=true", json=body_for(["a", "b"]))

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["fileCount"] == 1
    assert response.json["fileSize"] > 1000
    assert response.json["fits"] is True
    assert [item["reason"] for item in response.json["skipped"]] == ["not_found"]
    assert count_jobs(client) == 0


@pytest.mark.parametrize("query", ["dryrun=true", "dryRun=maybe"])
def test_a_mistyped_dry_run_builds_nothing_either(app: Flask, client: FlaskClient, query: str) -> None:
    response = client.post(f"{JOBS}?{query}", json=body_for(save_assets(app)))

    assert response.status_code == 422
    assert count_jobs(client) == 0


def test_limits_are_told_before_they_are_passed(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, max_files=7, max_bytes=99)) as app:
        capabilities = client_of(app).get("/media-collab/bulk-download/capabilities").json

    assert capabilities is not None
    assert (capabilities["maxFiles"], capabilities["maxBytes"]) == (7, 99)
    assert (capabilities["directMaxFiles"], capabilities["directMaxBytes"]) == (7, 99)
    assert capabilities["transports"] == ["websocket", "sse", "polling"]


def test_the_prefix_can_be_left_out(tmp_path: Path) -> None:
    with running_unit_app(make_settings(tmp_path, url_prefix="")) as app:
        asset_ids = save_assets(app)
        response = client_of(app).post("/bulk-download/jobs", json=body_for(asset_ids))
        shown = client_of(app).get(response.headers["Location"])

    assert shown.status_code == 200


# --- the library --------------------------------------------------------------------------


def test_the_library_is_shown_with_pictures_of_images(app: Flask, client: FlaskClient) -> None:
    save(app, make_asset(id="a", name="a.jpg"), make_asset(id="b", name="b.pdf", content_type="application/pdf"))

    page = client.get(f"{ASSETS}?projectId={PROJECT}").json

    assert page is not None
    assert [(asset["assetId"], asset["thumbnailUrl"]) for asset in page["assets"]] == [
        ("a", f"{ASSETS}/a/thumbnail"),
        ("b", None),
    ]
    assert (page["totalCount"], page["totalSize"]) == (2, 2000)
    assert client.get(f"{ASSETS}/a/thumbnail").headers["Location"].startswith("memory://media/originals/a?")
    assert client.get(f"{ASSETS}/b/thumbnail").status_code == 404


def test_a_thumbnail_stands_for_what_it_shows(app: Flask, client: FlaskClient) -> None:
    save(app, make_asset(id="film", content_type="video/mp4", thumbnail_key="small/film.jpg"))

    page = client.get(f"{ASSETS}?projectId={PROJECT}").json

    assert page is not None
    assert page["assets"][0]["thumbnailUrl"] == f"{ASSETS}/film/thumbnail"
    assert client.get(f"{ASSETS}/film/thumbnail").headers["Location"].startswith("memory://media/small/film.jpg?")


def test_a_library_of_somebody_else_is_shut(app: Flask, client: FlaskClient) -> None:
    save_assets(app, 1, id="theirs", project_id="other")

    assert client.get(f"{ASSETS}?projectId=other").status_code == 403
    assert client.get(f"{ASSETS}/theirs/thumbnail").status_code == 404


def new_asset(**overrides: Any) -> dict[str, Any]:
    return {"name": "a.jpg", "bucket": "media", "key": "originals/a", "size": 3, **overrides}


def test_an_asset_is_added_by_whoever_may(app: Flask) -> None:
    editor = client_of(app, scope="assets:write other")

    response = editor.post(ASSETS, json={"projectId": PROJECT, "assets": [new_asset(contentType="image/jpeg")]})

    assert response.status_code == 201
    assert response.json is not None
    (asset,) = response.json["assets"]
    assert asset["name"] == "a.jpg"
    assert editor.post(JOBS, json=body_for([asset["assetId"]])).status_code == 202


def test_adding_assets_wants_its_scope_and_the_project(app: Flask, client: FlaskClient) -> None:
    body = {"projectId": PROJECT, "assets": [new_asset()]}

    assert client.post(ASSETS, json=body).status_code == 403
    assert client_of(app, scope="assets:write").post(ASSETS, json=body | {"projectId": "other"}).status_code == 403


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"bucket": "somebody-elses"}, "#/assets/0/bucket"),
        ({"bucket": "archives"}, "#/assets/0/bucket"),
        ({"bucket": "http://169.254.169.254/"}, "#/assets/0/bucket"),
        ({"url": "http://169.254.169.254/"}, "#/assets/0/url"),
        ({"size": -1}, "#/assets/0/size"),
        ({"size": 2**63}, "#/assets/0/size"),
        ({"size": "3"}, "#/assets/0/size"),
        ({"size": 1.5}, "#/assets/0/size"),
        ({"size": True}, "#/assets/0/size"),
        ({"name": "a\nb"}, "#/assets/0/name"),
        ({"key": "a\0b"}, "#/assets/0/key"),
        ({"key": "x" * 1025}, "#/assets/0/key"),
        ({"modifiedAt": "yesterday"}, "#/assets/0/modifiedAt"),
        ({"modifiedAt": "2026-01-01T00:00:00"}, "#/assets/0/modifiedAt"),
    ],
)
def test_a_hostile_asset_is_refused_with_its_place(app: Flask, change: dict[str, Any], pointer: str) -> None:
    editor = client_of(app, scope="assets:write")

    response = editor.post(ASSETS, json={"projectId": PROJECT, "assets": [new_asset(**change)]})

    assert response.status_code == 422
    assert response.json is not None
    assert pointer in [error["pointer"] for error in response.json["errors"]]
