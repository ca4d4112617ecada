"""The examples of docs/embedding.md, started as their first lines say, on the real system."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ROOT
from tests.services.processes import Process, free_port
from tests.services.system import System

FILES = {"a.jpg": b"first", "folder/b.jpg": b"second"}

StartExample = Callable[[str, int, Mapping[str, str]], str]


@pytest.fixture(scope="module")
def listed_port() -> int:
    """Where a page lives that may call the service."""
    return free_port()


@pytest.fixture(scope="module")
def system_variables(listed_port: int) -> Mapping[str, str]:
    return {"BULKDL_ALLOWED_ORIGINS": f"http://127.0.0.1:{listed_port}"}


@pytest.fixture
def system(shared_system: System) -> System:
    """The system with nothing in it."""
    shared_system.clear()
    return shared_system


@pytest.fixture
def start_example(tmp_path: Path) -> Iterator[StartExample]:
    """Starts `examples/<name>/app.py` on a port and returns its address."""
    started: list[Process] = []

    def start(name: str, port: int, environ: Mapping[str, str]) -> str:
        command = [sys.executable, str(ROOT / "examples" / name / "app.py")]
        started.append(Process(command, log_path=tmp_path / f"{name}.log", environ={**environ, "PORT": str(port)}))
        started[-1].wait_for_port(port, timeout_s=60)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        process.stop()


def fetch_all(page: Page, folder: Path) -> dict[str, bytes]:
    button = page.get_by_role("button", name="Download all")
    expect(button).to_be_enabled(timeout=30_000)
    with page.expect_download(timeout=60_000) as download:
        button.click()
    path = folder / "fetched.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_bulkdl_lives_inside_another_flask_application(
    system: System, start_example: StartExample, page: Page, tmp_path: Path
) -> None:
    system.add_files(FILES)
    port = free_port()
    own = {"JWT_COOKIES": "true", "BULKDL_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}"}
    address = start_example("flask_app", port, system.environ | own)
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()

    assert fetch_all(page, tmp_path) == FILES
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_plain_page_of_another_origin_uses_tokens_that_its_backend_signs(
    system: System, listed_port: int, start_example: StartExample, page: Page, tmp_path: Path
) -> None:
    system.add_files(FILES)
    environ = {"PATH": os.environ["PATH"], "JWT_SECRET_KEY": system.environ["JWT_SECRET_KEY"]}
    address = start_example("signing_backend", listed_port, environ)

    def lead_to_the_system(route: Route) -> None:
        script = (ROOT / "examples/html/page.js").read_text()
        route.fulfill(body=script.replace("http://127.0.0.1:8000", system.base_url), content_type="text/javascript")

    page.route(f"{address}/page.js", lead_to_the_system)
    page.goto(address)

    assert fetch_all(page, tmp_path) == FILES


def test_a_page_of_an_origin_that_is_not_listed_is_kept_out(
    system: System, start_example: StartExample, page: Page, complaints: list[str]
) -> None:
    environ = {"PATH": os.environ["PATH"], "JWT_SECRET_KEY": system.environ["JWT_SECRET_KEY"]}
    address = start_example("signing_backend", free_port(), environ)
    page.goto(address)

    refused = page.evaluate("(url) => fetch(url).then(() => false, () => true)", f"{system.base_url}/healthz")

    assert refused
    assert any("CORS" in complaint for complaint in complaints)
    complaints.clear()
