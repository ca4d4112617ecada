"""`bulkdl jobs`: the caller's downloads, as the server tells of them."""

from __future__ import annotations

import secrets

import click

from bulkdl.cli.api import Api, Json
from bulkdl.cli.screen import size_text, write_json, write_table
from bulkdl.cli.state import State, pass_state

JOBS = "/bulk-download/jobs"

_as_json = click.option("--json", "as_json", is_flag=True, help="Print what the API answers.")


@click.group("jobs")
def group() -> None:
    """Your downloads."""


@group.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--status", metavar="WORD", help="Only pending, processing, complete, failed, cancelled or expired ones.")
@_as_json
@pass_state
def list_(state: State, limit: int, status: str | None, as_json: bool) -> None:
    """List them, newest first."""
    pages = state.api().pages(JOBS, "jobs", at_most=limit, limit=min(limit, 100), status=status)
    jobs = list(pages)
    if as_json:
        write_json(jobs)
        return
    rows = [
        (job["jobId"], job["status"], f"{job['percent']} %", job["total"], size_text(_size(job)), job["createdAt"])
        for job in jobs
    ]
    write_table(("Job", "Status", "Done", "Files", "Size", "Created"), rows)


@group.command()
@click.argument("job_id", metavar="JOB")
@_as_json
@pass_state
def show(state: State, job_id: str, as_json: bool) -> None:
    """Show one of them."""
    _show(state.api().get(f"{JOBS}/{job_id}"), as_json)


@group.command()
@click.argument("job_id", metavar="JOB")
@_as_json
@pass_state
def cancel(state: State, job_id: str, as_json: bool) -> None:
    """Cancel one, or delete its finished archive. Doing it twice changes nothing."""
    _show(state.api().delete(f"{JOBS}/{job_id}"), as_json)


@group.command()
@click.argument("job_id", metavar="JOB")
@_as_json
@pass_state
def retry(state: State, job_id: str, as_json: bool) -> None:
    """Ask for the same files once more, as a new job, whatever became of this one."""
    job = state.api().get(f"{JOBS}/{job_id}")
    api = state.api(job["projectId"])
    items = api.pages(f"{JOBS}/{job_id}/items", "items", limit=1000)
    same = {name: job[name] for name in ("projectId", "archiveName", "onMissing", "layout")}
    _show(submit(api, same | {"assetIds": [item["assetId"] for item in items]}), as_json)


def submit(api: Api, body: Json) -> Json:
    """Ask for a job; a repetition of the request on a bad line makes no second one."""
    return api.post(JOBS, body, idempotency_key=secrets.token_hex(16))


def _show(job: Json, as_json: bool) -> None:
    if as_json:
        write_json(job)
        return
    rows = [
        ("Job", job["jobId"]),
        ("Project", job["projectId"]),
        ("Status", job["status"]),
        ("Archive", job["archiveName"]),
        ("Files", f"{job['current']} of {job['total']}"),
        ("Size", size_text(_size(job))),
        ("Error", job["error"]),
        ("Created", job["createdAt"]),
        ("Finished", job["finishedAt"]),
        ("Expires", job["expiresAt"]),
        *(("Skipped", f"{item['name']} ({item['reason']})") for item in job["skipped"]),
        *(("Renamed", f"{item['name']} → {item['archiveName']}") for item in job["renamed"]),
    ]
    write_table(("", ""), [row for row in rows if row[1] not in (None, "")])


def _size(job: Json) -> int | None:
    """Of the archive once it is known, else of the files."""
    size: int | None = job["fileSize"] if job["fileSize"] is not None else job["bytesTotal"]
    return size
