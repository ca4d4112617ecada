"""The one-command start: compose the environment, start what is missing, load the library, run the Procfile."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import bulkdl
from bulkdl.errors import BulkdlError, SettingsError
from bulkdl.local.demo import USER
from bulkdl.local.home import Home, find_home
from bulkdl.local.library import forget_lost_archives, load_library
from bulkdl.local.processes import ServerFailed
from bulkdl.local.sample import ensure_sample
from bulkdl.local.servers import start_redis, start_s3
from bulkdl.local.supervisor import load_procfile, run_processes
from bulkdl.runtime import Role, make_runtime
from bulkdl.settings import environment, load_settings

ROOT = Path(bulkdl.__file__).parents[1]
DEFAULT_PORT = "8000"

_SERVED = ("web", "worker", "clock")
console = Console()


def main() -> int:
    """Run until Ctrl-C; return the exit status. What cannot be done is one line on stderr."""
    given = {name: value for name, value in environment().items() if value.strip()}
    home = find_home(given)
    try:
        with home.claimed(), contextlib.ExitStack() as servers:
            return _run(given, home, servers)
    except BulkdlError as exc:
        Console(stderr=True).print(f"bulkdl: {exc}", style="bold red", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(given: Mapping[str, str], home: Home, servers: contextlib.ExitStack) -> int:
    port = _free_web_port(given.get("PORT", DEFAULT_PORT))
    procfile = _procfile()
    composed = {**_fixed_defaults(home, port), **given, **_start_missing(given, home, servers)}
    environ = {**composed, "PATH": f"{Path(sys.executable).parent}:{given.get('PATH', '')}"}
    load_settings(environ)
    _migrate(procfile["release"], environ)
    _fill(environ, home)
    home.write_environment({name: value for name, value in composed.items() if name in _PUBLISHED})
    address = environ["BULKDL_PUBLIC_URL"]
    return run_processes(
        {name: procfile[name] for name in _SERVED},
        environ=environ,
        cwd=ROOT,
        ready_url=f"http://127.0.0.1:{port}/readyz",
        on_ready=lambda: console.print(f"\n  Bulkdl is ready: [bold green]{address}[/]   (Ctrl-C stops it)\n"),
    )


def _fixed_defaults(home: Home, port: int) -> dict[str, str]:
    """What stands when the environment says nothing else."""
    return {
        "PORT": str(port),
        "BULKDL_BIND": f"127.0.0.1:{port}",
        "BULKDL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BULKDL_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
        "BULKDL_DEMO_USER": USER,
        "BULK_DOWNLOAD_BUCKET": "bulkdl",
        "DATABASE_URL": f"sqlite:///{home.database}",
        "JWT_SECRET_KEY": home.secret(),
        "LOG_FORMAT": "console",
        "WORKER_PROCESSES": "2",
    }


_PUBLISHED = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "BULKDL_DEMO_USER",
        "BULKDL_PUBLIC_URL",
        "BULK_DOWNLOAD_BUCKET",
        "DATABASE_URL",
        "JWT_SECRET_KEY",
        "REDIS_URL",
        "S3_ENDPOINT_URL",
        "S3_PROVIDER",
    }
)
"""What the command line in another terminal needs to know."""


def _start_missing(given: Mapping[str, str], home: Home, servers: contextlib.ExitStack) -> dict[str, str]:
    """Start a private server for each that is not given; return the variables that lead to them."""
    found = {}
    if "REDIS_URL" not in given:
        redis = start_redis(home, given)
        servers.callback(redis.process.stop)
        found["REDIS_URL"] = redis.url
    if "S3_ENDPOINT_URL" not in given:
        s3 = start_s3(home, given)
        servers.callback(s3.process.stop)
        found["S3_ENDPOINT_URL"] = s3.url
        found["S3_PROVIDER"] = "moto"
        # It takes any keys; the person's own have no business here.
        found["AWS_ACCESS_KEY_ID"] = found["AWS_SECRET_ACCESS_KEY"] = "bulkdl"  # noqa: S105
        found["AWS_SESSION_TOKEN"] = ""
    return found


def _fill(environ: Mapping[str, str], home: Home) -> None:
    """Bring bucket, objects and catalogue to what the page is to show."""
    folder = _paint(home)
    runtime = make_runtime(load_settings(environ), Role.CLI)
    try:
        runtime.store.ensure_bucket(runtime.settings.archive_bucket)
        with console.status("Loading the sample library"):
            load_library(runtime, folder)
        lost = forget_lost_archives(runtime)
    finally:
        runtime.close()
    if lost:
        console.print(f"Archives of earlier runs are gone ({lost}): the private S3 server forgets when it stops.")


def _paint(home: Home) -> Path:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Painting sample images (first start only)", total=None, visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        return ensure_sample(home.path, on_progress=show)


def _migrate(command: str, environ: Mapping[str, str]) -> None:
    done = subprocess.run(  # noqa: S602 - the Procfile's own line
        command, shell=True, cwd=ROOT, env=dict(environ), capture_output=True, text=True
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ServerFailed(f"The database could not be migrated: {lines[-1] if lines else command}")


def _procfile() -> dict[str, str]:
    path = ROOT / "Procfile"
    if not path.exists():
        raise ServerFailed(f"There is no {path}: run this from a checkout of the project.")
    return load_procfile(path)


def _free_web_port(text: str) -> int:
    wish = "set PORT to a free one, as in PORT=8001 make run."
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingsError(f"PORT is {text!r}, which is no port: {wish}")
    with socket.socket() as probe:
        # As the web server will bind it: connections that have just ended are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as exc:
            raise SettingsError(f"Port {text} cannot be used ({exc.strerror}): {wish}") from exc
    return int(text)
