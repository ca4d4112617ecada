"""`bulkdl` against a running system: what a script can tell from its exit status and its JSON."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from bulkdl.cli.exits import Exit
from tests.services.local import BULKDL
from tests.services.system import PROJECT, System


@pytest.fixture
def system(shared_system: System) -> System:
    return shared_system


def run(system: System, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BULKDL), *arguments], cwd=folder, env=system.environ, capture_output=True, text=True, timeout=90
    )


def put(system: System, key: str, data: bytes) -> None:
    system.s3.put_object(Bucket=system.settings.archive_bucket, Key=key, Body=data)


def test_the_ways_a_download_can_go(system: System, tmp_path: Path) -> None:
    bucket = system.settings.archive_bucket
    put(system, "library/2026/a.jpg", b"a" * 1000)
    put(system, "library/b.jpg", b"b" * 2000)
    imported = run(system, tmp_path, "assets", "import", f"s3://{bucket}/library/", "--project", PROJECT, "--json")
    assert (imported.returncode, json.loads(imported.stdout)["count"]) == (Exit.DONE, 2), imported.stderr

    whole = run(system, tmp_path, "download", "--project", PROJECT, "--out", "whole.zip", "--json")
    assert whole.returncode == Exit.DONE, whole.stderr
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "2026/a.jpg": b"a" * 1000,
            "b.jpg": b"b" * 2000,
        }
    job = json.loads(whole.stdout)
    assert (job["status"], job["file"]) == ("complete", "whole.zip")

    again = run(system, tmp_path, "download", "--job", job["jobId"], "--out", "again.zip", "--quiet")
    assert again.returncode == Exit.DONE, again.stderr
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "whole.zip").read_bytes()

    system.s3.delete_object(Bucket=bucket, Key="library/b.jpg")
    incomplete = run(system, tmp_path, "download", "--project", PROJECT, "--out", "part.zip")
    assert incomplete.returncode == Exit.INCOMPLETE, incomplete.stderr
    assert "missing: b.jpg (not_found)" in incomplete.stderr
    assert "2026/a.jpg" in zipfile.ZipFile(io.BytesIO((tmp_path / "part.zip").read_bytes())).namelist()

    failed = run(system, tmp_path, "download", "--project", PROJECT, "--out", "none.zip", "--on-missing", "fail")
    assert failed.returncode == Exit.JOB_FAILED, failed.stderr
    assert not (tmp_path / "none.zip").exists()

    put(system, "library/b.jpg", b"b" * 2000)
    failed_id = json.loads(run(system, tmp_path, "jobs", "list", "--json").stdout)[0]["jobId"]
    retried = run(system, tmp_path, "jobs", "retry", failed_id, "--json")
    assert retried.returncode == Exit.DONE, retried.stderr
    anew = json.loads(retried.stdout)
    assert (anew["onMissing"], anew["jobId"] != failed_id) == ("fail", True)
    fetched = run(system, tmp_path, "download", "--job", anew["jobId"], "--out", "anew.zip", "--quiet")
    assert fetched.returncode == Exit.DONE, fetched.stderr
    assert sorted(zipfile.ZipFile(tmp_path / "anew.zip").namelist()) == ["2026/a.jpg", "b.jpg"]

    shown = run(system, tmp_path, "jobs", "cancel", job["jobId"], "--json")
    assert (shown.returncode, json.loads(shown.stdout)["status"]) == (Exit.DONE, "cancelled")
    listed = run(system, tmp_path, "jobs", "list", "--json")
    statuses = [entry["status"] for entry in json.loads(listed.stdout)]
    assert statuses == ["complete", "failed", "complete", "cancelled"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "show", "0" * 32],
        ["download", "--project", "demo", "--asset", "nothing", "--out", "x.zip"],
        ["--token", "no-token", "jobs", "list"],
    ],
)
def test_a_refusal_is_told_with_its_code(system: System, tmp_path: Path, arguments: list[str]) -> None:
    done = run(system, tmp_path, *arguments)

    assert done.returncode == Exit.REFUSED, done.stderr
    assert done.stdout == ""


def test_a_revoked_token_is_refused(system: System, tmp_path: Path) -> None:
    token = run(system, tmp_path, "token").stdout.strip()
    assert run(system, tmp_path, "--token", token, "jobs", "list").returncode == Exit.DONE

    revoked = run(system, tmp_path, "revoke", token)

    assert revoked.returncode == Exit.DONE, revoked.stderr
    assert token not in revoked.stderr
    assert run(system, tmp_path, "--token", token, "jobs", "list").returncode == Exit.REFUSED
    assert run(system, tmp_path, "jobs", "list").returncode == Exit.DONE


@pytest.mark.parametrize("text", ["no-token", "e30.e30.e30"])
def test_what_is_no_token_cannot_be_revoked(system: System, tmp_path: Path, text: str) -> None:
    done = run(system, tmp_path, "revoke", text)

    assert done.returncode == Exit.ERROR
    assert "token" in done.stderr
