"""Problem documents: every error has its status and title, says where, and gives nothing away."""

from __future__ import annotations

import pytest
from flask import Flask

from bulkdl import errors
from bulkdl.api.errors import STATUS, TITLES, RateLimited, UnsupportedMediaType, problem_of
from tests.web import JOBS, client_of

EXAMPLES = [
    (errors.InvalidRequest("No.", field="assetIds"), 422, {}),
    (errors.TooManyFiles(1001, 1000), 422, {"limit": 1000, "count": 1001}),
    (errors.TooManyBytes(11, 10), 422, {"limit": 10, "size": 11}),
    (errors.AssetNotFound(["a", "b"]), 404, {"assetIds": ["a", "b"]}),
    (errors.NotAuthenticated("No."), 401, {}),
    (errors.PermissionDenied("No."), 403, {}),
    (errors.QuotaExceeded(5), 429, {"limit": 5}),
    (errors.IdempotencyConflict("No."), 422, {}),
    (errors.JobNotFound("1"), 404, {"jobId": "1"}),
    (errors.JobNotReady("No.", job_id="1"), 409, {"jobId": "1"}),
    (errors.ArchiveExpired("No.", job_id="1"), 410, {"jobId": "1"}),
    (errors.FilesUnavailable("No."), 409, {}),
    (errors.ArchiveError("No."), 422, {}),
    (errors.StorageUnavailable("Bucket b is away."), 503, {}),
    (errors.StorageRefused("Wrong key for bucket b."), 502, {}),
    (errors.ServiceUnavailable("database"), 503, {"service": "database"}),
    (errors.TooManyStreams(20), 503, {"limit": 20}),
    (errors.BuildFailed("No."), 500, {}),
]


@pytest.mark.parametrize(("error", "status", "members"), EXAMPLES, ids=lambda value: getattr(value, "code", None))
def test_an_error_becomes_a_problem_document(
    app: Flask, error: errors.BulkdlError, status: int, members: dict[str, object]
) -> None:
    with app.test_request_context("/somewhere"):
        response = problem_of(error).to_response()

    document = response.get_json(force=True)
    assert response.status_code == document["status"] == status
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert document["code"] == error.code
    assert document["type"] == f"/docs/problems#{error.code}"
    assert document["instance"] == "/somewhere"
    assert members.items() <= document.items()


@pytest.mark.parametrize("status", [429, 503])
def test_who_shall_come_back_is_told_when(app: Flask, status: int) -> None:
    with app.test_request_context("/"):
        responses = [problem_of(error).to_response() for error, expected, _ in EXAMPLES if expected == status]

    assert responses
    assert all(int(response.headers["Retry-After"]) >= 1 for response in responses)


def test_what_failed_inside_is_not_told(app: Flask) -> None:
    with app.test_request_context("/"):
        texts = [
            problem_of(error).to_response().get_data(as_text=True)
            for error in (
                errors.StorageRefused("Wrong key for bucket b."),
                errors.StorageUnavailable("Bucket b is away."),
                errors.BulkdlError("Bucket b."),
            )
        ]

    assert all("ucket b" not in text for text in texts)


def test_an_unexpected_error_is_a_problem_document_too(app: Flask) -> None:
    def broken() -> str:
        raise ZeroDivisionError("the inside of the machine")

    app.add_url_rule("/broken", "broken", broken)

    response = client_of(app).get("/broken")

    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert response.json is not None
    assert response.json["code"] == "internal_error"
    assert b"machine" not in response.data


def test_what_a_person_can_do_something_about_has_a_title() -> None:
    internal = (500, 502)

    assert {error.code for error, status, _ in EXAMPLES if status not in internal} <= TITLES.keys()


def test_every_family_of_the_table_has_an_example() -> None:
    tried = {type(error) for error, _, _ in EXAMPLES}
    # Asked for by their own tests, or the root that others stand for.
    elsewhere = {errors.BulkdlError, errors.StorageError, errors.ObjectNotFound, RateLimited, UnsupportedMediaType}

    assert STATUS.keys() - tried == elsewhere


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", JOBS, 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/static/nothing.js", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("GET", "/docs/assets/../flask_swagger_ui.py", 404, "not_found"),
    ],
)
def test_what_flask_refuses_is_a_problem_document(app: Flask, method: str, path: str, status: int, code: str) -> None:
    response = client_of(app).open(path, method=method)

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.json is not None
    assert response.json["code"] == code
    if status == 405:
        assert "GET" in response.headers["Allow"]


def test_the_list_of_codes_is_what_types_lead_to(app: Flask) -> None:
    page = app.test_client().get("/docs/problems").get_data(as_text=True)

    assert all(f'id="{code}"' in page for code in TITLES)
