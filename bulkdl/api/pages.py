"""The media library's page: a shell that talks to the API as any other client does."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, make_response, render_template

from bulkdl.api.auth import CSRF_COOKIE, CSRF_HEADER, log_demo_user_in, uses_cookies
from bulkdl.api.current import current_settings
from bulkdl.identity import Principal
from bulkdl.settings import Settings

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """The page for everybody; what it shows is decided by the API. In a demo it signs the visitor in."""
    settings = current_settings()
    response = make_response(render_template("index.html", config=page_config(settings, g.principal)))
    if g.principal is None:
        log_demo_user_in(response, settings)
    return response


def page_config(settings: Settings, principal: Principal | None = None) -> dict[str, Any]:  # Any: JSON
    """What the page's scripts must know; the template puts it into the document as data, never as code."""
    return {
        "urlPrefix": settings.url_prefix,
        "usesCookies": uses_cookies(settings),
        "csrfCookie": CSRF_COOKIE,
        "csrfHeader": CSRF_HEADER,
        "heartbeatSeconds": settings.heartbeat_s,
        "projects": sorted(principal.project_ids) if principal else [],
        "isDemo": settings.demo_user is not None,
    }
