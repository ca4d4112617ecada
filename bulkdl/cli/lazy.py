"""A group of commands that are imported when they are asked for: a token is not kept waiting for SQLAlchemy."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows of some commands only where they are: name → `module:attribute`.

    Help for the whole group has to import them all.
    """

    # Any: the options of click.Group, which it types itself.
    def __init__(self, *, elsewhere: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *self._elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now if need be."""
        place = self._elsewhere.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = pkgutil.resolve_name(place)
        return command
