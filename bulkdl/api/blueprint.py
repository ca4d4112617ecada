"""Blueprints of this API: strict reading of what a client sends, and documentation in our error shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import flask
import flask_smorest
import marshmallow as ma
from webargs.flaskparser import FlaskParser, is_json_request

from bulkdl.api.errors import CONTENT_TYPE, RequestInvalid, UnsupportedMediaType
from bulkdl.api.schemas import ProblemSchema

_SHOWN_PROBLEMS = 20


class StrictParser(FlaskParser):
    """Reads bodies, queries and headers; refuses what it does not know, with the place of every fault."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - as its base class has it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "json": ma.RAISE,
    }

    def _raw_load_json(self, req: flask.Request) -> Any:  # Any: JSON
        if not is_json_request(req):
            raise UnsupportedMediaType("The body must be JSON: send it with `Content-Type: application/json`.")
        body = req.get_data(cache=True)
        try:
            return json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as exc:
            # Beside malformed text: bytes that are not UTF-8, NaN, integers of thousands of digits, deep nesting.
            raise RequestInvalid(
                "The body is not valid JSON.", problems=[{"detail": "This is not JSON.", "pointer": "#"}]
            ) from exc

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Raise `RequestInvalid`, which says what is wrong and where."""
        problems: list[dict[str, str]] = []
        for problem in _problems(error.messages):
            problems.append(problem)
            if len(problems) == _SHOWN_PROBLEMS:
                break
        first = problems[0]
        where = first.get("pointer", "").removeprefix("#/") or first.get("parameter") or first.get("header")
        raise RequestInvalid(f"{where}: {first['detail']}" if where else first["detail"], problems=problems)


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose arguments are read strictly."""

    ARGUMENTS_PARSER = StrictParser()


class Api(flask_smorest.Api):
    """The OpenAPI document; errors are answered by `api.errors` and documented as problem documents."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Nothing: `init_errors` has."""

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = CONTENT_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259 §6)")


def _problems(messages: Any) -> Iterator[dict[str, str]]:  # Any: marshmallow's nesting of dicts and lists
    for location, inner in messages.items():
        for path, detail in _leaves(inner, ()):
            yield {"detail": detail, **_place(str(location), path)}


def _leaves(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:  # Any: as above
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _leaves(inner, path if name == "_schema" else (*path, str(name)))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _leaves(inner, path)
    else:
        yield path, str(messages)


def _place(location: str, path: tuple[str, ...]) -> dict[str, str]:
    if location == "json":
        # RFC 6901 §3: `~` and `/` inside a name are escaped.
        return {"pointer": "#" + "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)}
    kind = "header" if location == "headers" else "parameter"
    return {kind: ".".join(path)}
