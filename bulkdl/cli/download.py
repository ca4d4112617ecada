"""`bulkdl download`: asks for an archive, waits while it is built, and fetches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bulkdl.cli.api import Api, Json
from bulkdl.cli.exits import CommandError, Exit, JobFailed, JobWasCancelled
from bulkdl.cli.fetch import fetch
from bulkdl.cli.jobs import JOBS, submit
from bulkdl.cli.screen import notes, size_text, write_json
from bulkdl.cli.state import State, pass_state

_POLL_S = 0.4
_OVER = ("complete", "failed", "cancelled", "expired")


@click.command()
@click.option("--project", metavar="ID", help="The project whose files are wanted.")
@click.option(
    "--asset", "asset_ids", metavar="ID", multiple=True, help="Only this one; may be repeated. [default: all]"
)
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="[default: its own name]")
@click.option("--job", "job_id", metavar="JOB", help="Fetch the archive of this job; goes on where it broke off.")
@click.option("--on-missing", type=click.Choice(["skip", "fail"]), default="skip", show_default=True)
@click.option("--layout", type=click.Choice(["relative", "flat"]), default="relative", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the finished job as JSON.")
@click.pass_context
@pass_state
def download(
    state: State,
    context: click.Context,
    project: str | None,
    asset_ids: tuple[str, ...],
    out: Path | None,
    job_id: str | None,
    on_missing: str,
    layout: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fetch files of a project as one ZIP."""
    if (project is None) == (job_id is None):
        raise click.UsageError("Give either --project or --job.")
    api = state.api(*([project] if project else []))
    if project is not None:
        job_id = _submit(api, project, asset_ids, on_missing=on_missing, layout=layout)
    with _make_progress(quiet) as progress:
        job = _wait(api, f"{JOBS}/{job_id}", progress)
        target = out or Path(Path(job["archiveName"]).name)
        _fetch(api, job, target, progress)
    _report(job, target)
    if as_json:
        write_json(job | {"file": str(target)})
    if job["skippedCount"]:
        context.exit(Exit.INCOMPLETE)


def _submit(api: Api, project: str, asset_ids: tuple[str, ...], *, on_missing: str, layout: str) -> str:
    """Ask for the job and return its id."""
    wanted = list(asset_ids) or [asset["assetId"] for asset in api.pages("/assets", "assets", projectId=project)]
    if not wanted:
        raise CommandError(f"The library of {project} is empty.")
    body = {"projectId": project, "assetIds": wanted, "onMissing": on_missing, "layout": layout}
    job_id: str = submit(api, body)["jobId"]
    return job_id


def _wait(api: Api, path: str, progress: Progress) -> Json:
    """Follow the job to its end and return it complete."""
    task = progress.add_task("Packing", total=None)
    while (job := api.get(path))["status"] not in _OVER:
        progress.update(task, completed=job["bytesDone"], total=job["bytesTotal"] or None)
        time.sleep(_POLL_S)
    progress.update(task, completed=job["bytesTotal"], total=job["bytesTotal"])
    if job["status"] == "cancelled":
        raise JobWasCancelled(f"Job {job['jobId']} was cancelled.")
    if job["status"] != "complete":
        raise JobFailed(job["error"] or f"Job {job['jobId']} is {job['status']}.")
    return job


def _fetch(api: Api, job: Json, target: Path, progress: Progress) -> None:
    task = progress.add_task("Downloading", total=job["fileSize"])
    urls = _fresh_urls(api, job["jobId"])
    mark = job["jobId"][:8]
    try:
        fetch(
            urls,
            target,
            size=job["fileSize"],
            mark=mark,
            on_progress=lambda done: progress.update(task, completed=done),
        )
    except KeyboardInterrupt:
        notes.print(f"Go on with: bulkdl download --job {job['jobId']} --out {escape(str(target))}")
        raise


def _fresh_urls(api: Api, job_id: str) -> Callable[[], str]:
    return lambda: str(api.get(f"{JOBS}/{job_id}/download")["url"])


def _report(job: Json, target: Path) -> None:
    notes.print(f"[green]{escape(str(target))}[/]: {job['fileCount']} files, {size_text(job['fileSize'])}.")
    for item in job["renamed"]:
        notes.print(f"  renamed: {escape(item['name'])} → {escape(item['archiveName'])}")
    for item in job["skipped"]:
        notes.print(f"  [yellow]missing[/]: {escape(item['name'])} ({item['reason']})")
    if (unnamed := job["skippedCount"] - len(job["skipped"])) > 0:
        notes.print(f"  [yellow]missing[/]: {unnamed} more")


def _make_progress(quiet: bool) -> Progress:
    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=notes, disable=quiet)
