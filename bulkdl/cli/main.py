"""The group of all commands, its options, and how errors become messages and exit statuses."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
from rich.markup import escape

import bulkdl
from bulkdl.cli.exits import CommandError, Exit
from bulkdl.cli.lazy import LazyGroup
from bulkdl.cli.screen import notes
from bulkdl.cli.state import State, pass_state
from bulkdl.cli.tokens import make_token
from bulkdl.errors import BulkdlError
from bulkdl.local.demo import PROJECT
from bulkdl.logs import configure_logs

_EPILOG = (
    "Exit status: 0 done, 1 error, 2 usage, 3 job failed, 4 job cancelled, 5 downloaded but files are missing "
    "from the archive, 6 refused by the server, 7 server unreachable, 130 interrupted."
)

_COMMANDS = {
    "assets": "bulkdl.cli.assets:group",
    "doctor": "bulkdl.cli.maintenance:doctor",
    "download": "bulkdl.cli.download:download",
    "jobs": "bulkdl.cli.jobs:group",
    "revoke": "bulkdl.cli.revoke:revoke",
    "sample": "bulkdl.cli.maintenance:sample",
    "sweep": "bulkdl.cli.maintenance:sweep",
}


@click.group(
    cls=LazyGroup, elsewhere=_COMMANDS, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--url", metavar="URL", help="Address of the web process. [default: of `make run`, else BULKDL_PUBLIC_URL]"
)
@click.option("--token", metavar="JWT", envvar="BULKDL_TOKEN", help="Token to use instead of making one.")
@click.option("--user", metavar="ID", help="User to make a token for. [default: demo user]")
@click.version_option(bulkdl.__version__, prog_name="bulkdl")
@click.pass_context
def group(context: click.Context, url: str | None, token: str | None, user: str | None) -> None:
    """Bulk downloads from the terminal, and the operator's tools.

    While `make run` is up, everything is found by itself when started in the same folder. Elsewhere the
    commands read the same environment variables as the server, or --url and --token.
    """
    context.obj = State(url=url, token=token, user=user)


@group.command()
@click.option("--project", "projects", metavar="ID", multiple=True, default=[PROJECT], show_default=True)
@click.option("--scope", "scopes", metavar="NAME", multiple=True, help="Such as assets:write.")
@click.option("--ttl", "ttl_s", metavar="SECONDS", type=click.IntRange(1), default=24 * 3600, show_default=True)
@pass_state
def token(state: State, projects: tuple[str, ...], scopes: tuple[str, ...], ttl_s: int) -> None:
    """Print a token for curl: -H "Authorization: Bearer $(bulkdl token)"."""
    click.echo(make_token(state.settings, state.user_id, projects, ttl_s=ttl_s, scopes=scopes))


def main() -> NoReturn:
    """Run the command line and exit with the status that tells how it went."""
    # Standard output is for what was asked.
    configure_logs("WARNING", "console")
    try:
        # What `context.exit` was given comes back as the result here.
        status = group.main(standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        sys.exit(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        notes.print("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except BulkdlError as exc:
        notes.print(f"[bold red]bulkdl:[/] {escape(str(exc))}")
        sys.exit(exc.exit if isinstance(exc, CommandError) else Exit.ERROR)
    sys.exit(status if isinstance(status, int) else Exit.DONE)
