"""The documents say what is true: settings, routes, commands, and what the files beside the code name."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import dotenv
import pytest
import yaml
from honcho.environ import parse_procfile

from bulkdl.app import create_app
from bulkdl.cli.exits import Exit
from bulkdl.cli.main import group
from bulkdl.errors import SettingsError
from bulkdl.settings import VARIABLES, Settings, load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
PROCFILE = (ROOT / "Procfile").read_text(encoding="utf-8")

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

SECRETS = {"JWT_SECRET_KEY"}
"""Required, and without an example on purpose."""


def settings_by_variable() -> dict[str, str]:
    """The default of every setting as one would write it, `required`, or nothing."""
    fields = {field.name: field.default for field in dataclasses.fields(Settings)}
    return {variable.name: _written(variable.name, fields[name]) for name, variable in VARIABLES.items()}


def process_variables() -> set[str]:
    """What the Procfile and gunicorn's settings read beside the settings."""
    read = set(re.findall(r"\$\{([A-Z_]+)", PROCFILE))
    read |= set(re.findall(r"(?:environ\.get|_number)\([\"']([A-Z_]+)[\"']", (ROOT / "gunicorn.conf.py").read_text()))
    return read - set(settings_by_variable()) - {"PROMETHEUS_MULTIPROC_DIR"}


def readme_settings() -> dict[str, str]:
    return dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| ([^|]*?) ?\| [^|]+ \|$", README, re.MULTILINE))


def routes() -> set[str]:
    app = create_app(
        load_settings(
            {
                "DATABASE_URL": "sqlite:///unused",
                "REDIS_URL": "redis://127.0.0.1:1",
                "BULK_DOWNLOAD_BUCKET": "archives",
                "JWT_SECRET_KEY": "s" * 32,
                "AWS_ACCESS_KEY_ID": "none",
                "AWS_SECRET_ACCESS_KEY": "none",
            }
        )
    )
    return {
        method + " " + _PARAMETER.sub(r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and not rule.rule.startswith(("/static/", "/docs/assets/"))
    }


def test_readme_lists_every_setting_with_its_default() -> None:
    listed = {name: default.strip("`") for name, default in readme_settings().items()}

    for name in process_variables():
        assert name in listed
        del listed[name]
    assert listed == settings_by_variable()


def test_example_file_lists_every_setting_with_its_default() -> None:
    listed = dict(re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    required = {name for name, default in settings_by_variable().items() if default == "required"}

    for name in process_variables():
        assert listed.pop(name) == readme_settings()[name].strip("`")
    assert listed == {name: value for name, value in settings_by_variable().items() if name not in required}
    assert set(re.findall(r"^([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == required


def test_example_file_lacks_nothing_but_the_secret() -> None:
    example = {name: value or "" for name, value in dotenv.dotenv_values(stream=io.StringIO(EXAMPLE)).items()}

    with pytest.raises(SettingsError, match=r"^JWT_SECRET_KEY is not set"):
        load_settings(example)
    assert load_settings(example | {"JWT_SECRET_KEY": "s" * 32}).archive_bucket == "my-archives"


def test_readme_lists_every_route_and_no_other() -> None:
    listed = set(re.findall(r"^\| `((?:GET|POST|DELETE|PUT|PATCH) /[^`]*)` \|", README, re.MULTILINE))

    assert listed == routes()


def test_readme_names_every_command() -> None:
    terminal = README.partition("## From the terminal")[2].partition("## How it works")[0]

    for name in group.list_commands(click.Context(group)):
        assert re.search(rf"`[^`]*\b{name}\b[^`]*`|bulkdl {name}", terminal), name


def test_help_explains_every_exit_status() -> None:
    text = group.get_help(click.Context(group))

    for status in Exit:
        assert re.search(rf"\b{status.value}\b", text), status


def test_readme_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target


def test_procfile_names_the_four_processes() -> None:
    processes = parse_procfile(PROCFILE).processes

    assert list(processes) == ["release", "web", "worker", "clock"]
    assert processes["release"] == "alembic upgrade head"


def test_compose_gives_no_secret_and_every_required_setting() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    given: dict[str, Any] = compose["services"]["web"]["environment"]

    assert given["JWT_SECRET_KEY"].startswith("${JWT_SECRET_KEY:?")
    load_settings(given | {"JWT_SECRET_KEY": "s" * 32})
    assert {"web", "worker", "clock", "setup", "postgres", "redis", "s3"} == set(compose["services"])
    for name, service in compose["services"].items():
        for needed in service.get("depends_on", {}):
            assert needed in compose["services"], (name, needed)
    assert set(given) - set(settings_by_variable()) == set()


def test_app_json_asks_only_for_what_is_read() -> None:
    manifest = json.loads((ROOT / "app.json").read_text())
    known = set(settings_by_variable()) | process_variables()

    assert set(manifest["env"]) <= known
    assert set(manifest["formation"]) == {"web", "worker", "clock"}


def test_requirements_are_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()
        wanted = [line for line in lines if line and not line.startswith(("#", "-r "))]
        assert [line for line in wanted if not re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+", line)] == []


def test_command_is_installed_by_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["scripts"] == {"bulkdl": "bulkdl.cli:main"}


def _written(name: str, default: object) -> str:
    if default is dataclasses.MISSING or name in SECRETS:
        return "required"
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
