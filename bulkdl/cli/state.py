"""Where the command finds its settings, its server and its token: each looked for when first needed."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bulkdl.cli.api import Api
from bulkdl.cli.tokens import make_token
from bulkdl.errors import SettingsError
from bulkdl.local.demo import PROJECT
from bulkdl.local.home import find_home
from bulkdl.settings import Settings, environment, load_settings

if TYPE_CHECKING:
    from bulkdl.runtime import Runtime

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_PREFIX = "/media-collab"
_TOKEN_TTL_S = 24 * 3600


@dataclass
class State:
    """What the options before the command say."""

    url: str | None
    token: str | None
    user: str | None

    @functools.cached_property
    def environ(self) -> Mapping[str, str]:
        """Our variables; with no database among them, those of the system that runs in the data folder."""
        own = {name: value for name, value in environment().items() if value.strip()}
        if "DATABASE_URL" in own:
            return own
        return find_home(own).running_environment() | own

    @functools.cached_property
    def settings(self) -> Settings:
        """Raises `SettingsError`."""
        try:
            return load_settings(self.environ)
        except SettingsError as exc:
            if "DATABASE_URL" in self.environ:
                raise
            raise SettingsError(f"{exc} And nothing that `make run` started is running in this folder.") from exc

    @property
    def user_id(self) -> str:
        """Who the token is made for."""
        return self.user or self.environ.get("BULKDL_DEMO_USER") or "cli"

    def api(self, *projects: str) -> Api:
        """The server, as `user_id` with these projects unless a token was given."""
        url = self.url or self.environ.get("BULKDL_PUBLIC_URL") or DEFAULT_URL
        prefix = self.environ.get("BULKDL_URL_PREFIX", DEFAULT_PREFIX).rstrip("/")
        token = self.token or make_token(self.settings, self.user_id, projects or (PROJECT,), ttl_s=_TOKEN_TTL_S)
        return Api(url, prefix, token)

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """Database, store and queue themselves, for the operator's commands."""
        # Most commands speak to the web process and need none of what this imports.
        from bulkdl.runtime import Role, make_runtime

        runtime = make_runtime(self.settings, Role.CLI)
        try:
            yield runtime
        finally:
            runtime.close()


pass_state = click.make_pass_decorator(State)
