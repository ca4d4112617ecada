"""The media library page: what it shows, how files are chosen, what it says when there is nothing to show."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Fake, StartFake, job_of


def selected(page: Page) -> int:
    text = page.locator("#chosen").text_content() or ""
    return int(text.split()[0].replace(",", "")) if page.locator("#bar").is_visible() else 0


def test_library_shows_its_files_with_their_size(library: Page) -> None:
    expect(library.locator("#count")).to_have_text(re.compile(r"^60 files · 1\d\d MB$"))
    expect(library.locator(".tile").first).to_have_accessible_name(re.compile(r"^IMG_2400\.jpg 600 kB"))
    expect(library.get_by_role("button", name="Download all")).to_be_enabled()


def test_a_click_selects_and_the_size_is_told_before_the_download(library: Page) -> None:
    library.locator(".tile").nth(0).click()
    library.locator(".tile").nth(1).click()

    expect(library.locator("#chosen")).to_have_text("2 files selected")
    expect(library.locator("#chosen-size")).to_have_text("3.7 MB")
    library.locator(".tile").nth(1).click()
    expect(library.locator("#chosen")).to_have_text("1 file selected")


def test_a_click_with_shift_selects_the_range(library: Page) -> None:
    library.locator(".tile").nth(1).click()
    library.locator(".tile").nth(5).click(modifiers=["Shift"])

    assert selected(library) == 5
    library.locator(".tile").nth(3).click(modifiers=["Shift"])
    assert selected(library) == 3


def test_the_keyboard_alone_selects_and_downloads(library: Page, fake: Fake) -> None:
    library.locator("#grid").focus()
    for key in ("Space", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft"):
        library.keyboard.press(key)

    assert selected(library) == 3
    library.keyboard.press("Escape")
    assert selected(library) == 0
    library.keyboard.press("Control+a")
    assert selected(library) == 60
    library.get_by_role("button", name="Download selected").focus()
    library.keyboard.press("Enter")
    job_id = job_of(library)
    assert len(fake.order(call="jobOf", args=[job_id])["assetIds"]) == 60


def test_a_search_and_a_folder_narrow_what_is_shown(library: Page) -> None:
    library.get_by_role("button", name="Berlin 20 files").click()
    expect(library.locator("#place")).to_have_text("Berlin")
    expect(library.locator("#count")).to_have_text(re.compile("^20 files"))

    library.keyboard.press("/")
    library.keyboard.type("tag 2400")
    expect(library.locator("#nothing")).to_be_visible()
    library.get_by_label("Search files and folders").fill("tag 2401")
    expect(library.locator(".tile")).to_have_count(1)
    library.get_by_label("Search files and folders").fill("nothing like it")
    library.get_by_role("button", name="Show all files").click()
    expect(library.locator("#count")).to_have_text(re.compile("^60 files"))


def test_downloading_a_folder_asks_for_its_files_alone(library: Page, fake: Fake) -> None:
    library.get_by_role("button", name="Tag 1 10 files").click()
    library.get_by_role("button", name="Download all").click()

    job = fake.call("jobOf", job_of(library))
    assert len(job["assetIds"]) == 10
    assert job["archiveName"] == "Tag 1.zip"


def test_ten_thousand_files_cost_as_many_tiles_as_fit(page: Page, start_fake: StartFake) -> None:
    fake = start_fake(assets=10_000)
    page.goto(fake.origin)
    expect(page.locator("#count")).to_have_text(re.compile("^10,000 files"))

    assert page.locator(".tile").count() < 100
    page.locator("#grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".tile.active")).to_have_accessible_name(re.compile(r"IMG_12399\."))
    expect(page.locator(".tile.active")).to_be_in_viewport()
    assert page.locator(".tile").count() < 100
    elapsed_ms = page.evaluate(
        """async () => {
          const start = performance.now();
          const list = document.querySelector("#grid");
          list.dispatchEvent(new KeyboardEvent("keydown", {key: "a", ctrlKey: true}));
          await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          return performance.now() - start;
        }"""
    )
    assert selected(page) == 10_000
    assert elapsed_ms < 1000


def test_more_files_than_one_archive_holds_are_refused_before_the_click(page: Page, start_fake: StartFake) -> None:
    fake = start_fake(assets=60)
    fake.set(maxFiles=50)
    page.goto(fake.origin)

    expect(page.locator("#limit")).to_have_text(re.compile("at most 50 files"))
    expect(page.get_by_role("button", name="Download all")).to_be_disabled()


def test_an_empty_library_says_how_to_fill_it(page: Page, start_fake: StartFake) -> None:
    page.goto(start_fake(assets=0).origin)

    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    expect(page.get_by_role("button", name="Download all")).to_be_disabled()


def test_a_stranger_is_asked_to_sign_in_and_let_in_afterwards(page: Page, fake: Fake) -> None:
    fake.set(isSignedOut=True)
    page.goto(fake.origin)
    expect(page.get_by_role("heading", name="Sign in to see this library")).to_be_visible()

    fake.set(isSignedOut=False)
    page.get_by_role("button", name="I have signed in").click()

    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator("#signed-out")).to_be_hidden()


def test_a_library_that_cannot_be_loaded_can_be_tried_again(page: Page, fake: Fake) -> None:
    page.route("**/assets?*", lambda route: route.abort())
    page.goto(fake.origin)
    expect(page.get_by_role("heading", name="The library could not be loaded")).to_be_visible()

    page.unroute("**/assets?*")
    page.locator("#failed").get_by_role("button", name="Try again").click()

    expect(page.locator(".tile").first).to_be_visible()


def test_the_tray_shows_each_download_with_what_can_be_done(library: Page, fake: Fake) -> None:
    job_id = fake.call("addJob", {"archiveName": "Trip.zip", "total": 3}, ["asset-1", "asset-2"])["jobId"]
    fake.call("change", job_id, {"percent": 30, "current": 1, "etaSeconds": 70})
    row = library.locator(f"[data-job={job_id}]")
    expect(row).to_contain_text("30%")
    expect(row).to_contain_text("1 of 3 files")
    expect(library.get_by_role("button", name="Downloads 1 under way")).to_be_visible()

    fake.call("complete", job_id, {})
    expect(row).to_contain_text("Expires in 23 hours")
    with library.expect_download() as download:
        row.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "demo.zip"


def test_an_expired_download_can_be_built_again(page: Page, fake: Fake) -> None:
    fake.call("addJob", {"status": "expired", "archiveName": "Old.zip"}, ["asset-1", "asset-2"])
    page.goto(fake.origin)

    page.get_by_role("button", name="Build again").click()

    expect(page.locator("#jobs li")).to_have_count(2)
    assert fake.call("jobOf", job_of(page))["assetIds"] == ["asset-1", "asset-2"]


def test_names_from_the_server_are_text_and_never_markup(page: Page, fake: Fake) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    asset = {"assetId": "a", "name": f"<b>x&amp;/{name}", "size": 5, "contentType": None, "thumbnailUrl": None}
    fake.order(assets=[{**asset, "projectId": "demo", "modifiedAt": None}])
    page.goto(fake.origin)

    expect(page.locator(".tile .name")).to_contain_text(name)
    expect(page.locator("#folders")).to_contain_text("<b>x&amp;")


def test_a_page_without_a_project_asks_for_one(page: Page, fake: Fake) -> None:
    fake.order(config={"urlPrefix": "/media-collab"})
    page.goto(fake.origin)
    page.get_by_label("Project").fill("demo")
    page.get_by_role("button", name="Open").click()

    expect(page.locator(".tile").first).to_be_visible()


def test_the_phone_shows_two_columns_and_a_sheet_of_downloads(page: Page, fake: Fake) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(fake.origin)
    page.locator(".tile").first.wait_for()

    tops = page.locator(".tile").evaluate_all("tiles => tiles.slice(0, 4).map(tile => tile.offsetTop)")
    assert tops[0] == tops[1] < tops[2] == tops[3]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#tray")).to_be_hidden()
    page.get_by_role("button", name="Downloads").click()
    expect(page.locator("#tray")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tray")).to_be_hidden()
