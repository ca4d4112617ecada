"""The whole way, through the processes as they run: ask, watch, fetch, and what happens when a worker dies."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
import urllib3

from tests.factories import make_files, members
from tests.services.s3 import empty_bucket, list_uploads
from tests.services.system import JOBS, PREFIX, PROJECT, System
from tests.services.wait import wait_until

MIB = 1024**2
DIRECT = f"{PREFIX}/assets/bulk-download"


@pytest.fixture(scope="module")
def system_variables() -> Mapping[str, str]:
    """Two requests at a time: jobs last long enough to be met half-way."""
    return {"BULK_DOWNLOAD_CONCURRENCY": "2"}


def test_a_selection_becomes_an_archive(shared_system: System) -> None:
    check_the_whole_way(shared_system)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_selection_becomes_an_archive_on_sqlite_too(system: System) -> None:
    check_the_whole_way(system)


def check_the_whole_way(system: System) -> None:
    files = make_files(20, 100_000) | {"empty.txt": b"", "Zürich/夜景.jpg": b"night"}

    job = system.submit(system.add_files(files))
    done = system.wait_for(job["jobId"], "complete")
    archive = system.fetch_archive(job["jobId"])

    assert members(archive) == files
    assert (done["percent"], done["current"], done["total"]) == (100, 22, 22)
    assert (done["fileCount"], done["fileSize"], done["skippedCount"]) == (22, len(archive), 0)
    assert done["expiresAt"] is not None


def test_what_is_missing_is_said_and_left_out(shared_system: System) -> None:
    system = shared_system
    ids = system.add_files({"kept.jpg": b"kept", "lost.jpg": b"lost"})
    listing = system.s3.list_objects_v2(Bucket=system.settings.archive_bucket, Prefix="media/")
    lost = next(entry for entry in listing["Contents"] if _body(system, entry["Key"]) == b"lost")
    system.s3.delete_object(Bucket=system.settings.archive_bucket, Key=lost["Key"])

    job = system.submit(ids)
    done = system.wait_for(job["jobId"], "complete")
    found = members(system.fetch_archive(job["jobId"]))

    assert [(item["name"], item["reason"]) for item in done["skipped"]] == [("lost.jpg", "not_found")]
    assert found.pop("_skipped_files.txt")
    assert found == {"kept.jpg": b"kept"}


def test_a_killed_worker_is_replaced_and_the_archive_is_the_same(shared_system: System) -> None:
    system = shared_system
    system.start_worker()
    system.wait_ready()
    files = make_files(12, 12 * MIB)
    ids = system.add_files(files)
    undisturbed = system.submit(ids)
    system.wait_for(undisturbed["jobId"], "complete")

    job = system.submit(ids)
    _wait_for_the_middle(system, job["jobId"])
    _kill_worker_of(system, job["jobId"])
    killed_at = time.monotonic()
    done = system.wait_for(job["jobId"], "complete", timeout_s=60)

    assert time.monotonic() - killed_at < 60
    archive = system.fetch_archive(done["jobId"])
    assert archive == system.fetch_archive(undisturbed["jobId"])
    assert members(archive) == files
    assert list_uploads(system.s3, system.settings.archive_bucket) == []


def test_a_worker_told_to_end_gives_its_job_back(shared_system: System) -> None:
    system = shared_system
    files = make_files(12, 12 * MIB)
    job = system.submit(system.add_files(files))
    _wait_for_the_middle(system, job["jobId"])

    began = time.monotonic()
    status = system.workers.pop().stop(timeout_s=28)
    took = time.monotonic() - began
    system.start_worker()
    system.wait_for(job["jobId"], "complete")

    assert (status, took < 25) == (0, True)
    assert members(system.fetch_archive(job["jobId"])) == files
    assert list_uploads(system.s3, system.settings.archive_bucket) == []


def test_a_cancelled_job_leaves_nothing_in_the_bucket(shared_system: System) -> None:
    system = shared_system
    job = system.submit(system.add_files(make_files(12, 12 * MIB)))
    _wait_for_the_middle(system, job["jobId"])

    assert system.ask("DELETE", f"{JOBS}/{job['jobId']}").status == 200
    assert system.ask("DELETE", f"{JOBS}/{job['jobId']}").status == 200
    system.wait_for(job["jobId"], "cancelled", timeout_s=10)

    bucket, prefix = system.settings.archive_bucket, f"{system.settings.archive_prefix}{job['jobId']}"
    wait_until(lambda: not list_uploads(system.s3, bucket), 20, what="the upload being aborted")
    assert system.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
    assert system.ask("GET", f"{JOBS}/{job['jobId']}/download").status == 409


def test_a_few_files_come_at_once_as_the_same_archive(shared_system: System) -> None:
    system = shared_system
    files = make_files(5, 3 * MIB) | {"empty.txt": b""}
    body = {"projectId": PROJECT, "assetIds": system.add_files(files)}

    answer = system.ask("POST", DIRECT, body=body)
    job = system.submit(body["assetIds"])
    system.wait_for(job["jobId"], "complete")

    assert answer.status == 200, answer.body
    assert members(answer.body) == files
    assert answer.body == system.fetch_archive(job["jobId"])


def test_an_answer_that_cannot_be_finished_is_cut_off(shared_system: System) -> None:
    system = shared_system
    # The first is more than a connection that nobody reads from takes in: the second has not been asked for then.
    ids = system.add_files({"first.jpg": bytes(48 * MIB), "second.jpg": b"x" * MIB})
    headers = {"Authorization": f"Bearer {system.token()}"}
    body = {"projectId": PROJECT, "assetIds": ids}

    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        answer = pool.request("POST", system.base_url + DIRECT, json=body, headers=headers, preload_content=False)
        begun = answer.read(100)
        empty_bucket(system.s3, system.settings.archive_bucket)
        with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
            answer.read()

    assert (answer.status, begun[:4]) == (200, b"PK\x03\x04")
    assert system.web is not None
    assert "archive broken off" in system.web.output


def test_somebody_elses_job_is_not_there(shared_system: System) -> None:
    system = shared_system
    job = system.submit(system.add_files({"a.jpg": b"a"}))

    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/items"), ("GET", "/download"), ("GET", "/events")):
        answer = system.ask(method, f"{JOBS}/{job['jobId']}{path}", user="bob")
        assert (answer.status, answer.json["code"]) == (404, "job_not_found"), path
    assert system.ask("POST", JOBS, user="ann", body={"projectId": "other", "assetIds": ["a"]}).status == 403


def test_progress_reaches_a_stream_opened_by_ticket(shared_system: System) -> None:
    system = shared_system
    ids = system.add_files(make_files(4, MIB))
    ticket = system.ask("POST", f"{PREFIX}/stream-tickets").json["ticket"]

    with system.stream(f"{PREFIX}/bulk-download/events?ticket={ticket}") as stream:
        events = [next(stream)]
        job = system.submit(ids)
        for event in stream:
            events.append(event)
            if event.name == "bulk-download:complete" and event.data["jobId"] == job["jobId"]:
                break

    assert events[0].name == "bulk-download:snapshot"
    # The stream tells of all the caller's jobs: another test's may still be at work.
    own = [event for event in events[1:] if event.data["jobId"] == job["jobId"]]
    end = own[-1].data
    assert end["fileCount"] == 4
    assert {"jobId", "downloadUrl", "expiresAt", "fileCount", "fileSize"} <= set(end)
    progress = [event.data for event in own if event.name == "bulk-download:progress"]
    assert all({"jobId", "current", "total", "percent"} <= set(data) for data in progress)
    percents = [data["percent"] for data in progress]
    assert percents == sorted(percents)
    assert system.ask("GET", f"{PREFIX}/bulk-download/events?ticket={ticket}", Authorization="").status == 401


def _wait_for_the_middle(system: System, job_id: str) -> None:
    wait_until(lambda: 0 < system.job(job_id)["percent"] < 90, 60, interval_s=0.02, what="the middle of the transfer")


def _body(system: System, key: str) -> bytes:
    return system.s3.get_object(Bucket=system.settings.archive_bucket, Key=key)["Body"].read()


def _kill_worker_of(system: System, job_id: str) -> None:
    """Kill the worker that has the job in its hands, whichever of them that is."""
    holder = next(worker for worker in system.workers if job_id in worker.output)
    system.workers.remove(holder)
    holder.kill()
