"""The page on the real system, through everything that may come between a person and the archive."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Download, Locator, Page, expect

from tests.browser.conftest import job_of
from tests.factories import members
from tests.services.s3 import list_uploads
from tests.services.system import System
from tests.services.wait import wait_until

MIB = 1024**2
USER = "demo"
SLOW_MS = 60_000


@pytest.fixture
def browser(whole_browser: Browser) -> Browser:
    return whole_browser


@pytest.fixture(scope="module")
def system_variables() -> Mapping[str, str]:
    """As `make run` has it: whoever opens the page is the demo's user. One request at a time, so that jobs last."""
    return {
        "BULKDL_DEMO_USER": USER,
        "BULKDL_HEARTBEAT_SECONDS": "1",
        "BULK_DOWNLOAD_CONCURRENCY": "1",
        "BULK_DOWNLOAD_LEASE_SECONDS": "60",
    }


@pytest.fixture
def demo(shared_system: System) -> System:
    """The system with nothing in it."""
    shared_system.clear()
    return shared_system


@pytest.fixture
def files(demo: System) -> dict[str, bytes]:
    """Sixteen files of 4 MiB in folders, in the library."""
    dice = random.Random(7)
    files = {f"Trip/Day {number % 3}/photo-{number:02d}.jpg": dice.randbytes(4 * MIB) for number in range(16)}
    demo.add_files(files)
    return files


def open_library(page: Page, demo: System) -> None:
    page.goto(demo.base_url)
    page.locator(".tile").first.wait_for()


def begin(page: Page) -> Locator:
    page.get_by_role("button", name="Download all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def connection(page: Page) -> str:
    way: str = page.evaluate("() => document.querySelector('bulk-download-dialog').client.state.connection")
    return way


def wait_connected(page: Page, way: str) -> None:
    wait_until(lambda: connection(page) == way, 30, what=f"{way}, not {connection(page)}")


def percent_of(page: Page) -> int:
    percent: int = page.evaluate("() => document.querySelector('bulk-download-dialog').client.state.progress.percent")
    return percent


@contextmanager
def halted_in_the_middle(page: Page, demo: System) -> Iterator[int]:
    """Hold the worker still once the page shows progress; it goes on afterwards."""
    wait_until(lambda: percent_of(page) > 0, 60, interval_s=0.01, what="progress")
    worker = demo.workers[0]
    worker.suspend()
    try:
        yield percent_of(page)
    finally:
        worker.resume()


def fetched(page: Page, act: Callable[[], object], folder: Path) -> dict[str, bytes]:
    """The members of the archive that the browser downloads because of `act`, every CRC-32 checked."""
    with page.expect_download(timeout=SLOW_MS) as waiting:
        act()
    download: Download = waiting.value
    assert download.failure() is None
    path = folder / download.suggested_filename
    download.save_as(path)
    return members(path.read_bytes())


def nothing() -> None:
    """The download comes of itself."""


def test_a_library_is_downloaded_over_the_websocket(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    open_library(page, demo)
    wait_connected(page, "websocket")

    found = fetched(page, lambda: begin(page), tmp_path)

    assert found == files
    assert connection(page) == "websocket"
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#jobs li")).to_contain_text("Ready")


def test_a_blocked_websocket_falls_to_server_sent_events(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    page.route_web_socket(re.compile("/bulk-download/ws"), lambda socket: socket.close())
    open_library(page, demo)
    wait_connected(page, "eventsource")

    found = fetched(page, lambda: begin(page), tmp_path)

    assert found == files
    assert connection(page) == "eventsource"


def test_with_events_blocked_too_polling_reaches_the_end(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    page.route_web_socket(re.compile("/bulk-download/ws"), lambda socket: socket.close())
    page.route(re.compile("/bulk-download/events"), lambda route: route.abort())
    open_library(page, demo)
    wait_connected(page, "polling")

    found = fetched(page, lambda: begin(page), tmp_path)

    assert found == files
    assert connection(page) == "polling"


def test_a_killed_web_process_is_found_again_and_the_job_goes_on(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    open_library(page, demo)
    dialog = begin(page)
    with halted_in_the_middle(page, demo) as percent:
        assert demo.web is not None
        demo.web.kill()
        expect(dialog).to_contain_text("No connection.", timeout=SLOW_MS)
        assert percent_of(page) >= percent
        demo.start_web()
        demo.wait_ready()
        wait_connected(page, "websocket")
        assert percent_of(page) >= percent

    assert fetched(page, nothing, tmp_path) == files


def test_a_web_process_that_is_asked_to_end_says_bye_and_is_found_again(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    open_library(page, demo)
    begin(page)
    with halted_in_the_middle(page, demo):
        assert demo.web is not None
        demo.web.stop()
        demo.start_web()
        demo.wait_ready()
        wait_connected(page, "websocket")

    assert fetched(page, nothing, tmp_path) == files


def test_a_reload_in_mid_job_loses_nothing(page: Page, demo: System, files: dict[str, bytes], tmp_path: Path) -> None:
    open_library(page, demo)
    begin(page)
    with halted_in_the_middle(page, demo) as percent:
        job_id = job_of(page)
        page.reload()
        assert job_of(page) == job_id
        expect(page.get_by_role("dialog")).to_be_visible()
        wait_until(lambda: percent_of(page) >= percent, what="the progress of before")

    assert fetched(page, nothing, tmp_path) == files


def test_two_tabs_show_one_job_and_one_of_them_downloads_it(
    context: BrowserContext, page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    open_library(page, demo)
    second = context.new_page()
    downloads: list[Download] = []
    second.on("download", lambda download: downloads.append(download))
    open_library(second, demo)

    found = fetched(page, lambda: begin(page), tmp_path)

    assert found == files
    row = second.locator("#jobs li")
    expect(row).to_contain_text("Ready")
    expect(second.get_by_role("dialog")).to_be_hidden()
    assert downloads == []
    again = fetched(second, row.get_by_role("button", name="Download").click, tmp_path)
    assert again == files


def test_cancel_stops_the_job_and_leaves_nothing_in_the_bucket(
    page: Page, demo: System, files: dict[str, bytes]
) -> None:
    open_library(page, demo)
    dialog = begin(page)
    with halted_in_the_middle(page, demo):
        dialog.get_by_role("button", name="Cancel download").click()
        expect(dialog.get_by_role("heading")).to_have_text(re.compile("Cancelling…|Download cancelled"))

    expect(dialog.get_by_role("heading")).to_have_text("Download cancelled", timeout=SLOW_MS)
    bucket = demo.settings.archive_bucket
    wait_until(lambda: list_uploads(demo.s3, bucket) == [], 30, what="no upload left")
    prefix = demo.settings.archive_prefix
    assert demo.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []) == []


def test_a_missing_object_is_shown_before_the_download(
    page: Page, demo: System, files: dict[str, bytes], tmp_path: Path
) -> None:
    bucket = demo.settings.archive_bucket
    first = demo.s3.list_objects_v2(Bucket=bucket, Prefix="media/")["Contents"][0]["Key"]
    lost = demo.s3.get_object(Bucket=bucket, Key=first)["Body"].read()
    name = next(name for name, data in files.items() if data == lost)
    demo.s3.delete_object(Bucket=bucket, Key=first)
    downloads: list[Download] = []
    page.on("download", lambda download: downloads.append(download))
    open_library(page, demo)

    dialog = begin(page)
    expect(dialog.get_by_role("heading")).to_have_text("Ready, with files missing", timeout=SLOW_MS)
    expect(dialog).to_contain_text(name)
    expect(dialog).to_contain_text("no longer there")
    assert downloads == []
    found = fetched(page, dialog.get_by_role("button", name="Download what there is").click, tmp_path)

    assert name in found.pop("_skipped_files.txt").decode()
    assert found == {kept: data for kept, data in files.items() if kept != name}


def test_a_job_that_cannot_be_built_says_why(page: Page, demo: System, files: dict[str, bytes]) -> None:
    bucket = demo.settings.archive_bucket
    for entry in demo.s3.list_objects_v2(Bucket=bucket, Prefix="media/")["Contents"]:
        demo.s3.delete_object(Bucket=bucket, Key=entry["Key"])
    open_library(page, demo)

    dialog = begin(page)

    expect(dialog.get_by_role("heading")).to_have_text("The download failed", timeout=SLOW_MS)
    expect(dialog.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#jobs li")).to_contain_text("Failed")
