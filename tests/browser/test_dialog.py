"""The dialog element: what a person sees, hears and can do from the click to the archive."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import Fake, job_of
from tests.services.wait import wait_until

PROGRESS = {
    "percent": 46,
    "current": 28,
    "total": 60,
    "bytesDone": 72_400_000,
    "bytesTotal": 157_000_000,
    "bytesPerSecond": 18_300_000,
    "etaSeconds": 65,
}


def begin(page: Page) -> tuple[str, Locator]:
    page.get_by_role("button", name="Download all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return job_of(page), dialog


def test_progress_files_bytes_speed_and_time_are_shown(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    expect(dialog.get_by_role("heading")).to_have_text("Preparing your download")

    fake.call("change", job_id, PROGRESS)

    expect(dialog.get_by_role("heading")).to_have_text("Building your archive")
    expect(dialog.get_by_role("progressbar")).to_have_js_property("value", 46)
    for text in ("46%", "28 of 60", "72.4 MB of 157 MB", "18.3 MB/s", "1 min"):
        expect(dialog).to_contain_text(text)
    expect(library).to_have_title(re.compile("^46%"))


def test_a_success_downloads_by_itself_and_closes(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)

    with library.expect_download() as download:
        fake.call("complete", job_id, {})

    assert download.value.suggested_filename == "demo.zip"
    expect(dialog.get_by_role("heading")).to_have_text("Your download has started")
    expect(dialog).to_be_hidden()


def test_closing_itself_can_be_switched_off(library: Page, fake: Fake) -> None:
    library.clock.install()
    library.locator("bulk-download-dialog").evaluate("dialog => { dialog.autoClose = false }")
    job_id, dialog = begin(library)
    with library.expect_download():
        fake.call("complete", job_id, {})

    expect(dialog.get_by_role("button", name="Download again")).to_be_visible()
    library.clock.fast_forward(60_000)

    expect(dialog).to_be_visible()


def test_what_is_missing_is_shown_before_anything_is_downloaded(library: Page, fake: Fake) -> None:
    downloads: list[object] = []
    library.on("download", lambda download: downloads.append(download))
    job_id, dialog = begin(library)
    skipped = [{"assetId": "a", "name": "Berlin/gone.jpg", "reason": "not_found"}]
    renamed = [{"assetId": "b", "name": "CON.jpg", "archiveName": "_CON.jpg"}]

    fake.call("complete", job_id, {"skipped": skipped, "skippedCount": 1, "renamed": renamed, "renamedCount": 1})

    expect(dialog.get_by_role("heading")).to_have_text("Ready, with files missing")
    expect(dialog).to_contain_text("Berlin/gone.jpg")
    expect(dialog).to_contain_text("no longer there")
    expect(dialog.get_by_text("1 file has another name")).to_be_visible()
    assert downloads == []
    with library.expect_download():
        dialog.get_by_role("button", name="Download what there is").click()


def test_what_is_missing_reopens_a_dialog_that_was_put_in_the_background(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    dialog.get_by_role("button", name="Continue in background").click()
    expect(dialog).to_be_hidden()
    fake.call("change", job_id, PROGRESS)
    expect(dialog).to_be_hidden()

    skipped = [{"assetId": "a", "name": "gone.jpg", "reason": "read_error"}]
    fake.call("complete", job_id, {"skipped": skipped, "skippedCount": 1})

    expect(dialog).to_contain_text("could not be read")


def test_a_failure_says_why_and_can_be_tried_again(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    fake.call("change", job_id, {"status": "failed", "error": "The bucket is gone.", "errorCode": "storage_refused"})
    expect(dialog.get_by_role("heading")).to_have_text("The download failed")
    expect(dialog).to_contain_text("The bucket is gone.")

    dialog.get_by_role("button", name="Try again").click()

    expect(dialog.get_by_role("heading")).to_have_text("Preparing your download")
    assert job_of(library) != job_id


def test_a_refusal_is_shown_in_the_server_s_words(library: Page, fake: Fake) -> None:
    fake.set(maxFiles=10)

    library.get_by_role("button", name="Download all").click()

    expect(library.get_by_role("dialog")).to_contain_text("60 files were selected; one download holds at most 10.")


def test_cancel_stops_the_job_and_says_so(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    fake.call("change", job_id, PROGRESS)

    dialog.get_by_role("button", name="Cancel download").click()

    expect(dialog.get_by_role("heading")).to_have_text("Download cancelled")
    assert fake.call("jobOf", job_id)["status"] == "cancelled"


def test_escape_hides_the_dialog_and_the_download_goes_on(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    fake.call("change", job_id, PROGRESS)

    library.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    assert fake.call("jobOf", job_id)["status"] == "processing"
    library.get_by_role("button", name="Show: demo.zip").click()
    expect(dialog).to_contain_text("46%")


def test_focus_follows_the_buttons_as_the_state_changes(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    dialog.get_by_role("button", name="Cancel download").focus()

    fake.call("change", job_id, {"status": "failed", "error": "Broken."})

    expect(dialog.get_by_role("button", name="Try again")).to_be_focused()


def test_a_screen_reader_hears_of_quarters_and_not_of_every_percent(library: Page, fake: Fake) -> None:
    job_id, _ = begin(library)
    library.evaluate(
        """() => {
          globalThis.heard = [];
          const region = document.querySelector("bulk-download-dialog").shadowRoot.querySelector("[role=status]");
          const observer = new MutationObserver(() => heard.push(region.textContent));
          observer.observe(region, {childList: true, characterData: true, subtree: true});
        }"""
    )
    for percent in range(1, 100):
        fake.call("change", job_id, {"percent": percent})
    fake.call("change", job_id, {"status": "failed", "error": "Broken."})
    expect(library.get_by_role("dialog")).to_contain_text("Broken.")

    assert library.evaluate("heard") == [
        "Building your archive",
        "25 percent done",
        "50 percent done",
        "75 percent done",
        "The download failed. Broken.",
    ]


def test_texts_and_numbers_can_be_of_another_language(library: Page, fake: Fake) -> None:
    library.evaluate(
        """() => {
          document.documentElement.lang = "de";
          const texts = {processing: "Archiv wird gebaut", of: "{done} von {total}"};
          document.querySelector("bulk-download-dialog").texts = texts;
        }"""
    )
    job_id, dialog = begin(library)
    fake.call("change", job_id, PROGRESS)

    expect(dialog.get_by_role("heading")).to_have_text("Archiv wird gebaut")
    expect(dialog).to_contain_text("72,4 MB von 157 MB")
    expect(dialog.get_by_role("button", name="Cancel download")).to_be_visible()


def test_right_to_left_turns_the_dialog_round(library: Page, fake: Fake) -> None:
    library.evaluate("document.documentElement.dir = 'rtl'")
    _, dialog = begin(library)

    close = dialog.get_by_role("button", name="Close", exact=True).first.bounding_box()
    heading = dialog.get_by_role("heading").bounding_box()

    assert close
    assert heading
    assert close["x"] < heading["x"]


def test_reduced_motion_stands_still(library: Page) -> None:
    library.emulate_media(reduced_motion="reduce")
    _, dialog = begin(library)

    assert dialog.get_by_role("progressbar").evaluate("bar => getComputedStyle(bar).animationName") == "none"
    assert dialog.evaluate("dialog => dialog.getAnimations({subtree: true}).length") == 0


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_everything_without_scrolling_sideways(library: Page, fake: Fake, width: int) -> None:
    library.set_viewport_size({"width": width, "height": 700})
    job_id, dialog = begin(library)
    fake.call("change", job_id, PROGRESS)
    expect(dialog).to_contain_text("46%")

    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    expect(dialog.get_by_role("button", name="Continue in background")).to_be_in_viewport()


def test_a_reload_brings_the_dialog_back_and_its_download_still_starts(library: Page, fake: Fake) -> None:
    job_id, dialog = begin(library)
    fake.call("change", job_id, PROGRESS)
    expect(dialog).to_contain_text("46%")

    library.reload()

    expect(dialog).to_contain_text("46%")
    with library.expect_download():
        fake.call("complete", job_id, {})


def test_a_job_that_ended_during_the_reload_is_downloaded_once(library: Page, fake: Fake) -> None:
    job_id, _ = begin(library)
    library.goto("about:blank")
    fake.call("complete", job_id, {})

    with library.expect_download():
        library.goto(fake.origin)
    downloads: list[object] = []
    library.on("download", lambda download: downloads.append(download))
    library.reload()

    expect(library.locator(f"[data-job={job_id}]")).to_contain_text("Ready")
    expect(library.get_by_role("dialog")).to_be_hidden()
    assert downloads == []


def test_a_second_tab_shows_the_job_and_leaves_the_download_to_the_first(
    context: BrowserContext, library: Page, fake: Fake
) -> None:
    job_id, _ = begin(library)
    second = context.new_page()
    downloads: list[object] = []
    second.on("download", lambda download: downloads.append(download))
    second.goto(fake.origin)
    fake.call("change", job_id, PROGRESS)
    row = second.locator(f"[data-job={job_id}]")
    expect(row).to_contain_text("46%")
    expect(second.get_by_role("dialog")).to_be_hidden()

    with library.expect_download():
        fake.call("complete", job_id, {})

    expect(row).to_contain_text("Ready")
    assert downloads == []


def test_a_tab_opened_from_this_one_does_not_download_a_second_time(library: Page, fake: Fake) -> None:
    job_id, _ = begin(library)
    with library.expect_popup() as opening:
        # Such a tab begins with a copy of what this one has in its session storage.
        library.evaluate("() => void window.open(location.href)")
    second = opening.value
    expect(second.get_by_role("dialog")).to_be_visible()
    downloads: list[object] = []
    for tab in (library, second):
        tab.on("download", lambda download: downloads.append(download))

    fake.call("complete", job_id, {})
    for tab in (library, second):
        expect(tab.locator(f"[data-job={job_id}]")).to_contain_text("Ready")
    begun = "() => document.querySelector('bulk-download-dialog').client.state.hasBegunDownload"
    wait_until(lambda: library.evaluate(begun) or second.evaluate(begun), what="a download")

    assert [library.evaluate(begun), second.evaluate(begun)].count(True) == 1
    wait_until(lambda: len(downloads) == 1, what="one download")


def test_somebody_who_is_signed_out_is_told_to_sign_in_and_not_how_tokens_work(library: Page, fake: Fake) -> None:
    fake.set(isSignedOut=True)

    library.get_by_role("button", name="Download all").click()

    expect(library.get_by_role("dialog")).to_contain_text("You are signed out. Sign in, then try again.")


def test_an_error_has_the_words_that_its_code_was_given(library: Page, fake: Fake) -> None:
    fake.set(maxFiles=10)
    library.evaluate(
        "() => { document.querySelector('bulk-download-dialog').texts = {too_many_files: 'Zu viele Dateien.'} }"
    )

    library.get_by_role("button", name="Download all").click()

    expect(library.get_by_role("dialog")).to_contain_text("Zu viele Dateien.")


def test_an_element_with_a_project_needs_no_script_of_its_own(page: Page, fake: Fake) -> None:
    page.goto(fake.origin)
    page.evaluate(
        """() => {
          document.querySelector("bulk-download-dialog").remove();
          const dialog = document.createElement("bulk-download-dialog");
          dialog.setAttribute("project-id", "demo");
          document.body.append(dialog);
          dialog.startDownload(["asset-1"], {archiveName: "Mine.zip"});
        }"""
    )

    job_id = job_of(page)

    assert fake.call("jobOf", job_id)["archiveName"] == "Mine.zip"
    expect(page.get_by_role("dialog")).to_be_visible()
