"""What must hold after every trial, whatever was broken in it (docs/reliability.md, I1 to I6)."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bulkdl.jobs.models import BulkDownloadItem, BulkDownloadJob
from bulkdl.jobs.status import ItemOutcome, JobStatus
from tests.faults.oracle import archive_of, notice_in
from tests.faults.system import JWT_SECRET, PREFIX, System
from tests.faults.trials import Plan

MEMORY_BOUND = 256 * 1024**2
NOTICE = "_skipped_files.txt"
_SECRETS = (
    re.compile(r"X-Amz-Signature=[0-9a-f]{16}", re.IGNORECASE),
    re.compile(r"AWS4-HMAC-SHA256 Credential"),
    re.compile(r"Bearer [A-Za-z0-9_-]{10}"),
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\."),
    re.compile(r"[?&]ticket=[A-Za-z0-9_-]{16}"),
)


class Broken(AssertionError):
    """An invariant does not hold."""


def wait_for_ends(system: System, job_ids: Iterable[str], timeout_s: float) -> None:
    """I1: every accepted job ends."""
    wanted = set(job_ids)
    deadline = time.monotonic() + timeout_s
    while left := wanted - _ended(system, wanted):
        if time.monotonic() > deadline:
            raise Broken(f"I1: after {timeout_s:g} s not ended: {[_describe(system, job_id) for job_id in left]}")
        time.sleep(0.05)


def check_archives(system: System, job_ids: Iterable[str]) -> None:
    """I2: one archive for a complete job, none for any other, byte for byte as zipfile writes it."""
    keys = system.archive_keys()
    for job_id in job_ids:
        job, items = _read(system, job_id)
        mine = [key for key in keys if job_id in key]
        wanted = [f"{PREFIX}{job_id}.zip"] if job.status is JobStatus.COMPLETE else []
        if mine != wanted:
            raise Broken(f"I2: job {job_id} is {job.status} and has the objects {mine}")
        if wanted:
            _check_archive(system, job, items)


def _check_archive(system: System, job: BulkDownloadJob, items: list[BulkDownloadItem]) -> None:
    found = system.archive(job.id)
    kept = [item for item in items if item.outcome in (ItemOutcome.INCLUDED, ItemOutcome.RENAMED)]
    skipped = [item for item in items if item.outcome is ItemOutcome.SKIPPED]
    if len(kept) + len(skipped) != job.total:
        raise Broken(f"I2: {job.total} files were asked for; {len(kept)} are kept and {len(skipped)} skipped")
    entries: list[tuple[str, bytes, datetime]] = []
    for item in kept:
        version = system.library.versions.get((item.key, item.etag or ""))
        if version is None:
            raise Broken(f"I2: {item.name} is said to be a version that never was: {item.etag}")
        entries.append((item.name, version.content, version.modified_at))
    if skipped:
        notice = notice_in(found)
        unsaid = [item.name for item in skipped if item.name not in notice.decode("utf-8-sig")]
        if unsaid:
            raise Broken(f"I2: {unsaid} are left out and the archive does not say so")
        entries.append((NOTICE, notice, job.created_at))
    if found != archive_of(entries):
        raise Broken(f"I2: the archive of {job.id} is not byte-identical to the oracle's ({_first_difference(found)})")


def _first_difference(found: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(found)) as opened:
            return f"zipfile finds {opened.testzip() or 'every member sound'}"
    except zipfile.BadZipFile as exc:
        return f"zipfile finds {exc}"


def check_bucket(system: System, timeout_s: float = 60.0) -> None:
    """I3: once the sweep has been there, no upload is open and no archive is without a complete job."""
    deadline = time.monotonic() + timeout_s
    while complaint := _litter(system):
        if time.monotonic() > deadline:
            raise Broken(f"I3: {complaint}")
        time.sleep(0.2)


def _litter(system: System) -> str | None:
    with system.database.reader() as session:
        complete = set(
            session.scalars(sa.select(BulkDownloadJob.archive_key).where(BulkDownloadJob.status == JobStatus.COMPLETE))
        )
        uncleaned = session.scalars(
            sa.select(sa.func.count())
            .select_from(BulkDownloadJob)
            .where(BulkDownloadJob.finished_at.is_not(None), BulkDownloadJob.cleaned_at.is_(None))
        ).one()
    if uploads := system.uploads():
        return f"{len(uploads)} uploads are open: {[upload['Key'] for upload in uploads[:3]]}"
    if strays := set(system.archive_keys()) - complete:
        return f"archives without a complete job: {strays}"
    return f"{uncleaned} ended jobs have not been swept" if uncleaned else None


def check_streams(system: System, job_ids: Iterable[str], timeout_s: float = 20.0) -> None:
    """I4: nobody saw progress go back, and everybody learnt every end, and no two ends."""
    deadline = time.monotonic() + timeout_s
    for job_id in job_ids:
        job, _ = _read(system, job_id)
        for watcher in system.watchers_of(job.user_id):
            while watcher.story(job_id).told_end_at is None:
                if time.monotonic() > deadline:
                    raise Broken(f"I4: the {watcher.kind} client was not told the end of {job_id} ({job.status})")
                time.sleep(0.05)
            story = watcher.story(job_id)
            if story.regressions:
                raise Broken(f"I4: {watcher.kind}: {story.regressions[:3]}")
            if len(set(story.ends)) > 1 and set(story.ends) != {"complete", "cancelled"}:
                raise Broken(f"I4: the {watcher.kind} client was told two ends: {story.ends}")


def check_memory(system: System) -> None:
    """I5: no worker process was larger than it may be."""
    if system.memory.peak > MEMORY_BOUND:
        raise Broken(f"I5: a worker took {system.memory.peak / 1024**2:.0f} MiB")


def check_logs(system: System) -> None:
    """I6: no secret stands in what the processes wrote."""
    text = system.logs()
    for secret in (JWT_SECRET, system.environ["AWS_SECRET_ACCESS_KEY"]):
        if secret in text:
            raise Broken(f"I6: a secret stands in the logs: {secret[:6]}…")
    for pattern in _SECRETS:
        if found := pattern.search(text):
            line = text[text.rfind("\n", 0, found.start()) + 1 : text.find("\n", found.end())]
            raise Broken(f"I6: {pattern.pattern} stands in the logs: {line[:300]}")


def check_trial(system: System, job_ids: list[str], *, timeout_s: float = 60.0) -> None:
    """What can be said as soon as the trial's jobs should have ended."""
    wait_for_ends(system, job_ids, timeout_s)
    check_archives(system, job_ids)
    check_streams(system, job_ids)


def check_row(system: System, plan: Plan) -> None:
    """What is said once, when all trials of a row are over; of a shared system, when all rows are."""
    if system is not plan.shared:
        check_everything(system)


def check_everything(system: System) -> None:
    """What a system must have left behind, and must not."""
    check_bucket(system)
    check_memory(system)
    check_logs(system)


def status_of(system: System, job_id: str) -> JobStatus:
    """Where the job stands in the database."""
    return _read(system, job_id)[0].status


def _ended(system: System, job_ids: set[str]) -> set[str]:
    final = [status for status in JobStatus if status.is_final]
    query = sa.select(BulkDownloadJob.id).where(BulkDownloadJob.id.in_(job_ids), BulkDownloadJob.status.in_(final))
    with system.database.reader() as session:
        return set(session.scalars(query))


def _read(system: System, job_id: str) -> tuple[BulkDownloadJob, list[BulkDownloadItem]]:
    with system.database.reader() as session:
        job = session.get_one(BulkDownloadJob, job_id, populate_existing=True)
        query = sa.select(BulkDownloadItem).where(BulkDownloadItem.job_id == job_id)
        return job, list(session.scalars(query.order_by(BulkDownloadItem.position)))


def _describe(system: System, job_id: str) -> dict[str, Any]:
    job, _ = _read(system, job_id)
    names = ("id", "status", "attempts", "sends", "resend_at", "lease_until", "lease_owner", "upload_id", "plan_number")
    return {name: getattr(job, name) for name in names}
