"""`python -m tests.faults.planted`: take one guard at a time out of a copy of the code; the suite must go red.

A test that passes without the guard that it is about would prove nothing. The copy is what git knows of and what is
new in the work tree; the tree itself is never changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from tests.faults.report import PAGE
from tests.services.database import ROOT

BEGIN, END = "<!-- planted: begin -->", "<!-- planted: end -->"


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug: what it takes out, how, and which tests are there to notice."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    """File, text, what stands in its place."""
    tests: tuple[str, ...] = ()
    row: str | None = None
    """Of the fault table, run in short."""


PLANTS = [
    Plant(
        "the fence: a write under a lease that somebody else holds by now is carried out",
        (
            ("bulkdl/jobs/store/leases.py", "            BulkDownloadJob.lease_token == claim.token,\n", ""),
            ("bulkdl/jobs/store/leases.py", "        BulkDownloadRange.lease_token == claim.token,\n", ""),
        ),
        ("tests/integration/test_jobs_store.py",),
        "2",
    ),
    Plant(
        "the late-part rule: a part is stored before the CRC-32s that stand in it are known",
        (
            ("bulkdl/transfer/slabs.py", "for entries in self.needs)", "for entries in self.needs[1:])"),
            (
                "bulkdl/transfer/slabs.py",
                "crc32s[segment.entry])[segment.start",
                "crc32s.known(segment.entry) or 0)[segment.start",
            ),
        ),
        ("tests/unit/test_transfer.py", "tests/integration/test_jobs_build.py"),
        "8",
    ),
    Plant(
        "If-Match: a fetch does not say which version it wants",
        (("bulkdl/storage/s3/data.py", '{"range": asked, "if-match": version.etag}', '{"range": asked}'),),
        ("tests/unit/test_storage_data.py",),
    ),
    Plant(
        "the version: whatever a fetch or a copy brings is taken",
        (
            ("bulkdl/storage/s3/data.py", '{"range": asked, "if-match": version.etag}', '{"range": asked}'),
            ("bulkdl/storage/s3/data.py", "if etag is not None and etag != version.etag and", "if False and"),
            ("bulkdl/jobs/finish_step.py", ".version != source", ".version is None"),
        ),
        ("tests/unit/test_storage_data.py", "tests/integration/test_storage_contract.py"),
        "7",
    ),
    Plant(
        "the post-commit order: a message is sent before its job can be read",
        (
            (
                "bulkdl/jobs/submit.py",
                "            session.commit()\n        except",
                "            send_plan(ctx, job.id)\n            session.commit()\n        except",
            ),
            ("bulkdl/jobs/submit.py", "    send_plan(ctx, job.id)\n    return", "    return"),
        ),
        ("tests/integration/test_jobs_order.py",),
    ),
    Plant(
        "the cancelled job: claims stay good when it ends",
        (
            (
                "bulkdl/jobs/store/leases.py",
                "            BulkDownloadJob.status == JobStatus.PROCESSING,\n        )\n    return sa.and_",
                "        )\n    return sa.and_",
            ),
            (
                "bulkdl/jobs/store/leases.py",
                "        _job_is_processing(claim.job_id),\n    )\n\n\ndef is_held",
                "    )\n\n\ndef is_held",
            ),
        ),
        ("tests/integration/test_jobs_store.py", "tests/integration/test_jobs_build.py"),
        "12",
    ),
    Plant(
        "the count of attempts: it is not written down before the work starts",
        (("bulkdl/jobs/store/leases.py", '"attempts": model.attempts + 1', '"attempts": model.attempts'),),
        ("tests/integration/test_jobs_store.py", "tests/integration/test_jobs_build.py"),
    ),
    Plant(
        "the look behind Complete: its answer is believed",
        (
            (
                "bulkdl/jobs/finish_step.py",
                "        if not _stands(ctx, prepared):\n            raise\n",
                "        raise\n",
            ),
        ),
        ("tests/integration/test_jobs_build.py",),
        "6",
    ),
    Plant(
        "the sweep: stalled work is not sent again",
        (("actors/clock.py", "    sweep.requeue_stalled: 1,\n", ""),),
        (),
        "1",
    ),
]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--fast", is_flag=True, help="Only the named tests, not the rows of the fault table.")
@click.option("--only", help="Only bugs whose name contains this.")
@click.option("--write", is_flag=True, help="Put what was found into docs/reliability.md.")
def main(fast: bool, only: str | None, write: bool) -> None:
    """Plant each bug in a copy of the code and see the tests go red."""
    lines = []
    is_found = True
    with tempfile.TemporaryDirectory(prefix="bulkdl-planted-") as folder:
        for number, plant in enumerate(PLANTS):
            if only and only not in plant.name:
                continue
            copy = Path(folder) / str(number)
            copy_tree(copy)
            sow(copy, plant)
            red = [test for test in plant.tests if not _passes(copy, [*_PYTEST, test])]
            if plant.row and not fast and not _passes(copy, [*_FAULTS, plant.row]):
                red.append(f"row {plant.row}")
            expected = [*plant.tests, *([f"row {plant.row}"] if plant.row and not fast else [])]
            is_found = is_found and bool(red)
            click.echo(f"{'found' if red else 'NOT FOUND'}: {plant.name} — red: {', '.join(red) or 'nothing'}")
            if missed := [test for test in expected if test not in red]:
                click.echo(f"    green all the same: {', '.join(missed)}")
            lines.append(f"| {plant.name} | {', '.join(f'`{one}`' if '/' in one else one for one in red)} |")
            shutil.rmtree(copy)
    if write:
        _write(lines)
    sys.exit(0 if is_found else 1)


def copy_tree(target: Path) -> None:
    """What git knows of, and what is new and not ignored, as it stands now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        source = ROOT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def sow(copy: Path, plant: Plant) -> None:
    """Make the edits; each must find its text, or the guard has moved and the plant with it."""
    for name, text, instead in plant.edits:
        path = copy / name
        content = path.read_text()
        if content.count(text) != 1:
            raise click.ClickException(f"{name} has {text!r} {content.count(text)} times: see to {plant.name!r}")
        path.write_text(content.replace(text, instead))


def _passes(copy: Path, arguments: list[str]) -> bool:
    """Whether the command succeeds in the copy; the interpreter is ours, the code is the copy's."""
    done = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, text=True, timeout=900)
    return done.returncode == 0


_PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=100")
_FAULTS = ("-m", "tests.faults", "--short", "--row")


def _write(lines: list[str]) -> None:
    text = PAGE.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    table = "\n".join(["| Taken out | What goes red |", "|---|---|", *lines])
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
