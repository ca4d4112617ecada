"""Values of the jobs room as the JSON of the wire; needs no request, so streams and pages use it alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bulkdl.api.schemas import AssetSchema, ItemSchema, JobSchema
from bulkdl.jobs.models import Asset
from bulkdl.jobs.view import ItemView, JobView

# Any: a JSON object.
Json = dict[str, Any]

_JOB = JobSchema(exclude=("links",))
_ITEM = ItemSchema()
_ASSET = AssetSchema(exclude=("asset_id", "thumbnail_url"))


def job_json(job: JobView, url_prefix: str) -> Json:
    """The job as DESIGN §8 has it; `url_prefix` is the setting of that name."""
    document: Json = _JOB.dump(job)
    document["links"] = _links(job.job_id, url_prefix)
    return document


def item_json(item: ItemView) -> Json:
    """One line of a ledger."""
    document: Json = _ITEM.dump(item)
    return document


def asset_json(asset: Asset, url_prefix: str) -> Json:
    """One asset, with the address of its thumbnail when there is one."""
    document: Json = _ASSET.dump(asset)
    document["assetId"] = asset.id
    document["thumbnailUrl"] = (
        f"{url_prefix}/assets/{quote(asset.id, safe='')}/thumbnail" if has_picture(asset) else None
    )
    return document


def has_picture(asset: Asset) -> bool:
    """Whether there is something to show of the asset: a thumbnail, or an image that is its own."""
    return asset.thumbnail_key is not None or (asset.content_type or "").startswith("image/")


def jobs_path(url_prefix: str) -> str:
    """Where jobs are asked for."""
    return f"{url_prefix}/bulk-download/jobs"


def job_path(job_id: str, url_prefix: str) -> str:
    """Where the job can be read."""
    return f"{jobs_path(url_prefix)}/{quote(job_id, safe='')}"


def _links(job_id: str, url_prefix: str) -> Json:
    own = job_path(job_id, url_prefix)
    return {"self": own, "items": f"{own}/items", "events": f"{own}/events", "download": f"{own}/download"}
