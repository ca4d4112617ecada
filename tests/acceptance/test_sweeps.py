"""What the clock sees to: archives whose time is over, and jobs that the queue lost."""

from __future__ import annotations

import redis

from tests.factories import make_files, members
from tests.services.redis import RedisServer
from tests.services.system import JOBS, Answer, StartSystem, System
from tests.services.wait import wait_until


def test_an_archive_goes_when_its_time_is_over(make_system: StartSystem) -> None:
    system = make_system(BULK_DOWNLOAD_EXPIRY_HOURS="0.001").start()
    job = system.submit(system.add_files(make_files(2, 1000)))

    system.wait_for(job["jobId"], "complete", "expired")
    system.wait_for(job["jobId"], "complete", "expired")
    wait_until(lambda: system.job(job["jobId"])["status"] == "expired", 40, what="the archive expiring")

    assert system.ask("GET", f"{JOBS}/{job['jobId']}/download").status == 410
    bucket, prefix = system.settings.archive_bucket, system.settings.archive_prefix
    wait_until(lambda: system.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0, 20, what="deletion")


def test_a_job_is_accepted_while_redis_is_away_and_done_when_it_is_back(
    make_system: StartSystem, redis_server: RedisServer
) -> None:
    system = make_system(REDIS_URL=redis_server.url).start()
    files = make_files(3, 50_000)
    ids = system.add_files(files)

    redis_server.stop()
    job = system.submit(ids)
    unready = wait_until(lambda: _unready(system), 20, what="/readyz saying that Redis is away")
    seen = system.job(job["jobId"])
    redis_server.start()
    system.wait_for(job["jobId"], "complete", timeout_s=60)

    assert unready.json["failing"] == ["redis"]
    assert seen["status"] == "pending"
    assert members(system.fetch_archive(job["jobId"])) == files


def test_a_job_is_done_though_redis_forgot_everything(make_system: StartSystem, redis_server: RedisServer) -> None:
    system = make_system(REDIS_URL=redis_server.url)
    system.start(workers=0)
    files = make_files(3, 50_000)
    job = system.submit(system.add_files(files))

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    system.start_worker()
    system.wait_ready()
    system.wait_for(job["jobId"], "complete", timeout_s=60)

    assert members(system.fetch_archive(job["jobId"])) == files


def _unready(system: System) -> Answer | None:
    answer = system.ask("GET", "/readyz")
    return answer if answer.status == 503 else None
