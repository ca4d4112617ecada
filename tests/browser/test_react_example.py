"""The React example, as Vite has built it: the hook, the modal and the list of downloads in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Fake, StartFake
from tests.services.missing import missing
from tests.services.wait import wait_until

DIST = ROOT / "examples/react/dist"


@pytest.fixture
def example(start_fake: StartFake, page: Page) -> Fake:
    """The played service with the built example on it, opened in the page."""
    if not (DIST / "index.html").exists():
        missing("the React example is not built: `npm ci && npm run build` in examples/react/")
    fake = start_fake(extra=DIST)
    page.goto(f"{fake.origin}/index.html")
    expect(page.get_by_role("status").first).to_contain_text("60 files")
    return fake


def job_id_of(fake: Fake, page: Page) -> str:
    expect(page.locator("[data-job]")).to_have_count(1)
    job_id = page.locator("[data-job]").get_attribute("data-job")
    assert job_id
    return job_id


def test_the_hook_shows_the_progress_and_the_modal_downloads(example: Fake, page: Page) -> None:
    page.get_by_role("checkbox").nth(0).check()
    page.get_by_role("checkbox").nth(2).check()
    page.get_by_role("button", name="Download selected (2,").click()
    modal = page.get_by_role("dialog")
    expect(modal).to_be_visible()
    job_id = job_id_of(example, page)
    assert example.call("jobOf", job_id)["assetIds"] == ["asset-0", "asset-2"]

    example.call("change", job_id, {"percent": 40, "current": 1})
    expect(page.get_by_role("status").first).to_contain_text("building: 40%")
    expect(modal).to_contain_text("40%")
    with page.expect_download():
        example.call("complete", job_id, {})

    expect(page.locator("[data-job]")).to_contain_text("complete")
    expect(page.get_by_role("button", name="Download all")).to_be_enabled()


def test_a_reload_brings_the_modal_back(example: Fake, page: Page) -> None:
    page.get_by_role("button", name="Download all").click()
    job_id = job_id_of(example, page)
    example.call("change", job_id, {"percent": 40})
    expect(page.get_by_role("dialog")).to_contain_text("40%")

    page.reload()

    expect(page.get_by_role("dialog")).to_contain_text("40%")


def test_a_refusal_is_in_the_modal_and_can_be_tried_again(example: Fake, page: Page) -> None:
    example.set(maxFiles=10)
    page.get_by_role("button", name="Download all").click()
    expect(page.get_by_role("dialog")).to_contain_text("at most 10")

    example.set(maxFiles=100)
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()

    expect(page.locator("[data-job]")).to_have_count(1)


def test_strict_mode_leaves_one_stream_open(example: Fake, page: Page) -> None:
    page.get_by_role("button", name="Download all").click()
    job_id_of(example, page)

    # The first mount's may still be closing.
    wait_until(lambda: example.call("streams", "websocket") == 1, what="one open stream")
