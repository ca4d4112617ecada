"""The data folder: one running system at a time, its secret, and its settings for a second terminal."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from bulkdl.errors import BulkdlError


class AlreadyRunning(BulkdlError):
    """Another `python -m bulkdl` uses this data folder."""

    code = "already_running"


@dataclass(frozen=True, slots=True)
class Home:
    """`.bulkdl/` in the working folder, or what BULKDL_HOME names."""

    path: Path

    @property
    def logs(self) -> Path:
        """Where the private servers write."""
        return self.path / "logs"

    @property
    def redis(self) -> Path:
        """Where the private Redis keeps its queue from one start to the next."""
        return self.path / "redis"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "bulkdl.sqlite3"

    @property
    def _environment(self) -> Path:
        return self.path / "environment"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folders and hold them; the system gives the lock back however the process ends.

        Raises `AlreadyRunning`.
        """
        for folder in (self.path, self.logs, self.redis):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            if not _try_lock(lock.fileno()):
                raise AlreadyRunning(f"Bulkdl is already running {self._address()} (data folder {self.path}).")
            try:
                yield
            finally:
                self._environment.unlink(missing_ok=True)

    def secret(self) -> str:
        """The secret that signs tokens here: made at the first start, readable by the owner alone."""
        path = self.path / "secret"
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(48))
        return path.read_text()

    def write_environment(self, environ: Mapping[str, str]) -> None:
        """Leave the settings of the running system for the command line in another terminal."""
        lines = [f"{name}={_quoted(value)}\n" for name, value in environ.items()]
        _write_private(self._environment, "".join(lines))

    def running_environment(self) -> dict[str, str]:
        """What the running system wrote; empty when none runs here."""
        if not self._environment.exists() or not self._is_held():
            return {}
        return {name: value or "" for name, value in dotenv_values(self._environment, interpolate=False).items()}

    def _is_held(self) -> bool:
        with self._lock.open("a") as lock:
            return not _try_lock(lock.fileno())

    def _address(self) -> str:
        url = self.running_environment().get("BULKDL_PUBLIC_URL")
        return f"at {url}" if url else "or just ending"


def find_home(environ: Mapping[str, str]) -> Home:
    """The data folder that this environment means."""
    return Home(Path(environ.get("BULKDL_HOME") or ".bulkdl").resolve())


def _quoted(value: str) -> str:
    """As dotenv reads it."""
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    # Made unreadable to others before the text is in it, and complete before it has its name.
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text)
    unfinished.rename(path)
