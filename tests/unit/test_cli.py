"""The command line without a server: usage, and what it says when it finds nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from bulkdl.cli import main
from bulkdl.cli.exits import CommandError, Exit
from bulkdl.cli.tokens import make_token
from bulkdl.identity import principal_from_claims
from bulkdl.logs import get_logger
from bulkdl.settings import load_settings
from tests.services.logs import logs_left_alone

SECRET = "s" * 32
ENOUGH = {
    "DATABASE_URL": "sqlite:///unused",
    "REDIS_URL": "redis://127.0.0.1:1",
    "BULK_DOWNLOAD_BUCKET": "archives",
    "JWT_SECRET_KEY": SECRET,
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in (*ENOUGH, "BULKDL_TOKEN", "BULKDL_PUBLIC_URL", "BULKDL_HOME"):
        monkeypatch.delenv(name, raising=False)
    with logs_left_alone():
        yield


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["bulkdl", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["download"],
        ["download", "--project", "p", "--job", "j"],
        ["download", "--project", "p", "--on-missing", "pray"],
        ["assets", "import", "https://bucket/x", "--project", "p"],
        ["assets", "import", "s3://bucket"],
        ["jobs", "show"],
        ["dance"],
    ],
)
def test_wrong_usage_ends_with_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == Exit.USAGE


def test_help_ends_with_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == Exit.DONE
    assert {"assets", "doctor", "download", "jobs", "revoke", "sample", "sweep", "token"} <= set(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize("arguments", [["token"], ["jobs", "list"], ["download"]])
def test_who_speaks_to_the_server_does_not_wait_for_what_the_server_is_made_of(arguments: list[str]) -> None:
    script = "import sys; from bulkdl.cli import main\ntry: main()\nfinally: print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)

    assert "click" in (loaded := done.stdout.split())
    assert {"sqlalchemy", "boto3", "redis", "flask", "PIL"}.isdisjoint(loaded)


def test_without_a_system_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "token") == Exit.ERROR

    assert "DATABASE_URL is not set" in (said := capsys.readouterr().err)
    assert "make run" in said


def test_given_token_needs_no_settings_and_a_silent_server_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bulkdl.cli.api._RETRIES", False)

    assert run(monkeypatch, "--url", "http://127.0.0.1:1", "--token", "t", "jobs", "list") == Exit.UNREACHABLE
    assert "http://127.0.0.1:1 cannot be reached" in capsys.readouterr().err


def test_what_is_logged_does_not_stand_among_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def talk(*args: object, **more: object) -> str:
        get_logger("bulkdl.jobs").debug("job cleaned")
        get_logger("bulkdl.jobs").warning("something is wrong")
        return "a-token"

    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.modules["bulkdl.cli.main"], "make_token", talk)

    assert run(monkeypatch, "token") == 0

    printed = capsys.readouterr()
    assert printed.out == "a-token\n"
    assert "something is wrong" in printed.err
    assert "job cleaned" not in printed.err


def test_printed_token_says_who_and_what(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)

    assert (
        run(monkeypatch, "--user", "ann", "token", "--project", "a", "--project", "b", "--scope", "assets:write") == 0
    )

    claims = jwt.decode(capsys.readouterr().out.strip(), SECRET, algorithms=["HS256"])
    principal = principal_from_claims(claims)
    assert (principal.user_id, principal.project_ids) == ("ann", {"a", "b"})
    assert principal.scopes == {"assets:write"}


def test_no_token_is_made_where_only_the_public_key_is_known() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"
    settings = load_settings(ENOUGH | {"JWT_ALGORITHM": "ES256", "JWT_PUBLIC_KEY": pem})

    with pytest.raises(CommandError, match="issued elsewhere"):
        make_token(settings, "ann", ["a"], ttl_s=60)
