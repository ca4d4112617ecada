"""The API's own description: the OpenAPI document, a page that shows it, and the list of problem codes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, send_from_directory

import bulkdl
from bulkdl.api.blueprint import Api
from bulkdl.api.errors import HTTP_CODES, PROBLEMS_PATH, STATUS, TITLES

blueprint = Blueprint("docs", __name__)

OPENAPI_VERSION = "3.1.0"

_KEY = "bulkdl.openapi"
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

DESCRIPTION = f"""\
Turns a selection of assets into one ZIP in the background.

`POST` a job, watch it by Server-Sent Events, WebSocket or polling, then go to its `downloadUrl`.
Errors are problem documents (RFC 9457); their `code`s are listed at [{PROBLEMS_PATH}]({PROBLEMS_PATH}).
"""


def make_api(app: Flask) -> Api:
    """The OpenAPI document that the blueprints write themselves into."""
    app.config.update(API_TITLE="Bulkdl", API_VERSION=bulkdl.__version__, OPENAPI_VERSION=OPENAPI_VERSION)
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}, {"cookie": []}],
        },
    )
    schemes = api.spec.components
    schemes.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    schemes.security_scheme("cookie", {"type": "apiKey", "in": "cookie", "name": "access_token_cookie"})
    app.extensions[_KEY] = api
    return api


def openapi_document(app: Flask) -> dict[str, Any]:  # Any: JSON
    """The OpenAPI document of this application."""
    document: dict[str, Any] = app.extensions[_KEY].spec.to_dict()
    return document


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI document."""
    return Response(current_app.json.dumps(openapi_document(current_app), indent=2), mimetype="application/json")


@blueprint.get("/docs")
def page() -> str:
    """The OpenAPI document as a page on which every operation can be tried."""
    return render_template("docs.html")


@blueprint.get("/docs/assets/<any({}):name>".format(", ".join(f"'{name}'" for name in _ASSETS)))
def assets(name: str) -> Response:
    """The files of Swagger UI, from the package that carries them: no page of ours loads from elsewhere."""
    folder = Path(str(resources.files("flask_swagger_ui"))) / "dist"
    return send_from_directory(folder, name, max_age=86_400)


@blueprint.get(PROBLEMS_PATH)
def problems() -> str:
    """What each problem's `type` leads to."""
    statuses: dict[str, int] = {code: status for status, code in HTTP_CODES.items()}
    statuses |= {family.code: int(status) for family, status in STATUS.items()}
    rows = [(code, statuses.get(code), title) for code, title in sorted(TITLES.items())]
    return render_template("problems.html", problems=rows)
