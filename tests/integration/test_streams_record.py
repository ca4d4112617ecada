"""What streams read of the jobs' record, from both databases, as the API would answer it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from bulkdl.api.streams import make_job_record
from bulkdl.database import Database
from bulkdl.errors import JobNotFound, ServiceUnavailable
from bulkdl.events.high_water import HighWater
from bulkdl.events.record import JobRecord
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.store.clock import utc_now
from tests.factories import save_job
from tests.services.redis import RedisServer
from tests.services.web import StartApp
from tests.web import JOBS, client_of, runtime_of


@pytest.fixture
def record(app: Flask) -> Iterator[JobRecord]:
    return make_job_record(runtime_of(app), HighWater())


def test_a_stream_reads_the_jobs_as_the_api_answers_them(app: Flask, record: JobRecord, database: Database) -> None:
    mine, theirs = save_job(database, user_id="ann"), save_job(database, user_id="bob")

    [job] = record.jobs("ann", None)

    answer = client_of(app, "ann").get(f"{JOBS}/{mine.id}").get_json()
    assert job == answer
    assert record.jobs("ann", mine.id) == [answer]
    with pytest.raises(JobNotFound):
        record.jobs("ann", theirs.id)


def test_a_stream_learns_which_jobs_have_ended(record: JobRecord, database: Database) -> None:
    active = [save_job(database, status=status).id for status in (JobStatus.PENDING, JobStatus.PROCESSING)]
    ended = [save_job(database, status=status, finished_at=utc_now()).id for status in JobStatus if status.is_final]

    assert record.ended_among({*active, *ended, "purged"}) == {*ended, "purged"}


def test_any_number_of_jobs_can_be_asked_for(record: JobRecord, database: Database) -> None:
    job = save_job(database)

    ended = record.ended_among({job.id, *(f"gone-{number}" for number in range(2_000))})

    assert len(ended) == 2_000
    assert job.id not in ended


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_record_is_read_without_redis(start_app: StartApp, database: Database, redis_server: RedisServer) -> None:
    redis_server.stop()
    record = make_job_record(runtime_of(start_app(redis_url=redis_server.url)), HighWater())
    job = save_job(database, status=JobStatus.PROCESSING)

    assert [one["jobId"] for one in record.jobs("ann", None)] == [job.id]
    assert record.ended_among({job.id}) == set()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_database_out_of_reach_is_said_as_such(start_app: StartApp) -> None:
    app = start_app(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    record = make_job_record(runtime_of(app), HighWater())

    with pytest.raises(ServiceUnavailable):
        record.jobs("ann", None)
    with pytest.raises(ServiceUnavailable):
        record.ended_among({"job"})
