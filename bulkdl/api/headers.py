"""What stands on every answer: who may embed, run, read and keep it; and which other origins may ask."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_cors import CORS

from bulkdl.api.request_id import REQUEST_ID_HEADER
from bulkdl.settings import Settings

# Of answers that are not pages: nothing in them may ever run.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"

_CORS_MAX_AGE_S = 600
_EXPOSED = (
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "Skipped-Count",
    REQUEST_ID_HEADER,
)
_ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-CSRF-TOKEN", REQUEST_ID_HEADER)


def init_headers(app: Flask, settings: Settings) -> None:
    """Put the security headers on every answer, and those of CORS for the allowed origins."""
    page_policy = make_page_policy(settings)
    is_https = (settings.public_url or "").startswith("https://")

    @app.after_request
    def _add(response: Response) -> Response:
        headers = response.headers
        is_page = response.mimetype == "text/html"
        headers.setdefault("Content-Security-Policy", page_policy if is_page else API_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if is_https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static":
            # Answers are one person's, and many hold a presigned URL.
            headers.setdefault("Cache-Control", "no-store")
        return response

    if settings.allowed_origins:
        CORS(
            app,
            origins=list(settings.allowed_origins),
            supports_credentials=True,
            expose_headers=list(_EXPOSED),
            allow_headers=list(_ALLOWED),
            methods=["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
            max_age=_CORS_MAX_AGE_S,
            allow_private_network=False,
        )


def make_page_policy(settings: Settings) -> str:
    """The policy of our own pages: nothing inline, nothing from elsewhere but pictures from the bucket."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: {' '.join(_picture_sources(settings))}",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _picture_sources(settings: Settings) -> list[str]:
    """Where presigned URLs lead: the endpoint, and the buckets' hosts below it."""
    endpoint = settings.s3_public_endpoint_url or settings.s3_endpoint_url
    if endpoint is None:
        return ["https://*.amazonaws.com"]
    parts = urlsplit(endpoint)
    return [f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://*.{parts.netloc}"]
