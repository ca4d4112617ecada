"""Building archives: the whole life of a job over a real database and Redis, and what may go wrong in it."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from bulkdl.broker import FINISH_DOWNLOAD, PLAN_DOWNLOAD, TRANSFER_RANGE
from bulkdl.database import Database
from bulkdl.errors import StorageRefused, StorageUnavailable
from bulkdl.events.scripts import events_channel
from bulkdl.jobs import read, sweep
from bulkdl.jobs.cancel import cancel
from bulkdl.jobs.contents import NOTICE_NAME
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadPart, BulkDownloadRange
from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing, SkipReason
from bulkdl.jobs.store.clock import utc_now
from bulkdl.storage import ObjectVersion
from bulkdl.storage.memory import MemoryStore
from bulkdl.storage.providers import GENERIC
from tests.jobs_world import PART, World, some_bytes
from tests.services.wait import wait_until


@pytest.fixture
def world(database: Database, redis_client: redis.Redis) -> World:
    return World(database, redis_client)


def files_of(*sizes: int) -> dict[str, bytes]:
    return {f"photos/{number}.jpg": some_bytes(size, str(number)) for number, size in enumerate(sizes)}


class Saboteur:
    """A store in which one method may fail; everything else is the store behind it."""

    def __init__(self, inner: Any, **replaced: Callable[..., Any]) -> None:
        self._inner = inner
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._inner, name)


class Died(Exception):
    """Stands for the end of a process."""


class Mortal:
    """A worker that dies at some call of the store: from then on it reaches neither store nor database."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.is_dead = False

    def die(self) -> None:
        self.is_dead = True
        raise Died

    def context(self, **replaced: Callable[..., Any]) -> JobContext:
        """Its context; `replaced` are methods of the store."""
        store = self._mortal(Saboteur(self._world.store, **replaced))
        return self._world.context(store=store, database=self._mortal(self._world.database))

    def _mortal(self, inner: Any) -> Any:
        mortal = self

        class Reach:
            def __getattr__(self, name: str) -> Any:
                if mortal.is_dead:
                    raise Died
                return getattr(inner, name)

        return Reach()


def test_a_job_becomes_an_archive_that_holds_every_file(world: World) -> None:
    files = files_of(10, 0, 3 * PART, PART // 2)
    job = world.submit(world.add_files(files), archive_name="Summer.zip")

    world.work_off()

    done = world.job(job.job_id)
    assert (done.status, done.percent, done.current, done.total) == (JobStatus.COMPLETE, 100, 4, 4)
    assert done.bytes_done == done.bytes_total == sum(map(len, files.values()))
    assert done.file_size == len(world.archive_bytes(job.job_id))
    assert done.download_url is not None
    assert done.expires_at is not None
    with world.archive(job.job_id) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert world.upload_count() == 0


def test_the_ledger_tells_every_item_and_its_checksum(world: World) -> None:
    files = {"a.jpg": b"one", "A.jpg": b"two"}
    job = world.submit(world.add_files(files))

    world.work_off()

    items = read.list_items(world.context(), world.ann, job.job_id, None, 10).items
    assert [(item.name, item.archive_name, item.outcome) for item in items] == [
        ("a.jpg", "a.jpg", ItemOutcome.INCLUDED),
        ("A.jpg", "A (2).jpg", ItemOutcome.RENAMED),
    ]
    assert [item.crc32 for item in items] == [zlib.crc32(b"one"), zlib.crc32(b"two")]
    assert [item.archive_name for item in world.job(job.job_id).renamed] == ["A (2).jpg"]


def test_a_flat_archive_has_no_folders(world: World) -> None:
    job = world.submit(world.add_files({"a/x.jpg": b"1", "b/x.jpg": b"2"}), layout=FolderLayout.FLAT)

    world.work_off()

    with world.archive(job.job_id) as archive:
        assert archive.namelist() == ["x.jpg", "x (2).jpg"]


def test_second_delivery_does_not_build_twice(world: World) -> None:
    job = world.submit(world.add_files(files_of(10, 2 * PART)))
    listener = world.redis.pubsub()
    listener.subscribe(events_channel(world.redis, "bulkdl", "ann"))
    ctx = world.context()

    for _ in range(2):
        for name in (FINISH_DOWNLOAD, PLAN_DOWNLOAD, FINISH_DOWNLOAD):
            world.carry_out(ctx, name, job.job_id)
        world.carry_out(ctx, TRANSFER_RANGE, job.job_id, 0)

    assert world.archive_count() == 1
    assert count_events(listener, b"bulk-download:complete") == 1


def count_events(listener: Any, name: bytes) -> int:
    count = 0
    while (message := listener.get_message(timeout=0.3)) is not None:
        count += message["type"] == "message" and name in message["data"]
    return count


@pytest.mark.parametrize("order", range(3))
def test_ranges_in_any_order_give_the_same_archive_as_one(
    database: Database, redis_client: redis.Redis, order: int
) -> None:
    files = files_of(10, 5 * PART, 100, 3 * PART, 0)
    small = World(database, redis_client, store=MemoryStore(min_part_size=1))
    assets = small.add_files(files)
    whole = small.submit(assets)
    small.work_off()
    wide = World(database, redis_client, store=small.store, range_size=2 * PART)
    job = wide.submit(assets)
    [first] = wide.messages()
    wide.carry_out(wide.context(), *first)

    ranges = wide.messages()
    random.Random(order).shuffle(ranges)
    for message in ranges + ranges:
        wide.carry_out(wide.context(), *message)
    wide.work_off()

    assert len(ranges) > 2
    assert {name for name, *_ in ranges} == {TRANSFER_RANGE}
    assert wide.job(job.job_id).status is JobStatus.COMPLETE
    assert wide.archive_bytes(job.job_id) == small.archive_bytes(whole.job_id)


def test_a_missing_object_is_left_out_and_said_everywhere(world: World) -> None:
    assets = world.add_files({"gone.jpg": b"x", "here.jpg": b"y"})
    world.store.delete("media", assets[0].key)
    job = world.submit(assets)

    world.work_off()

    done = world.job(job.job_id)
    assert done.status is JobStatus.COMPLETE
    assert [(item.name, item.reason) for item in done.skipped] == [("gone.jpg", SkipReason.NOT_FOUND)]
    assert (done.current, done.total, done.file_count) == (1, 1, 1)
    with world.archive(job.job_id) as archive:
        assert archive.namelist() == ["here.jpg", NOTICE_NAME]
        assert "gone.jpg\tnot_found" in archive.read(NOTICE_NAME).decode("utf-8-sig")


def test_a_missing_object_fails_a_job_that_wants_all_or_nothing(world: World) -> None:
    assets = world.add_files({"gone.jpg": b"x", "here.jpg": b"y"})
    world.store.delete("media", assets[0].key)
    job = world.submit(assets, on_missing=OnMissing.FAIL)

    world.work_off()

    done = world.job(job.job_id)
    assert (done.status, done.error_code) == (JobStatus.FAILED, "not_found")
    assert "gone.jpg" in (done.error or "")
    assert [item.name for item in done.skipped] == ["gone.jpg"]
    assert (world.archive_count(), world.upload_count()) == (0, 0)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda store, key: store.forbid("media", key), SkipReason.ACCESS_DENIED),
        (lambda store, key: store.freeze("media", key), SkipReason.ARCHIVED_STORAGE_CLASS),
    ],
)
def test_an_object_that_may_not_be_read_is_left_out(
    world: World, break_it: Callable[[MemoryStore, str], None], reason: SkipReason
) -> None:
    assets = world.add_files({"a.jpg": b"x", "b.jpg": b"y"})
    break_it(world.store, assets[0].key)
    job = world.submit(assets)

    world.work_off()

    assert [item.reason for item in world.job(job.job_id).skipped] == [reason]


def test_a_job_of_which_nothing_can_be_had_fails(world: World) -> None:
    assets = world.add_files({"gone.jpg": b"x"})
    world.store.delete("media", assets[0].key)
    job = world.submit(assets)

    world.work_off()

    assert world.job(job.job_id).error_code == "no_files_available"
    assert (world.archive_count(), world.upload_count()) == (0, 0)


def change_while_read(world: World, key: str) -> Saboteur:
    """The object is overwritten between the look and the first byte that is fetched."""

    def read_into(version: ObjectVersion, offset: int, target: memoryview) -> int:
        if version.key == key:
            world.store.put("media", key, b"other bytes", content_type="image/jpeg")
        return int(world.store.read_into(version, offset, target))

    return Saboteur(world.store, read_into=read_into)


def test_an_object_that_changes_while_it_is_read_is_left_out_never_mixed(world: World) -> None:
    files = files_of(10, 2 * PART, 30)
    assets = world.add_files(files)
    job = world.submit(assets)

    world.work_off(world.context(store=change_while_read(world, assets[1].key)))

    done = world.job(job.job_id)
    assert done.status is JobStatus.COMPLETE
    assert [(item.asset_id, item.reason) for item in done.skipped] == [(assets[1].id, SkipReason.CHANGED_DURING_BUILD)]
    with world.archive(job.job_id) as archive:
        assert archive.namelist() == ["photos/0.jpg", "photos/2.jpg", NOTICE_NAME]
        assert archive.testzip() is None
    assert world.upload_count() == 0


def test_an_object_that_changes_fails_a_job_that_wants_all_or_nothing(world: World) -> None:
    assets = world.add_files(files_of(10, 2 * PART))
    job = world.submit(assets, on_missing=OnMissing.FAIL)

    world.work_off(world.context(store=change_while_read(world, assets[1].key)))

    assert world.job(job.job_id).error_code == "changed_during_build"
    assert (world.archive_count(), world.upload_count()) == (0, 0)


def let_lease_run_out(world: World) -> None:
    """The worker is dead and its lease's time has passed."""
    with world.database.session() as session:
        for model in (BulkDownloadJob, BulkDownloadRange):
            session.execute(sa.update(model).where(model.lease_until.is_not(None)).values(lease_until=0, resend_at=0))
        session.commit()


def test_a_worker_that_dies_in_mid_transfer_is_resumed_behind_its_checkpoint(world: World) -> None:
    files = files_of(*[PART] * 12)
    job = world.submit(world.add_files(files))
    worker = Mortal(world)

    def die_after_a_checkpoint(upload: Any, number: int, body: Any, **more: Any) -> Any:
        if number > 5:
            wait_until(lambda: saved_parts(world), what="a checkpoint")
            worker.die()
        return world.store.put_part(upload, number, body, **more)

    with pytest.raises(Died):
        world.work_off(worker.context(put_part=die_after_a_checkpoint))
    kept = saved_parts(world)
    let_lease_run_out(world)
    again: list[int] = []

    def note(upload: Any, number: int, body: Any, **more: Any) -> Any:
        again.append(number)
        return world.store.put_part(upload, number, body, **more)

    sweep.requeue_stalled(world.context())
    world.work_off(world.context(store=Saboteur(world.store, put_part=note)))

    assert kept
    assert not set(kept) & set(again)
    assert world.job(job.job_id).status is JobStatus.COMPLETE
    with world.archive(job.job_id) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert world.upload_count() == 0


def saved_parts(world: World) -> list[int]:
    with world.database.reader() as session:
        stored = sa.select(BulkDownloadPart.number).where(BulkDownloadPart.etag.is_not(None))
        return list(session.scalars(stored))


@pytest.mark.parametrize("method", ["head", "create_upload", "put_part", "list_parts", "complete_upload"])
def test_a_worker_that_dies_anywhere_leaves_a_job_that_ends_and_a_clean_bucket(world: World, method: str) -> None:
    files = files_of(10, 3 * PART)
    job = world.submit(world.add_files(files))
    worker, real = Mortal(world), getattr(world.store, method)

    def die_after_it(*args: Any, **more: Any) -> None:
        real(*args, **more)
        worker.die()

    with pytest.raises(Died):
        world.work_off(worker.context(**{method: die_after_it}))
    let_lease_run_out(world)
    sweep.requeue_stalled(world.context())
    world.work_off()

    assert world.job(job.job_id).status is JobStatus.COMPLETE
    with world.archive(job.job_id) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert world.archive_count() == 1
    assert world.upload_count() == 0


def test_a_completion_whose_answer_is_lost_is_believed_when_the_archive_stands(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    def lose_answer(*args: Any, **more: Any) -> Any:
        world.store.complete_upload(*args, **more)
        raise StorageUnavailable("the connection broke")

    world.work_off(world.context(store=Saboteur(world.store, complete_upload=lose_answer)))

    assert world.job(job.job_id).status is JobStatus.COMPLETE
    assert world.archive_count() == 1


def test_an_archive_that_is_not_what_was_planned_fails_and_is_deleted(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    def spoil(upload: Any, parts: Any, **more: Any) -> Any:
        world.store.complete_upload(upload, parts, **more)
        content = bytearray(world.store.content(upload.bucket, upload.key))
        content[-1] ^= 1
        info = world.store.head(upload.bucket, upload.key)
        again = world.store.create_upload(
            upload.bucket, upload.key, file_name="x", content_type="x", metadata=info.metadata
        )
        part = world.store.put_part(again, 1, [bytes(content)])
        world.store.complete_upload(again, [part], size=len(content), crc32=zlib.crc32(content))

    world.work_off(world.context(store=Saboteur(world.store, complete_upload=spoil)))

    assert world.job(job.job_id).error_code == "archive_verification_failed"
    assert world.archive_count() == 0


def test_an_upload_that_was_taken_away_is_planned_anew(world: World) -> None:
    files = files_of(10, 2 * PART)
    job = world.submit(world.add_files(files))
    taken: list[Any] = []

    def take_away(upload: Any, number: int, body: Any, **more: Any) -> Any:
        if not taken:
            taken.append(upload)
            world.store.abort_upload(upload)
        return world.store.put_part(upload, number, body, **more)

    world.work_off(world.context(store=Saboteur(world.store, put_part=take_away)))

    assert world.job(job.job_id).status is JobStatus.COMPLETE
    assert world.job(job.job_id).skipped == ()


def test_a_job_waits_for_a_store_that_is_away_and_goes_on_when_it_is_back(
    database: Database, redis_client: redis.Redis
) -> None:
    world = World(database, redis_client, max_attempts=1)
    files = files_of(10, 2 * PART)
    job = world.submit(world.add_files(files))

    def away(*args: Any, **more: Any) -> Any:
        raise StorageUnavailable("connection refused")

    for _ in range(3):
        world.work_off(world.context(store=Saboteur(world.store, head=away, read_into=away, put_part=away)))
        let_lease_run_out(world)
        make_due(world)
        sweep.requeue_stalled(world.context())
    assert world.job(job.job_id).status is JobStatus.PROCESSING
    world.work_off()

    assert world.job(job.job_id).status is JobStatus.COMPLETE


def make_due(world: World) -> None:
    with world.database.session() as session:
        session.execute(sa.update(BulkDownloadJob).values(resend_at=0))
        session.execute(sa.update(BulkDownloadRange).values(resend_at=0))
        session.commit()


def test_one_object_that_never_answers_is_left_out_after_a_few_claims(world: World) -> None:
    assets = world.add_files(files_of(10, 20))
    job = world.submit(assets)

    def stuck(version: ObjectVersion, offset: int, target: memoryview) -> int:
        if version.key == assets[1].key:
            raise StorageUnavailable("timed out")
        return int(world.store.read_into(version, offset, target))

    ctx = world.context(store=Saboteur(world.store, read_into=stuck))
    for _ in range(4):
        world.work_off(ctx)
        make_due(world)
        sweep.requeue_stalled(ctx)
    world.work_off(ctx)

    done = world.job(job.job_id)
    assert done.status is JobStatus.COMPLETE
    assert [(item.asset_id, item.reason) for item in done.skipped] == [(assets[1].id, SkipReason.READ_ERROR)]


def test_a_store_that_refuses_fails_the_job_after_its_attempts(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    def refuse(*args: Any, **more: Any) -> Any:
        raise StorageRefused("no such bucket")

    for _ in range(world.settings.max_attempts + 1):
        world.work_off(world.context(store=Saboteur(world.store, create_upload=refuse)))
        make_due(world)
        sweep.requeue_stalled(world.context())

    assert world.job(job.job_id).error_code == "storage_refused"


def test_a_job_that_kills_its_worker_each_time_ends(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    for _ in range(world.settings.max_attempts):
        worker = Mortal(world)
        with pytest.raises(Died):
            world.work_off(worker.context(read_into=lambda *args, worker=worker: worker.die()))
        let_lease_run_out(world)
        sweep.requeue_stalled(world.context())
    world.work_off()

    done = world.job(job.job_id)
    assert (done.status, done.error_code) == (JobStatus.FAILED, "too_many_attempts")
    assert world.upload_count() == 0


def test_a_defect_goes_to_the_queue_and_leaves_the_work_free(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    def defect(*args: Any, **more: Any) -> Any:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError):
        world.work_off(world.context(store=Saboteur(world.store, create_upload=defect)))
    world.carry_out(world.context(), PLAN_DOWNLOAD, job.job_id)

    assert world.job(job.job_id).status is JobStatus.COMPLETE


def test_a_stopping_worker_hands_its_work_back_without_an_attempt(world: World) -> None:
    files = files_of(*[PART] * 6)
    job = world.submit(world.add_files(files))
    ctx = world.context()

    def stop(upload: Any, number: int, body: Any, **more: Any) -> Any:
        if ctx.stopping.is_set():
            time.sleep(1.0)  # a store that is slow enough for the stop to be seen in between
        ctx.stopping.set()
        return world.store.put_part(upload, number, body, **more)

    world.carry_out(
        world.context(store=Saboteur(world.store, put_part=stop), stopping=ctx.stopping), *world.messages()[0]
    )

    assert world.messages() == [(TRANSFER_RANGE, job.job_id, 0)]
    with world.database.reader() as session:
        [work] = session.scalars(sa.select(BulkDownloadRange)).all()
    assert (work.attempts, work.lease_until) == (0, None)
    world.carry_out(world.context(), TRANSFER_RANGE, job.job_id, 0)
    world.work_off()
    assert world.job(job.job_id).status is JobStatus.COMPLETE


def test_cancelling_in_mid_transfer_stops_it_and_leaves_nothing(world: World) -> None:
    job = world.submit(world.add_files(files_of(*[PART] * 40)))
    listener = world.redis.pubsub()
    listener.subscribe(events_channel(world.redis, "bulkdl", "ann"))
    cancelled: list[Any] = []

    def cancel_once(upload: Any, number: int, body: Any, **more: Any) -> Any:
        if not cancelled:
            cancelled.append(cancel(world.context(), world.ann, job.job_id))
        return world.store.put_part(upload, number, body, **more)

    world.work_off(world.context(store=Saboteur(world.store, put_part=cancel_once)))

    assert world.job(job.job_id).status is JobStatus.CANCELLED
    assert (world.archive_count(), world.upload_count()) == (0, 0)
    assert count_events(listener, b"bulk-download:cancelled") == 1


def test_cancelling_a_pending_job_means_that_no_worker_begins(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    cancel(world.context(), world.ann, job.job_id)
    world.work_off()

    assert world.job(job.job_id).status is JobStatus.CANCELLED
    assert (world.archive_count(), world.upload_count()) == (0, 0)


def test_cancelling_between_completion_and_its_record_deletes_the_archive(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))

    def complete_then_cancel(*args: Any, **more: Any) -> None:
        world.store.complete_upload(*args, **more)
        cancel(world.context(), world.ann, job.job_id)

    world.work_off(world.context(store=Saboteur(world.store, complete_upload=complete_then_cancel)))

    assert world.job(job.job_id).status is JobStatus.CANCELLED
    assert world.archive_count() == 0


def test_deleting_a_complete_job_deletes_its_archive_and_may_be_repeated(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))
    world.work_off()

    for _ in range(2):
        cancel(world.context(), world.ann, job.job_id)

    assert world.job(job.job_id).status is JobStatus.CANCELLED
    assert world.job(job.job_id).download_url is None
    assert world.archive_count() == 0


def test_an_archive_expires_at_its_time_and_is_deleted(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))
    world.work_off()
    assert sweep.expire_archives(world.context()) == 0
    with world.database.session() as session:
        session.execute(sa.text("UPDATE bulk_download_jobs SET expires_at = created_at"))
        session.commit()

    assert sweep.expire_archives(world.context()) == 1

    assert world.job(job.job_id).status is JobStatus.EXPIRED
    assert world.archive_count() == 0


def test_an_end_that_nobody_heard_of_is_told_by_the_sweep(world: World) -> None:
    job = world.submit(world.add_files(files_of(10)))
    deaf = world.context()
    world.work_off(type(deaf)(**{**fields_of(deaf), "publisher": Mute()}))
    with world.database.session() as session:
        session.execute(sa.update(BulkDownloadJob).values(finished_at=BulkDownloadJob.created_at))
        session.commit()
    listener = world.redis.pubsub()
    listener.subscribe(events_channel(world.redis, "bulkdl", "ann"))
    lately(world)

    sweep.announce_ends(world.context())
    sweep.announce_ends(world.context())

    assert world.job(job.job_id).status is JobStatus.COMPLETE
    assert count_events(listener, b"bulk-download:complete") == 1


def lately(world: World) -> None:
    """The job ended some seconds ago."""
    with world.database.session() as session:
        session.execute(sa.update(BulkDownloadJob).values(finished_at=utc_now() - timedelta(seconds=10)))
        session.commit()


def fields_of(context: Any) -> dict[str, Any]:
    return {name: getattr(context, name) for name in context.__slots__}


class Mute:
    """A publisher whose Redis is away."""

    def progress(self, update: Any) -> None:
        """Nobody hears it."""

    def announce(self, event: Any) -> bool:
        return False


def test_checksums_learnt_once_are_known_for_the_next_archive(database: Database, redis_client: redis.Redis) -> None:
    world = World(database, redis_client, store=MemoryStore(min_part_size=1, provider=GENERIC))
    assets = world.add_files(files_of(3 * PART))
    first, second = world.submit(assets), world.submit(assets)
    world.work_off()

    with database.reader() as session:
        kept = session.execute(sa.text("SELECT count(*) FROM object_checksums")).scalar_one()

    assert kept == 1
    assert world.archive_bytes(first.job_id) == world.archive_bytes(second.job_id)


@pytest.mark.parametrize("has_room", [True, False])
def test_who_planned_a_large_job_goes_on_with_it_where_nobody_is_kept_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch, has_room: bool
) -> None:
    monkeypatch.setattr("bulkdl.jobs.build.SMALL_SIZE", PART)
    job = world.submit(world.add_files(files_of(*[PART] * 3)))

    world.carry_out(world.context(has_room=lambda: has_room), *world.messages()[0])

    assert world.messages() == ([] if has_room else [(TRANSFER_RANGE, job.job_id, 0)])
    assert (world.job(job.job_id).status is JobStatus.COMPLETE) is has_room


def test_a_long_transfer_makes_room_for_others_and_goes_on_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(*[PART] * 40)
    job = world.submit(world.add_files(files))
    monkeypatch.setattr("bulkdl.jobs.transfer_step.TURN_S", 0.0)
    asked: list[str] = []

    def others_wait(job_id: str) -> bool:
        asked.append(job_id)
        return len(asked) == 1

    ctx = world.context(others_wait=others_wait)
    world.carry_out(ctx, *world.messages()[0])

    assert world.messages() == [(TRANSFER_RANGE, job.job_id, 0)]
    assert asked == [job.job_id]
    assert world.job(job.job_id).status is JobStatus.PROCESSING
    world.carry_out(ctx, TRANSFER_RANGE, job.job_id, 0)
    world.work_off()
    assert world.job(job.job_id).status is JobStatus.COMPLETE
    with world.archive(job.job_id) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
    with world.database.reader() as session:
        [work] = session.scalars(sa.select(BulkDownloadRange)).all()
    assert work.attempts == 1


def test_an_old_upload_that_no_job_wants_is_aborted_and_others_are_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_ORPHAN_AFTER", timedelta(seconds=-60))
    being_planned = world.submit(world.add_files(files_of(10)))
    orphan, own = (
        world.store.create_upload(
            "archives", f"bulk-downloads/{job_id}.zip", file_name="x", content_type="x", metadata={}
        )
        for job_id in ("nobody", being_planned.job_id)
    )
    elsewhere = world.store.create_upload("archives", "other/x.zip", file_name="x", content_type="x", metadata={})

    assert sweep.abort_orphans(world.context()) == 1

    left = {pending.upload.upload_id for pending in world.store.list_uploads("archives", "")}
    assert left == {own.upload_id, elsewhere.upload_id}
    assert orphan.upload_id not in left
