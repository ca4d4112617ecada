"""Takes the pictures of docs/images: `python -m tests.browser.screenshots`. Look at each before it is committed.

The files are those of the sample library, the service is the played one, so that every state can be shown at will.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from PIL import Image, ImageFilter
from playwright.sync_api import Page, Route, expect, sync_playwright

from bulkdl.local.sample import ensure_sample, sample_files
from tests.browser.conftest import ROOT, WHOLE, Fake, Json, job_of, launched

IMAGES = ROOT / "docs/images"
SAMPLE = Path.home() / ".cache/bulkdl-screenshots"
WIDE = (1280, 800)
PHONE = (390, 844)
LIMIT = 300_000
"""Bytes of one picture."""

Act = Callable[[Page, Fake], None]


@dataclass(frozen=True)
class Shot:
    """One picture: its name, how large, how lit, and what is to be seen."""

    name: str
    size: tuple[int, int]
    scheme: Literal["light", "dark"]
    act: Act


def idle(page: Page, fake: Fake) -> None:
    page.get_by_role("button", name="Campaigns 24 files").click()
    for position in (1, 2, 5):
        page.locator(".tile").nth(position).click()
    page.mouse.move(0, 0)


def begin(page: Page) -> str:
    page.get_by_role("button", name="Download all").click()
    return job_of(page)


def progress(page: Page, fake: Fake) -> None:
    moving = {"percent": 46, "current": 30, "total": 64, "bytesDone": 52_400_000, "bytesTotal": 113_097_387}
    fake.call("change", begin(page), {**moving, "bytesPerSecond": 18_300_000, "etaSeconds": 3.4})
    expect(page.get_by_role("dialog")).to_contain_text("46%")


def skipped(page: Page, fake: Fake) -> None:
    gone = [
        {"assetId": "a", "name": "Campaigns/Spring 2026/hero-07.jpg", "reason": "not_found"},
        {"assetId": "b", "name": "Events/Opening night/Group photo.jpg", "reason": "archived_storage_class"},
    ]
    renamed = [{"assetId": "c", "name": "Places/Lisbon/CON.jpg", "archiveName": "Places/Lisbon/_CON.jpg"}]
    ends = {"skipped": gone, "skippedCount": 2, "renamed": renamed, "renamedCount": 1, "total": 64}
    fake.call("complete", begin(page), ends)
    expect(page.get_by_role("dialog")).to_contain_text("hero-07")


def failed(page: Page, fake: Fake) -> None:
    error = "The bucket refused to take the archive: its credentials may not write to bulk-downloads/."
    fake.call("change", begin(page), {"status": "failed", "error": error, "errorCode": "storage_refused"})
    expect(page.get_by_role("dialog")).to_contain_text("refused")


def tray(page: Page, fake: Fake) -> None:
    page.locator("#tray-toggle").click()
    page.locator("#tray-title").evaluate("title => title.blur()")


SHOTS = [
    Shot("media-library", WIDE, "light", idle),
    Shot("progress", WIDE, "light", progress),
    Shot("progress-dark", WIDE, "dark", progress),
    Shot("media-library-dark", WIDE, "dark", idle),
    Shot("skipped", WIDE, "light", skipped),
    Shot("failure", WIDE, "light", failed),
    Shot("phone", PHONE, "light", idle),
    Shot("phone-skipped-dark", PHONE, "dark", skipped),
    Shot("phone-downloads", PHONE, "light", tray),
]


def assets(folder: Path) -> list[Json]:
    """The sample library as the API would list it."""
    return [
        {
            "assetId": str(file.number),
            "projectId": "demo",
            "name": file.name,
            "size": (folder / file.file_name).stat().st_size,
            "contentType": file.content_type,
            "modifiedAt": None,
            "thumbnailUrl": f"/thumbnail/{file.number}.jpg",
        }
        for file in sorted(sample_files(), key=lambda file: file.name)
    ]


def earlier_jobs(fake: Fake) -> None:
    """Downloads of before, one in each state, the oldest first."""

    def add(name: str, days: float, **fields: Json) -> str:
        created = datetime.now(UTC) - timedelta(days=days)
        job_id: str = fake.call("addJob", {"archiveName": name, "createdAt": created.isoformat(), **fields}, [])[
            "jobId"
        ]
        return job_id

    add("Winter 2025.zip", 3, status="expired")
    lost = [{"assetId": "x", "name": "x", "reason": "not_found"}]
    kit = add("Press kit.zip", 0.2, total=20, bytesTotal=36_000_000)
    fake.call("complete", kit, {"skipped": lost, "skippedCount": 1})
    fake.call("complete", add("Lisbon.zip", 0.1, total=4, bytesTotal=6_400_000), {})
    moving = {"percent": 71, "current": 7, "total": 10, "etaSeconds": 12}
    fake.call("change", add("Harbour festival.zip", 0.001), moving)


def small_pictures(folder: Path) -> Callable[[Route], None]:
    """Answers for thumbnails, from the sample's files."""
    files = {str(file.number): folder / file.file_name for file in sample_files()}

    def answer(route: Route) -> None:
        number = route.request.url.rpartition("/")[2].removesuffix(".jpg")
        image = Image.open(files[number]).convert("RGB")
        image.thumbnail((500, 500))
        # Without their grain: a picture of it is twice as large.
        image = image.filter(ImageFilter.MedianFilter(5))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=88)
        route.fulfill(body=buffer.getvalue(), content_type="image/jpeg")

    return answer


def keep(picture: bytes, path: Path) -> None:
    """Save the picture; with a palette where it would be too large for a README."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        image.quantize(256, kmeans=1).save(path, optimize=True)


def main(names: list[str]) -> None:
    """Take the named pictures, or all."""
    folder = ensure_sample(SAMPLE, on_progress=lambda done, total: None)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, launched(playwright, WHOLE) as browser:
        for shot in SHOTS:
            if names and shot.name not in names:
                continue
            process = subprocess.Popen(
                ["node", str(ROOT / "frontend/fake/main.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            fake = Fake(process)
            fake.order(assets=assets(folder))
            earlier_jobs(fake)
            width, height = shot.size
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=shot.scheme, locale="en-GB"
            )
            page = context.new_page()
            page.route("**/thumbnail/*", small_pictures(folder))
            page.goto(fake.origin)
            page.locator(".picture img.seen").nth(3).wait_for()
            shot.act(page, fake)
            page.wait_for_load_state("networkidle")
            page.evaluate("() => Promise.all(document.getAnimations().map(({finished}) => finished.catch(() => {})))")
            keep(page.screenshot(), IMAGES / f"{shot.name}.png")
            context.close()
            fake.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
