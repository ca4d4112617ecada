"""The API's own page: it shows every operation, and its security policy lets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.serving import make_server

from tests.web import make_settings, running_unit_app


@pytest.fixture
def docs_url(tmp_path: Path) -> Iterator[str]:
    with running_unit_app(make_settings(tmp_path, demo_user="demo")) as app:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/docs"
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_operation_is_shown_and_can_be_tried(docs_url: str, context: BrowserContext, page: Page) -> None:
    site = docs_url.removesuffix("/docs")
    # Signs in as the demo's visitor, so that what the page tries is answered.
    context.request.get(site)
    paths = context.request.get(f"{site}/openapi.json").json()["paths"]
    operations = [method for path in paths.values() for method in path if method in ("get", "post", "delete")]

    page.goto(docs_url)

    expect(page.locator(".opblock")).to_have_count(len(operations))
    expect(page.locator(".opblock-deprecated")).to_have_count(1)
    operation = page.locator(".opblock-get").filter(has_text="Your downloads, newest first.")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
