"""Where the bench measures: taken from the environment once, with what is missing started or left out aloud."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.children import Child, python_program
from bulkdl.local.processes import ServerProcess, free_port
from bulkdl.local.servers import find_redis_binary

_PASSED_ON = ("AWS_", "BULK_DOWNLOAD_", "BULKDL_", "WORKER_", "dramatiq_")
"""Beginnings of the variables that the bench hands to the service as they are, so that settings can be tried out."""


@dataclass(frozen=True, slots=True)
class Store:
    """An S3 endpoint, or something that behaves enough like one for the transfer alone."""

    endpoint: str
    provider: str
    region: str
    bucket: str
    objects_folder: Path | None = None
    """Objects are written there, as files, instead of being put."""
    parts_folder: Path | None = None
    """Where such a server leaves the parts, as `<upload id>/<number>`."""

    any_key: str | None = None
    """Set where any key will do: a server that asks nobody who he is. Else credentials come from the environment."""

    @property
    def environ(self) -> dict[str, str]:
        """The credentials that clients of it need beside the environment's."""
        if self.any_key is None:
            return {}
        return {"AWS_ACCESS_KEY_ID": self.any_key, "AWS_SECRET_ACCESS_KEY": self.any_key, "AWS_SESSION_TOKEN": ""}

    @property
    def is_whole(self) -> bool:
        """A real S3 server: it can be written to, listed and read back."""
        return self.objects_folder is None


class Workbench:
    """A folder for the bench's files and the environment of its children."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bulkdl-bench-"))
        self._given = environ
        self._count = 0

    def file(self, name: str) -> Path:
        """A path that nothing has been written to."""
        self._count += 1
        return self.folder / f"{self._count:04d}-{name}"

    @property
    def environ(self) -> dict[str, str]:
        """Of every child."""
        passed = {name: value for name, value in self._given.items() if name.startswith(_PASSED_ON)}
        paths = {name: self._given[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in self._given}
        return {"AWS_EC2_METADATA_DISABLED": "true", **paths, **passed}

    def start_redis(self) -> tuple[ServerProcess, str]:
        """A private server on a free port, its data in memory; and its URL."""
        port = free_port()
        options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder)}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = [find_redis_binary(), *words]
        server = ServerProcess(command, port=port, log_path=self.file("redis.log"), environ=self.environ)
        return server, f"redis://127.0.0.1:{port}/0"

    def start_moto(self) -> tuple[ServerProcess, Store]:
        """moto's S3 server, for trying the bench itself out."""
        port = free_port()
        command = python_program("moto.server", "-H", "127.0.0.1", "-p", str(port))
        server = ServerProcess(command, port=port, log_path=self.file("moto.log"), environ=self.environ)
        return server, Store(f"http://127.0.0.1:{port}", "moto", "us-east-1", "bulkdl-bench", any_key="moto")

    def child(self, command: list[str] | str, name: str, more: Mapping[str, str] | None = None) -> Child:
        """A child with this environment."""
        return Child(command, log_path=self.file(f"{name}.log"), environ=self.environ | dict(more or {}))


def given_store(environ: Mapping[str, str]) -> Store | None:
    """The store that S3_ENDPOINT_URL names, if it is set."""
    if not environ.get("S3_ENDPOINT_URL"):
        return None
    return Store(
        environ["S3_ENDPOINT_URL"],
        environ.get("S3_PROVIDER", "auto"),
        environ.get("S3_REGION", "us-east-1"),
        environ.get("BENCH_BUCKET", "bulkdl-bench"),
    )


def own_environ() -> dict[str, str]:
    """The bench's own environment."""
    return {name: value for name, value in os.environ.items() if value.strip()}
