"""Leases, fences, transitions and the checkpoint, as both databases carry them out."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bulkdl.database import Database
from bulkdl.jobs.models import BulkDownloadJob, BulkDownloadRange
from bulkdl.jobs.status import JobStatus, SkipReason
from bulkdl.jobs.store import catalogue, checkpoint, leases, ledger, outcomes, records, stalled
from bulkdl.jobs.store.checkpoint import PlannedRange, SavedPart
from bulkdl.jobs.store.clock import utc_now
from bulkdl.jobs.store.leases import Claim
from bulkdl.storage import ObjectVersion
from tests.factories import make_asset, save_job

OWNER = "worker:test"


def claim_job(database: Database, job_id: str, lease_s: float = 60.0) -> Claim | None:
    with database.session() as session:
        claim = leases.claim_job(session, job_id, owner=OWNER, lease_s=lease_s)
        session.commit()
    return claim


def claim_range(database: Database, job_id: str, number: int = 0, lease_s: float = 60.0) -> Claim | None:
    with database.session() as session:
        claim = leases.claim_range(session, job_id, number, owner=OWNER, lease_s=lease_s)
        session.commit()
    return claim


def must(claim: Claim | None) -> Claim:
    assert claim is not None
    return claim


def plan(database: Database, claim: Claim, *, ranges: int = 1, plan_number: int = 1, upload_id: str = "up-1") -> bool:
    with database.session() as session:
        saved = checkpoint.save_plan(
            session,
            claim,
            upload_id=upload_id,
            part_size=10,
            file_count=1,
            bytes_total=1000,
            file_size=1100,
            ranges=[PlannedRange(1 + 10 * number, 10 + 10 * number) for number in range(ranges)],
            plan_number=plan_number,
        )
        session.commit()
    return saved


def status_of(database: Database, job_id: str) -> JobStatus:
    with database.reader() as session:
        job = records.get_job(session, job_id)
    assert job is not None
    return job.status


def test_who_is_suspended_in_a_transaction_does_not_hold_up_his_successor(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite waits for whoever holds its one lock")
    suspended, successor = Database(database_url, idle_timeout_s=0.3), Database(database_url)
    job = save_job(successor)
    try:
        with suspended.session() as session:
            assert leases.claim_job(session, job.id, owner="suspended", lease_s=60) is not None

            claim = claim_job(successor, job.id)

            with pytest.raises(sa.exc.InternalError):
                session.commit()
        assert claim is not None
        with successor.reader() as session:
            assert session.get_one(BulkDownloadJob, job.id).lease_owner == OWNER
    finally:
        suspended.close()
        successor.close()


def test_a_claim_makes_a_pending_job_processing_and_counts_the_attempt(database: Database) -> None:
    job = save_job(database)

    claim = must(claim_job(database, job.id))

    assert claim.attempts == 1
    assert status_of(database, job.id) is JobStatus.PROCESSING


def test_a_held_job_cannot_be_claimed(database: Database) -> None:
    job = save_job(database)
    claim_job(database, job.id)

    assert claim_job(database, job.id) is None


def test_of_many_claims_at_once_one_wins(database: Database) -> None:
    job = save_job(database)
    claims: list[Claim | None] = []
    barrier = threading.Barrier(6)

    def claim() -> None:
        barrier.wait()
        claims.append(claim_job(database, job.id))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claims) == 6
    assert sum(claim is not None for claim in claims) == 1


def test_an_expired_lease_is_claimed_with_a_greater_token(database: Database) -> None:
    job = save_job(database)
    first = must(claim_job(database, job.id, lease_s=0.05))
    time.sleep(0.06)  # the lease itself is what is waited for

    second = must(claim_job(database, job.id))

    assert second.token > first.token
    assert second.attempts == 2


def test_a_zombie_writes_nothing(database: Database) -> None:
    job = save_job(database)
    zombie = must(claim_job(database, job.id, lease_s=-1))
    must(claim_job(database, job.id))

    with database.session() as session:
        assert not leases.renew(session, zombie, lease_s=60)
        assert not leases.release(session, zombie, resend_in_s=0, attempt_counts=True)
        assert not outcomes.complete(session, zombie, expires_at=utc_now())
        session.commit()
    assert not plan(database, zombie)
    assert status_of(database, job.id) is JobStatus.PROCESSING


def test_cancelling_makes_every_claim_void(database: Database) -> None:
    job = save_job(database)
    claim = must(claim_job(database, job.id))
    plan(database, claim)
    work = must(claim_range(database, job.id))

    with database.session() as session:
        assert outcomes.cancel(session, job.id)
        session.commit()

    with database.session() as session:
        assert not leases.is_held(session, work)
        assert not checkpoint.save_parts(session, work, [], files_done=0, bytes_done=0, lease_s=60)
        assert not checkpoint.finish_range(session, work, files_done=1, bytes_done=1)
    assert claim_job(database, job.id) is None
    assert claim_range(database, job.id) is None


def test_a_result_beats_a_late_cancel_only_as_deletion(database: Database) -> None:
    job = save_job(database)
    claim = must(claim_job(database, job.id))

    with database.session() as session:
        assert outcomes.complete(session, claim, expires_at=utc_now() + timedelta(hours=1))
        assert not outcomes.complete(session, claim, expires_at=utc_now())
        assert not outcomes.fail(session, job.id, error="late", code="late")
        assert outcomes.cancel(session, job.id)
        assert not outcomes.cancel(session, job.id)
        session.commit()


def test_giving_back_returns_the_attempt_when_it_does_not_count(database: Database) -> None:
    job = save_job(database)
    with database.session() as session:
        leases.release(session, must(claim_job(database, job.id)), resend_in_s=0, attempt_counts=False)
        session.commit()

    assert must(claim_job(database, job.id)).attempts == 1


def test_a_lease_given_back_cannot_be_renewed_by_who_held_it(database: Database) -> None:
    """The thread that renews may be a moment late; nobody would do the work until its lease had run out."""
    job = save_job(database)
    claim = must(claim_job(database, job.id))
    plan(database, claim)
    of_range = must(claim_range(database, job.id))
    with database.session() as session:
        assert leases.release(session, of_range, resend_in_s=0, attempt_counts=False)

        assert not leases.renew(session, claim, lease_s=60)
        assert not leases.renew(session, of_range, lease_s=60)
        session.commit()

    assert must(claim_job(database, job.id)).token == claim.token + 1
    assert must(claim_range(database, job.id)).token == of_range.token + 1


def test_attempts_are_counted_anew_once_the_work_moves_on(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)))
    first = must(claim_range(database, job.id, lease_s=-1))
    second = must(claim_range(database, job.id, lease_s=60))
    with database.session() as session:
        assert checkpoint.save_parts(session, second, [], files_done=0, bytes_done=0, lease_s=-1)
        session.commit()
    third = must(claim_range(database, job.id))
    with database.session() as session:
        part = SavedPart(1, '"etag"', b"")
        assert checkpoint.save_parts(session, third, [part], files_done=0, bytes_done=10, lease_s=-1)
        session.commit()

    fourth = must(claim_range(database, job.id))

    assert [claim.attempts for claim in (first, second, third, fourth)] == [1, 2, 3, 2]


def test_seq_grows_with_every_change_even_when_the_clock_goes_back(database: Database) -> None:
    far_ahead = 10**15
    job = save_job(database, seq=far_ahead)

    claim_job(database, job.id)

    with database.reader() as session:
        changed = records.get_job(session, job.id)
    assert changed is not None
    assert changed.seq == far_ahead + 1


def test_ranges_of_an_older_plan_are_fenced_from_those_of_a_newer_one(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)))
    zombie = must(claim_range(database, job.id))
    with database.session() as session:
        assert checkpoint.void_plan(session, job.id, "up-1")
        session.commit()
    plan(database, must(claim_job(database, job.id)), plan_number=2, upload_id="up-2")
    claim_range(database, job.id)

    with database.session() as session:
        saved = checkpoint.save_parts(
            session, zombie, [SavedPart(1, '"a"', b"")], files_done=0, bytes_done=0, lease_s=60
        )
        session.commit()

    assert not saved
    with database.reader() as session:
        assert checkpoint.parts_of(session, job.id) == []


def test_a_checkpointed_part_is_replaced_by_a_later_one(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)))
    work = must(claim_range(database, job.id))
    late, stored = SavedPart(1, None, b"\1\0\0\0"), SavedPart(1, '"etag"', b"\1\0\0\0")

    for part in (late, stored):
        with database.session() as session:
            assert checkpoint.save_parts(session, work, [part], files_done=1, bytes_done=10, lease_s=60)
            session.commit()

    with database.reader() as session:
        assert checkpoint.parts_of(session, job.id) == [stored]
        assert records.done_by_job(session, [job.id]) == {job.id: (1, 10)}


def test_all_ranges_are_done_when_each_is_marked_however_often(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)), ranges=2)
    first, second = must(claim_range(database, job.id, 0)), must(claim_range(database, job.id, 1))

    with database.session() as session:
        assert checkpoint.finish_range(session, first, files_done=1, bytes_done=1)
        assert not checkpoint.finish_range(session, first, files_done=1, bytes_done=1)
        session.commit()
        assert not checkpoint.all_ranges_done(session, job.id)
        assert checkpoint.finish_range(session, second, files_done=0, bytes_done=1)
        session.commit()

        assert checkpoint.all_ranges_done(session, job.id)
    assert claim_range(database, job.id, 0) is None


def test_a_job_whose_message_was_never_sent_is_due_at_once(database: Database) -> None:
    job = save_job(database)

    with database.reader() as session:
        assert stalled.jobs_to_plan(session) == [(job.id, 0)]


def test_a_job_whose_message_is_on_its_way_is_not_due_until_the_queue_lost_it(database: Database) -> None:
    job = save_job(database)
    with database.session() as session:
        leases.note_sent(session, job.id, None, sends=1)
        session.commit()
        assert stalled.jobs_to_plan(session) == []

        stalled.make_all_due(session)
        session.commit()

        assert stalled.jobs_to_plan(session) == [(job.id, 0)]


def test_dead_work_is_due_when_its_lease_has_run_out_and_not_before(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)))
    must(claim_range(database, job.id, lease_s=60))
    with database.session() as session:
        assert stalled.ranges_to_transfer(session) == []

        session.execute(sa.update(BulkDownloadRange).values(lease_until=BulkDownloadRange.lease_until - 120))
        session.commit()

        assert stalled.ranges_to_transfer(session) == [(job.id, 0, 0)]


def test_work_that_died_twice_together_is_not_due_together(database: Database) -> None:
    jobs = [save_job(database) for _ in range(8)]
    for _ in range(2):
        for job in jobs:
            must(claim_job(database, job.id, lease_s=-1))

    with database.reader() as session:
        due = list(session.scalars(sa.select(BulkDownloadJob.resend_at - BulkDownloadJob.lease_until)))

    assert min(due) >= 0
    assert max(due) <= leases.APART_S
    assert max(due) - min(due) > 0.1


def test_a_planned_job_with_every_range_done_is_to_be_finished(database: Database) -> None:
    job = save_job(database)
    plan(database, must(claim_job(database, job.id)))
    with database.session() as session:
        session.execute(sa.update(BulkDownloadJob).values(resend_at=0))
        session.commit()
        assert stalled.jobs_to_finish(session) == []

    with database.session() as session:
        checkpoint.finish_range(session, must(claim_range(database, job.id)), files_done=1, bytes_done=1)
        session.commit()

    with database.reader() as session:
        assert stalled.jobs_to_finish(session) == [(job.id, 0)]
        assert stalled.jobs_to_plan(session) == []


def test_every_item_of_an_object_that_cannot_be_read_is_skipped_once(database: Database) -> None:
    job = save_job(database, items=3)
    with database.session() as session:
        session.execute(sa.text("UPDATE bulk_download_items SET \"key\" = 'same' WHERE position < 2"))
        session.commit()

        assert ledger.skip_object(session, job.id, "media", "same", SkipReason.READ_ERROR) == 2
        assert ledger.skip_object(session, job.id, "media", "same", SkipReason.READ_ERROR) == 0
        session.commit()

    with database.reader() as session:
        assert [item.reason for item in ledger.items_of(session, job.id)] == ["read_error", "read_error", None]


def test_checksums_are_found_again_for_the_same_version_only(database: Database) -> None:
    version = ObjectVersion(bucket="media", key="a", size=10, etag='"1"')
    other = ObjectVersion(bucket="media", key="a", size=10, etag='"2"')
    with database.session() as session:
        ledger.remember_checksums(session, [(version, 0xFFFFFFFF)])
        ledger.remember_checksums(session, [(version, 0xFFFFFFFF)])
        session.commit()

    with database.reader() as session:
        assert ledger.known_checksums(session, [version, other]) == {version: 0xFFFFFFFF}


def test_pages_of_assets_leave_nothing_out_and_repeat_nothing(database: Database) -> None:
    with database.session() as session:
        catalogue.save_assets(session, [make_asset(id=f"{n:02}", name=f"{n // 3}.jpg") for n in range(10)])
        session.commit()

        seen, after = [], None
        while page := catalogue.page_of_assets(session, "demo", after=after, limit=3):
            seen += [asset.id for asset in page]
            after = (page[-1].name, page[-1].id)

    assert seen == [f"{n:02}" for n in range(10)]


def test_a_search_takes_its_wildcards_literally(database: Database) -> None:
    with database.session() as session:
        catalogue.save_assets(session, [make_asset(name="100%_sure.jpg"), make_asset(name="100 sure.jpg")])
        session.commit()

        found = catalogue.page_of_assets(session, "demo", after=None, limit=9, search="%_S")

    assert [asset.name for asset in found] == ["100%_sure.jpg"]


def test_only_what_left_nothing_behind_is_purged(database: Database) -> None:
    long_ago = utc_now() - timedelta(days=90)
    gone = save_job(database, status=JobStatus.FAILED, finished_at=long_ago, cleaned_at=long_ago)
    dirty = save_job(database, status=JobStatus.FAILED, finished_at=long_ago)
    standing = save_job(database, status=JobStatus.COMPLETE, finished_at=long_ago, cleaned_at=long_ago)

    with database.session() as session:
        assert stalled.purge(session, ended_before=utc_now() - timedelta(days=30)) == 1
        session.commit()

    with database.reader() as session:
        assert records.get_job(session, gone.id) is None
        assert list(ledger.items_of(session, gone.id)) == []
        assert records.get_job(session, dirty.id) is not None
        assert records.get_job(session, standing.id) is not None
