"""The data folder: held by one, its secrets readable by one, its environment true while the system runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkdl.local.home import AlreadyRunning, Home, find_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".bulkdl")


def test_home_is_in_the_working_folder_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert find_home({}).path == tmp_path / ".bulkdl"
    assert find_home({"BULKDL_HOME": "elsewhere"}).path == tmp_path / "elsewhere"


def test_home_is_held_by_one_at_a_time(home: Home) -> None:
    with home.claimed():
        home.write_environment({"BULKDL_PUBLIC_URL": "http://127.0.0.1:1"})
        with pytest.raises(AlreadyRunning, match=r"already running at http://127\.0\.0\.1:1"), home.claimed():
            pass

    with home.claimed():
        assert home.path.is_dir()


def test_environment_is_read_as_it_was_written(home: Home) -> None:
    environ = {
        "PLAIN": "a",
        "ODD": 'it\'s "$HOME" # no comment',
        "EMPTY": "",
        "URL": "redis://:p%40ss@h/0",
        "SLASH": "a\\b\\'",
    }

    with home.claimed():
        home.write_environment(environ)
        assert home.running_environment() == environ


def test_environment_of_a_dead_start_is_not_believed(home: Home) -> None:
    with home.claimed():
        home.write_environment({"A": "b"})
        text = (home.path / "environment").read_text()
    (home.path / "environment").write_text(text)

    assert home.running_environment() == {}


def test_no_home_no_environment(home: Home) -> None:
    assert home.running_environment() == {}
    assert not home.path.exists()


def test_secret_is_made_once_and_for_the_owner(home: Home) -> None:
    with home.claimed():
        secret = home.secret()

        assert len(secret) >= 32
        assert home.secret() == secret
        assert (home.path / "secret").stat().st_mode & 0o777 == 0o600
