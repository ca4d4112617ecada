"""The OpenAPI document is valid and complete, and the service answers as it says, whatever it is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.serving import make_server

from tests.factories import PROJECT, make_asset, make_job
from tests.services.web import StartApp
from tests.web import make_token, runtime_of

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

EXAMPLES = os.environ.get("BULKDL_TEST_EXAMPLES", "10")
"""Cases that are made up for each operation, beside those that follow from the schemas."""
PHASES = os.environ.get("BULKDL_TEST_PHASES", "examples,coverage,fuzzing")
"""`stateful` takes as long as the others together."""

# Described elsewhere or by themselves: pages and files.
UNDOCUMENTED = {"static", "docs.openapi", "docs.page", "docs.problems", "docs.assets", "pages.index"}
# An open stream has no end to wait for.
STREAMS = "^/media-collab/bulk-download/(events|jobs/\\{job_id\\}/events)$"

CONFIG = """
# Cursors are only good when the service made them, assets when they are there, buckets when its operator
# listed them, and an Idempotency-Key when it was not used for another request: what cannot be described
# may be refused.
[[operations]]
include-path-regex = "/assets$|/assets/bulk-download$|/jobs$|/items$"
checks.positive_data_acceptance.enabled = false

# OpenAPI cannot say that this is a WebSocket.
[[operations]]
include-path-regex = "/ws$"
enabled = false
"""
# What made-up ids never hit.
OWN_THINGS = """
[parameters]
"path.job_id" = "mine"
"path.asset_id" = "mine"
"query.projectId" = "demo"
"""


def document_of(app: Flask) -> dict[str, Any]:
    document = app.test_client().get("/openapi.json").json
    assert isinstance(document, dict)
    return document


def test_the_document_is_valid(app: Flask) -> None:
    document = document_of(app)

    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["openapi"] == "3.1.0"


def test_every_route_is_documented(app: Flask) -> None:
    documented = {
        (path, method.upper())
        for path, operations in document_of(app)["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNDOCUMENTED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert documented == routes


def test_every_operation_says_what_it_does_and_how_it_fails(app: Flask) -> None:
    for path, operations in document_of(app)["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation["summary"].endswith("."), (path, method)
            assert "default" in operation["responses"], (path, method)


def test_every_problem_is_documented_as_one(app: Flask) -> None:
    content = document_of(app)["components"]["responses"]["DEFAULT_ERROR"]["content"]

    assert list(content) == ["application/problem+json"]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["owner", "somebody", "nobody"])
def test_made_up_requests_are_answered_as_documented(start_app: StartApp, tmp_path: Path, who: str) -> None:
    app = start_app(max_active_jobs=10_000)
    with runtime_of(app).database.session() as session:
        session.add_all([make_asset(id="mine"), make_job(id="mine")])
        session.commit()
    config = tmp_path / "schemathesis.toml"
    config.write_text(OWN_THINGS + CONFIG if who == "owner" else CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(config), "run"]
    token = make_token(scope="assets:write", projects=[PROJECT], exp=None)
    options = ["--header", f"Authorization: Bearer {token}", "--exclude-path-regex", STREAMS] if who != "nobody" else []

    with served(app) as url:
        done = subprocess.run(
            [*command, f"{url}/openapi.json", "--max-examples", EXAMPLES, "--phases", PHASES, "--seed", "1", *options],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
