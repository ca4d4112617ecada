"""`bulkdl assets`: brings objects that are in a bucket already into a project's library."""

from __future__ import annotations

import re

import click

from bulkdl.cli.exits import CommandError
from bulkdl.cli.screen import notes, write_json
from bulkdl.cli.state import State, pass_state
from bulkdl.jobs import catalogue


@click.group("assets")
def group() -> None:
    """The media library of a project."""


@group.command("import")
@click.argument("location", metavar="s3://BUCKET/PREFIX")
@click.option("--project", metavar="ID", required=True, help="The project whose library they join.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@pass_state
def import_(state: State, location: str, project: str, as_json: bool) -> None:
    """Add every object below PREFIX; names keep the folders behind it. Again: replaces what is there."""
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", location)
    if match is None:
        raise click.BadParameter("it wants s3://bucket or s3://bucket/prefix", param_hint="LOCATION")
    bucket, prefix = match.groups()
    with state.runtime() as runtime:
        if bucket not in runtime.settings.readable_buckets:
            raise CommandError(f"{bucket} is not a bucket that assets may lie in: see BULK_DOWNLOAD_SOURCE_BUCKETS.")
        found = catalogue.assets_below(runtime.store.list_objects(bucket, prefix), prefix)
        added = catalogue.save_assets(runtime.jobs, project, found)
    if not added:
        raise CommandError(f"There is no object below {location}.")
    size = sum(asset.size for asset in added)
    if as_json:
        write_json({"projectId": project, "count": len(added), "bytes": size})
    else:
        notes.print(f"{len(added)} objects ({size} bytes) are in the library of {project}.")
