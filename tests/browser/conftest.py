"""A real browser, and the played service (`frontend/fake`) that shows it what is hard to bring about."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.services.database import SQLITE
from tests.services.missing import missing
from tests.services.wait import wait_until

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WITHOUT_WINDOWS = ("chromium-headless-shell",)

# Any: whatever the page's scripts give back, or the service takes.
Json = Any


@pytest.fixture(scope="session")
def usual_database_kind() -> str:
    """The page cannot tell one database from another; the acceptance tests try both."""
    return SQLITE


@pytest.fixture
def database_kind(usual_database_kind: str) -> str:
    """The same for a system of a test's own."""
    return usual_database_kind


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers; there can be one in a process."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium as the system has it: without windows, where it comes like that too, since a page then costs half."""
    with launched(playwright, WITHOUT_WINDOWS + WHOLE) as browser:
        yield browser


@pytest.fixture(scope="session")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium as people have it."""
    with launched(playwright, WHOLE) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, names: Iterable[str]) -> Iterator[Browser]:
    """The browser that BULKDL_TEST_BROWSER names, else the first of these that is on PATH."""
    path = os.environ.get("BULKDL_TEST_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing("no Chromium on PATH, and BULKDL_TEST_BROWSER names none")
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page's scripts and its security policy complained of."""
    return []


@pytest.fixture
def context(browser: Browser, complaints: list[str]) -> Iterator[BrowserContext]:
    """A fresh profile; the test fails when a page of it complains."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB")
    context.set_default_timeout(10_000)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: _note(complaints, message.type, message.text))
    yield context
    context.close()
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """The first tab."""
    return context.new_page()


class Fake:
    """The played service as a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.origin: str = json.loads(process.stdout.readline())["origin"]

    def order(self, **order: Json) -> Json:
        """Send one order; see frontend/fake/main.js."""
        request = urllib.request.Request(f"{self.origin}/control", json.dumps(order).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def call(self, name: str, *args: Json) -> Json:
        """Call a method of FakeService."""
        return self.order(call=name, args=args)

    def set(self, **settings: Json) -> None:
        """Set what a test may break."""
        self.order(set=settings)

    def stop(self) -> None:
        """End it by the end of its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()


StartFake = Callable[..., Fake]


@pytest.fixture
def start_fake() -> Iterator[StartFake]:
    """Starts played services; `extra` is a folder that they serve as well."""
    node = shutil.which("node")
    if node is None or not (ROOT / "frontend/node_modules/ws").exists():
        missing("Node.js with `npm ci` done in frontend/ is not there")
    started: list[Fake] = []

    def start(*, extra: Path | None = None, assets: int = 60) -> Fake:
        environ = {**os.environ, **({"FAKE_EXTRA_DIRECTORY": str(extra)} if extra else {})}
        process = subprocess.Popen(
            [str(node), str(ROOT / "frontend/fake/main.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        fake = Fake(process)
        started.append(fake)
        fake.order(assets=assets)
        return fake

    yield start
    for fake in started:
        fake.stop()


@pytest.fixture
def fake(start_fake: StartFake) -> Fake:
    """The played service with a library of sixty files."""
    return start_fake()


@pytest.fixture
def library(page: Page, fake: Fake) -> Page:
    """The page with its sixty files shown."""
    page.goto(fake.origin)
    page.locator(".tile").first.wait_for()
    return page


def job_of(page: Page) -> str:
    """The id of the job that the page's dialog shows, once it has one."""
    shown = "() => document.querySelector('bulk-download-dialog').client.state.jobId"
    # Not wait_for_function: between its tries it evaluates text, which the page's policy forbids.
    job_id: str = wait_until(lambda: page.evaluate(shown), what="the dialog's job")
    return job_id


def _note(complaints: list[str], kind: str, text: str) -> None:
    # Answers that a test has asked for (a refusal, a blocked stream) are no fault of the page.
    if kind == "error" and not text.startswith("Failed to load resource") and "WebSocket connection to" not in text:
        complaints.append(text)
