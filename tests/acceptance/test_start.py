"""`python -m bulkdl` in an empty folder: it comes up, serves, goes without a trace, and comes back.

The tests run in the order of the file, on one folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import socket
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import pytest

from bulkdl.local.sample import sample_files
from tests.services.local import BULKDL, LocalStart, alive
from tests.services.missing import require_program
from tests.services.wait import wait_until

# The first test paints the library, which a machine that does other things as well may take minutes for.
pytestmark = pytest.mark.timeout(400)

README = Path(__file__).parents[2] / "README.md"
READER = Path(__file__).parents[1] / "integration" / "ReadZip.java"


@pytest.fixture(scope="module")
def running(local: LocalStart) -> LocalStart:
    """Started in an empty folder, and ready."""
    local.start()
    local.wait_ready()
    return local


@pytest.fixture(scope="module")
def archive(running: LocalStart) -> Path:
    """The whole sample library, fetched by the command line in another terminal."""
    done = running.run("download", "--project", "demo", "--out", "all.zip")
    assert done.returncode == 0, done.stderr
    return running.folder / "all.zip"


def expected_members(local: LocalStart) -> dict[str, str]:
    """SHA-256 of every sample file by its name in the archive."""
    found: dict[str, str] = {}
    (painted,) = (local.folder / ".bulkdl").glob("sample-*")
    for file in sample_files():
        content = (painted / file.file_name).read_bytes()
        stem, dot, ending = file.name.rpartition(".")
        name = f"{stem} (2){dot}{ending}" if file.name in found else file.name
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def test_every_member_is_its_source(running: LocalStart, archive: Path) -> None:
    with zipfile.ZipFile(archive) as reader:
        found = {name: hashlib.sha256(reader.read(name)).hexdigest() for name in reader.namelist()}

    assert len(found) >= 60
    assert archive.stat().st_size > 90e6
    assert found == expected_members(running)


def test_unzip_accepts_the_archive(archive: Path) -> None:
    done = subprocess.run([require_program("unzip", "unzip"), "-tq", str(archive)], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_java_reads_the_archive_from_a_stream(archive: Path) -> None:
    require_program("javac", "default-jdk-headless")
    with archive.open("rb") as stream:
        command = [require_program("java", "default-jdk-headless"), str(READER)]
        done = subprocess.run(command, stdin=stream, capture_output=True, encoding="utf-8")

    assert done.returncode == 0, done.stderr
    found = [line.split(" ", 2) for line in done.stdout.splitlines()]
    with zipfile.ZipFile(archive) as reader:
        expected = [[str(info.file_size), str(info.CRC), info.filename] for info in reader.infolist()]
    assert found == expected


def test_the_readmes_curl_commands_fetch_the_library(running: LocalStart, archive: Path) -> None:
    require_program("curl", "curl")
    block = re.search(r"```sh\n(API=.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    script = block[1].replace(":8000/", f":{running.port}/").replace(".venv/bin/bulkdl", str(BULKDL))
    script = script.replace("all.zip", "by-curl.zip")

    done = running.run_program("bash", "-euo", "pipefail", "-c", script)

    assert done.returncode == 0, done.stderr
    assert "event: bulk-download:snapshot" in done.stdout
    assert "event: bulk-download:complete" in done.stdout
    assert (running.folder / "by-curl.zip").read_bytes() == archive.read_bytes()


def test_a_printed_token_opens_the_api(running: LocalStart, archive: Path) -> None:
    token = running.run("token").stdout.strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/media-collab/bulk-download/jobs", headers={"Authorization": f"Bearer {token}"}
    )

    with urllib.request.urlopen(request) as answer:
        jobs = json.load(answer)["jobs"]

    assert {job["status"] for job in jobs} == {"complete"}


def test_the_page_is_there(running: LocalStart) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/") as answer:
        assert answer.status == 200
        assert "text/html" in answer.headers["Content-Type"]


def test_the_operators_commands_find_the_system(running: LocalStart) -> None:
    doctor = running.run("doctor", "--json")
    sweep = running.run("sweep", "--json")

    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert {finding["subject"] for finding in json.loads(doctor.stdout)} == {"database", "redis", "bucket"}
    assert json.loads(sweep.stdout)["expired"] == 0


def test_secrets_are_for_the_owner_alone(running: LocalStart) -> None:
    home = running.folder / ".bulkdl"

    assert oct(home.stat().st_mode & 0o777) == "0o700"
    assert {oct((home / name).stat().st_mode & 0o777) for name in ("secret", "environment")} == {"0o600"}


def test_a_second_start_says_that_it_is_running(running: LocalStart) -> None:
    second = LocalStart(running.folder)
    second.starts = 10
    second.start()

    assert second.wait_for_end(30) == 1
    assert second.process is not None
    assert f"already running at http://127.0.0.1:{running.port}" in second.process.output


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    other = LocalStart(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.port))
        taken.listen()
        process = other.start()
        status = other.wait_for_end(30)

    assert status == 1
    assert process.output.count("\n") == 1
    assert f"Port {other.port} cannot be used" in process.output


def test_ctrl_c_leaves_nothing_running_and_a_second_start_finds_its_data(running: LocalStart) -> None:
    family = running.family()
    assert len(family) > 8

    assert running.interrupt() == 130

    assert alive(family) == []
    assert running.run("jobs", "list").returncode == 1
    running.start()
    running.wait_ready()
    jobs = json.loads(running.run("jobs", "list", "--json").stdout)
    # The private S3 server keeps nothing: what an earlier run built is said to be gone.
    assert [job["status"] for job in jobs] == ["expired", "expired"]
    assert running.process is not None
    assert "Archives of earlier runs are gone (2)" in running.process.output
    assert running.run("download", "--project", "demo", "--out", "again.zip").returncode == 0


def test_a_killed_start_leaves_nothing_running(running: LocalStart) -> None:
    family = running.family()
    assert running.process is not None

    running.process.signal(signal.SIGKILL)

    wait_until(lambda: not alive(family), 40, what=f"the end of {alive(family)}")
