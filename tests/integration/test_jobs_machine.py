"""The life of jobs against a model of it: whatever happens, and in whatever order, every job ends as it should."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bulkdl.broker import FINISH_DOWNLOAD, PLAN_DOWNLOAD, TRANSFER_RANGE
from bulkdl.database import Database
from bulkdl.events.scripts import events_channel
from bulkdl.jobs import sweep
from bulkdl.jobs.cancel import cancel
from bulkdl.jobs.catalogue import asset_id_of
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import ItemOutcome, JobStatus, OnMissing
from bulkdl.jobs.store.clock import utc_now
from bulkdl.storage.memory import MemoryStore
from bulkdl.transfer import Transfer
from tests.factories import PROJECT
from tests.faults.oracle import archive_of, notice_in
from tests.jobs_world import PART, World, some_bytes

SIZES = (0, 10, PART // 2, PART, 2 * PART + 7, 3 * PART)
ENDS = {"bulk-download:complete", "bulk-download:failed", "bulk-download:cancelled"}
LATER = {JobStatus.COMPLETE: {JobStatus.EXPIRED, JobStatus.CANCELLED}}

calls = st.integers(0, 40)
choices = st.integers(0, 1000)


class Died(Exception):
    """Stands for a process that ends here: from now on it reaches nothing."""


class Fate:
    """What happens at one call that a worker makes to the store, the database or the queue, counted over all."""

    def __init__(self, at: int, *, after: bool, act: Callable[[], None] | None) -> None:
        self._left = at
        self._after = after
        self._act = act
        self._lock = threading.Lock()
        self.is_dead = False

    def guard(self, inner: Any) -> Any:
        """The same thing as this worker reaches it."""
        fate = self

        class Guarded:
            def __getattr__(self, name: str) -> Any:
                value = getattr(inner, name)
                return fate.guarded(value) if callable(value) else value

        return Guarded()

    def guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, and perhaps the fate."""

        def call(*args: Any, **more: Any) -> Any:
            if self.is_dead:
                raise Died
            # A lease is renewed by the clock, which is not to decide where fate strikes.
            is_now = not threading.current_thread().name.startswith("lease-") and self._is_now()
            if is_now and not self._after:
                self._strike()
            result = function(*args, **more)
            if is_now and self._after:
                self._strike()
            return result

        return call

    def _is_now(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == -1

    def _strike(self) -> None:
        if self._act is not None:
            self._act()
            return
        self.is_dead = True
        raise Died


@dataclasses.dataclass
class Expected:
    """What the model knows of a job."""

    names: set[str]
    policy: OnMissing
    is_cancelled: bool = False
    touched: set[str] = dataclasses.field(default_factory=set)
    """Files that were missing, or changed, before the job ended."""
    status: JobStatus = JobStatus.PENDING
    seq: int = 0
    percent: int = 0
    announced: set[str] = dataclasses.field(default_factory=set)


class JobsMachine(RuleBasedStateMachine):
    """One service; the rules are what people, workers, the queue and the world do to it."""

    def __init__(self, database: Database, client: redis.Redis) -> None:
        super().__init__()
        self.world = World(database, client, store=MemoryStore(min_part_size=1), range_size=2 * PART)
        with database.session() as session:
            session.execute(sa.delete(BulkDownloadJob))
            session.commit()
        client.flushdb()
        self.listener = client.pubsub()
        self.listener.subscribe(events_channel(client, "bulkdl", "ann"))
        self.jobs: dict[str, Expected] = {}
        self.queue: list[tuple[Any, ...]] = []
        self.present: dict[str, bool] = {}
        self.versions: dict[tuple[str, str], bytes] = {}
        """Content by key and ETag, of every version that ever was."""
        self.deaths = 0
        self.assets = {
            asset.name: asset
            for asset in self.world.add_files({f"{n}.jpg": some_bytes(size, str(n)) for n, size in enumerate(SIZES)})
        }
        for name in self.assets:
            self._remember(name)

    # --- people ---

    @rule(names=st.sets(st.integers(0, len(SIZES) - 1), min_size=1), policy=st.sampled_from(OnMissing))
    def submit(self, names: set[int], policy: OnMissing) -> None:
        if sum(not expected.status.is_final for expected in self.jobs.values()) >= 4:
            return
        wanted = {f"{number}.jpg" for number in names}
        job = self.world.submit([self.assets[name] for name in sorted(wanted)], on_missing=policy)
        missing = {name for name in wanted if not self.present[name]}
        self.jobs[job.job_id] = Expected(wanted, policy, touched=missing)

    @precondition(lambda self: self.jobs)
    @rule(which=choices)
    def cancel(self, which: int) -> None:
        self._cancel(self._pick(which))

    # --- workers and the queue ---

    @precondition(lambda self: self._messages())
    @rule(which=choices, again=st.booleans())
    def deliver(self, which: int, again: bool) -> None:
        """In any order, and perhaps not for the last time."""
        self._carry_out(self._take(which, again))

    @precondition(lambda self: self._messages())
    @rule(which=choices, at=calls, after=st.booleans())
    def deliver_to_one_that_dies(self, which: int, at: int, after: bool) -> None:
        self._carry_out(self._take(which, False), Fate(at, after=after, act=None))

    @precondition(lambda self: self._messages())
    @rule(which=choices, at=calls, after=st.booleans())
    def deliver_to_one_that_is_overtaken(self, which: int, at: int, after: bool) -> None:
        """In the middle of it the lease runs out and others do all that there is; then it goes on: a zombie."""
        self._carry_out(self._take(which, False), Fate(at, after=after, act=self._work_off))

    @precondition(lambda self: self._messages())
    @rule(which=choices, at=calls, victim=choices)
    def deliver_and_cancel_meanwhile(self, which: int, at: int, victim: int) -> None:
        self._carry_out(self._take(which, False), Fate(at, after=False, act=lambda: self._cancel(self._pick(victim))))

    @precondition(lambda self: self._messages())
    @rule(which=choices, at=calls, name=st.integers(0, len(SIZES) - 1), deletes=st.booleans())
    def deliver_and_change_a_file_meanwhile(self, which: int, at: int, name: int, deletes: bool) -> None:
        act = self.delete if deletes else self.overwrite
        self._carry_out(self._take(which, False), Fate(at, after=False, act=lambda: act(name)))

    @precondition(lambda self: self._messages())
    @rule(which=choices)
    def lose_a_message(self, which: int) -> None:
        self._take(which, False)

    @precondition(lambda self: self.jobs)
    @rule(
        which=choices, name=st.sampled_from((PLAN_DOWNLOAD, FINISH_DOWNLOAD, TRANSFER_RANGE)), number=st.integers(0, 4)
    )
    def send_what_nobody_needs(self, which: int, name: str, number: int) -> None:
        self.queue.append((name, self._pick(which), *((number,) if name == TRANSFER_RANGE else ())))

    @rule()
    def empty_redis(self) -> None:
        self._hear()
        self.world.redis.flushdb()
        self._messages().clear()
        sweep.requeue_all(self.world.context())

    # --- the world ---

    @rule(name=st.integers(0, len(SIZES) - 1))
    def overwrite(self, name: int) -> None:
        self._touch(name)
        content = some_bytes(SIZES[name], f"{name}/{len(self.versions)}")
        self.world.add_files({f"{name}.jpg": content})
        self._remember(f"{name}.jpg")

    @rule(name=st.integers(0, len(SIZES) - 1))
    def delete(self, name: int) -> None:
        self._touch(name)
        self.world.store.delete("media", self.assets[f"{name}.jpg"].key)
        self.present[f"{name}.jpg"] = False

    # --- time ---

    @rule()
    def leases_run_out(self) -> None:
        with self.world.database.session() as session:
            for model in (BulkDownloadJob, BulkDownloadRange):
                session.execute(sa.update(model).where(model.lease_until.is_not(None)).values(lease_until=0))
                session.execute(sa.update(model).values(resend_at=0))
            session.commit()

    @rule()
    def sweep_for_stalled_work(self) -> None:
        sweep.requeue_stalled(self.world.context())

    @rule()
    def archives_expire(self) -> None:
        with self.world.database.session() as session:
            session.execute(sa.update(BulkDownloadJob).values(expires_at=utc_now() - timedelta(seconds=1)))
            session.commit()
        sweep.expire_archives(self.world.context())

    @rule()
    def sweep_what_has_ended(self) -> None:
        self._let_ends_age()
        sweep.announce_ends(self.world.context())
        sweep.clean_ended(self.world.context())

    # --- what holds all the time ---

    @invariant()
    def holds(self) -> None:
        """No step that may not be, and every complete job has its archive."""
        for job_id, expected in self.jobs.items():
            now = self.world.job(job_id)
            if expected.status.is_final and now.status is not expected.status:
                assert now.status in LATER.get(expected.status, set()), f"{expected.status} became {now.status}"
            assert not (expected.is_cancelled and now.status is not JobStatus.CANCELLED), f"cancelled, and {now.status}"
            assert now.seq >= expected.seq, f"seq went back from {expected.seq} to {now.seq}"
            assert now.percent < 100 or now.status in (JobStatus.COMPLETE, JobStatus.EXPIRED)
            expected.status, expected.seq = now.status, now.seq
            if expected.status is JobStatus.COMPLETE:
                self._check_archive(job_id, expected)

    def teardown(self) -> None:
        """Let everything end, and look at what is left."""
        for _ in range(30):
            self._work_off()
            self.holds()
            if all(expected.status.is_final for expected in self.jobs.values()):
                break
        self.sweep_what_has_ended()
        self._hear()
        self._messages().clear()
        for job_id, expected in self.jobs.items():
            assert expected.status.is_final, f"{job_id} is {expected.status} for ever"
            self._check_end(expected)
        complete = sum(expected.status is JobStatus.COMPLETE for expected in self.jobs.values())
        assert (self.world.archive_count(), self.world.upload_count()) == (complete, 0)
        self.listener.close()

    def _check_end(self, expected: Expected) -> None:
        if expected.status is JobStatus.FAILED:
            may_fail = expected.policy is OnMissing.FAIL and expected.names & expected.touched
            has_nothing = expected.names <= expected.touched
            assert may_fail or has_nothing or self.deaths >= self.world.settings.max_attempts, "it failed for no reason"
        if expected.status is JobStatus.EXPIRED:
            # Here an archive may expire before anybody could be told of it.
            assert expected.announced <= {"bulk-download:complete"}, expected.announced
            return
        wanted = expected.status.value
        assert f"bulk-download:{wanted}" in expected.announced, f"{expected.status}, and told {expected.announced}"
        others = expected.announced - {f"bulk-download:{wanted}"}
        assert others <= {"bulk-download:complete"}, f"told {expected.announced}"

    def _check_archive(self, job_id: str, expected: Expected) -> None:
        with self.world.database.reader() as session:
            job = session.get_one(BulkDownloadJob, job_id)
            query = sa.select(BulkDownloadItem).where(BulkDownloadItem.job_id == job_id)
            items = session.scalars(query.order_by(BulkDownloadItem.position)).all()
        skipped = [item for item in items if item.outcome is ItemOutcome.SKIPPED]
        kept = [item for item in items if item.outcome is not ItemOutcome.SKIPPED]
        assert {item.name for item in items} == expected.names
        assert {item.name for item in skipped} <= expected.touched, "a file that nobody touched is left out"
        found = self.world.archive_bytes(job_id)
        entries = [(item.name, self.versions[item.key, item.etag or ""], item.modified_at) for item in kept]
        if skipped:
            notice = notice_in(found)
            assert all(item.name in notice.decode("utf-8-sig") for item in skipped)
            entries.append(("_skipped_files.txt", notice, job.created_at))
        assert found == archive_of(entries)

    # --- helpers ---

    def _pick(self, which: int) -> str:
        return list(self.jobs)[which % len(self.jobs)]

    def _messages(self) -> list[tuple[Any, ...]]:
        self.queue += self.world.messages()
        return self.queue

    def _take(self, which: int, again: bool) -> tuple[Any, ...]:
        messages = self._messages()
        message = messages[which % len(messages)]
        if not again:
            messages.remove(message)
        return message

    def _carry_out(self, message: tuple[Any, ...], fate: Fate | None = None) -> None:
        fate = fate or Fate(-2, after=False, act=None)
        context = self._worker(fate)
        try:
            self.world.carry_out(context, *message)
        except Died:
            self.deaths += 1
        finally:
            context.require_transfer().close()

    def _worker(self, fate: Fate) -> JobContext:
        store = fate.guard(self.world.store)
        return dataclasses.replace(
            self.world.context(),
            store=store,
            database=fate.guard(self.world.database),
            broker=fate.guard(self.world.broker),
            transfer=Transfer(store, concurrency=1, max_concurrency=1, buffer_bytes=32 * PART),
        )

    def _work_off(self) -> None:
        """The leases of whoever is at work run out, and others do everything."""
        self.leases_run_out()
        self.sweep_for_stalled_work()
        while messages := self._messages():
            self._carry_out(messages.pop(0))

    def _cancel(self, job_id: str) -> None:
        before = self.world.job(job_id).status
        cancel(self.world.context(), self.world.ann, job_id)
        if before not in (JobStatus.FAILED, JobStatus.EXPIRED):
            # Unless it failed or was complete and expired in the same instant, which nothing does here.
            self.jobs[job_id].is_cancelled = self.world.job(job_id).status is JobStatus.CANCELLED
            assert self.jobs[job_id].is_cancelled, f"a {before} job was cancelled and is not"

    def _touch(self, name: int) -> None:
        for expected in self.jobs.values():
            expected.touched.add(f"{name}.jpg")

    def _remember(self, name: str) -> None:
        key = self.assets[name].key
        version = self.world.store.head("media", key).version
        self.versions[key, version.etag] = self.world.store.content("media", key)
        self.present[name] = True
        assert self.assets[name].id == asset_id_of(PROJECT, "media", key)

    def _let_ends_age(self) -> None:
        with self.world.database.session() as session:
            long_ago = utc_now() - timedelta(minutes=5)
            ended = BulkDownloadJob.finished_at.is_not(None)
            session.execute(sa.update(BulkDownloadJob).where(ended).values(finished_at=long_ago))
            session.commit()

    def _hear(self) -> None:
        while (message := self.listener.get_message(timeout=0.05)) is not None:
            if message["type"] == "message":
                event = json.loads(message["data"])
                if event["event"] in ENDS:
                    self.jobs[event["data"]["jobId"]].announced.add(event["event"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_job_ends_as_it_should_whatever_happens(database: Database, redis_client: redis.Redis) -> None:
    run_state_machine_as_test(
        lambda: JobsMachine(database, redis_client),
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
