"""The service about itself: limits, health, problems."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from bulkdl.api.schemas.base import Answer
from bulkdl.jobs.status import FolderLayout, OnMissing


class CapabilitiesSchema(Answer):
    """What this service takes and does, as data. Sizes in bytes."""

    max_files = fields.Integer(required=True)
    max_bytes = fields.Integer(required=True)
    direct_max_files = fields.Integer(required=True, metadata={"description": "Without a job (deprecated)."})
    direct_max_bytes = fields.Integer(required=True, metadata={"description": "Without a job (deprecated)."})
    max_active_jobs = fields.Integer(required=True, metadata={"description": "Per person."})
    max_streams = fields.Integer(required=True, metadata={"description": "Per person."})
    expiry_hours = fields.Float(required=True, metadata={"description": "How long an archive is kept."})
    url_ttl_seconds = fields.Integer(required=True)
    heartbeat_seconds = fields.Float(required=True)
    formats = fields.List(fields.String(), required=True)
    layouts = fields.List(fields.Enum(FolderLayout, by_value=True), required=True)
    on_missing = fields.List(fields.Enum(OnMissing, by_value=True), required=True)
    transports = fields.List(fields.String(), required=True)


class ProblemSchema(Answer):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "For people."})
    code = fields.String(required=True, metadata={"description": "Stable; compare this one."})
    instance = fields.String(required=True)
    request_id = fields.String(metadata={"description": "Stands in the service's log too."})
    errors = fields.List(
        fields.Dict(keys=fields.String(), values=fields.String()),
        metadata={"description": "`detail` with the `pointer` (RFC 6901), `parameter` or `header` it is about."},
    )
    limit = fields.Raw(metadata={"description": "The limit that was passed."})
    count = fields.Integer(metadata={"description": "How many were sent."})
    size = fields.Integer(metadata={"description": "Bytes that were asked for."})
    asset_ids = fields.List(fields.String(), metadata={"description": "The first of those that are not there."})
    job_id = fields.String()
    service = fields.String(metadata={"description": "What cannot be reached."})


class CheckSchema(Answer):
    """One thing that this process needs."""

    ok = fields.Boolean(required=True)
    error = fields.String(required=True, allow_none=True)


class ReadinessSchema(Answer):
    """Whether this process can serve."""

    status = fields.String(required=True, validate=ma.validate.OneOf(["ready", "unready"]))
    checks = fields.Dict(keys=fields.String(), values=fields.Nested(CheckSchema), required=True)
    failing = fields.List(fields.String(), required=True)


class LivenessSchema(Answer):
    """The process answers."""

    status = fields.String(required=True, validate=ma.validate.OneOf(["ok"]))
    version = fields.String(required=True)
