"""axe-core looks at every face of the page and the dialog, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Fake, Json, job_of
from tests.services.missing import missing

AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
SKIPPED = [{"assetId": "a", "name": "gone.jpg", "reason": "not_found"}]
RENAMED = [{"assetId": "b", "name": "CON.jpg", "archiveName": "_CON.jpg"}]


def violations(page: Page) -> list[Json]:
    """What axe finds, by every rule that it has on (WCAG 2.2 A, AA, AAA where automatic, and best practices)."""
    if not AXE.exists():
        missing("axe-core is not there: `npm ci` in frontend/")
    # Colours in mid-transition are nobody's.
    page.evaluate("() => Promise.all(document.getAnimations().map(({finished}) => finished.catch(() => {})))")
    page.evaluate(AXE.read_text())
    result: Json = page.evaluate("() => axe.run()")
    assert result["passes"], "axe has looked at nothing"
    return [
        (found["id"], [(node["target"], node["failureSummary"]) for node in found["nodes"]])
        for found in result["violations"]
    ]


def start(page: Page) -> str:
    page.get_by_role("button", name="Download all").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return job_of(page)


def show_progress(page: Page, fake: Fake) -> None:
    fake.call("change", start(page), {"percent": 40, "bytesPerSecond": 5e6, "etaSeconds": 9})
    expect(page.get_by_role("dialog")).to_contain_text("40%")


def show_missing(page: Page, fake: Fake) -> None:
    ends = {"skipped": SKIPPED, "skippedCount": 1, "renamed": RENAMED, "renamedCount": 1}
    fake.call("complete", start(page), ends)
    expect(page.get_by_role("dialog")).to_contain_text("gone.jpg")
    page.get_by_text("1 file has another name").click()


def show_failure(page: Page, fake: Fake) -> None:
    fake.call("change", start(page), {"status": "failed", "error": "The bucket is gone."})
    expect(page.get_by_role("dialog")).to_contain_text("The bucket is gone.")


def show_selection(page: Page, fake: Fake) -> None:
    page.locator(".tile").nth(2).click()
    expect(page.locator("#bar")).to_be_visible()


def show_tray(page: Page, fake: Fake) -> None:
    faces: list[Json] = [
        {"status": "failed", "error": "Broken."},
        {"status": "complete", "skipped": SKIPPED, "skippedCount": 1, "fileCount": 2, "fileSize": 4000},
        {"status": "expired"},
        {"status": "cancelled"},
        {"status": "processing", "percent": 3},
    ]
    for face in faces:
        fake.call("addJob", {"expiresAt": "2030-01-01T00:00:00Z", **face}, ["asset-1"])
    page.reload()
    if page.locator("#tray").is_hidden():
        page.locator("#tray-toggle").click()
    expect(page.locator("#jobs")).to_contain_text("Broken.")


def show_sign_in(page: Page, fake: Fake) -> None:
    fake.set(isSignedOut=True)
    page.reload()
    expect(page.locator("#signed-out")).to_be_visible()


def show_nothing(page: Page, fake: Fake) -> None:
    page.get_by_label("Search files and folders").fill("nothing like it")
    expect(page.locator("#nothing")).to_be_visible()


FACES = [show_progress, show_missing, show_failure, show_selection, show_tray, show_sign_in, show_nothing]
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.mark.parametrize(("width", "scheme"), LOOKS, ids=lambda value: str(value))
def test_axe_finds_no_violation(page: Page, fake: Fake, width: int, scheme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    found = {}
    for show in FACES:
        fake.set(isSignedOut=False)
        page.goto(fake.origin)
        page.locator(".tile").first.wait_for()
        found[show.__name__] = _look(page, fake, show)
        page.evaluate("() => sessionStorage.clear()")

    assert found == {face: [] for face in found}


def _look(page: Page, fake: Fake, show: Callable[[Page, Fake], None]) -> list[Json]:
    show(page, fake)
    return violations(page)
