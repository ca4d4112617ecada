"""Bulk downloads on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from bulkdl.api.fields import MAX_ID_LENGTH, AssetIds, FreeText, Text
from bulkdl.api.schemas.base import Answer, CursorSchema, Schema
from bulkdl.jobs.status import FolderLayout, ItemOutcome, JobStatus, OnMissing, SkipReason


class JobRequestSchema(Schema):
    """A selection of assets to be packed."""

    project_id = Text(high=MAX_ID_LENGTH, required=True, metadata={"description": "One of the token's `projects`."})
    asset_ids = AssetIds(
        required=True,
        metadata={
            "description": "In the order of the archive; repetitions count once. Limit: see capabilities.",
            "minItems": 1,
        },
    )
    archive_name = FreeText(
        high=255,
        load_default=None,
        allow_none=True,
        metadata={"description": "File name of the ZIP; cleaned to what every system takes.", "example": "Trip.zip"},
    )
    on_missing = fields.Enum(
        OnMissing,
        by_value=True,
        load_default=OnMissing.SKIP,
        metadata={"description": "What to do when an object cannot be had: leave it out and say so, or fail."},
    )
    layout = fields.Enum(
        FolderLayout,
        by_value=True,
        load_default=FolderLayout.RELATIVE,
        metadata={"description": "Keep the folders, or put all files side by side."},
    )


class JobRequestHeadersSchema(ma.Schema):
    """What a client may say beside the body."""

    idempotency_key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=[
            ma.validate.Length(1, 255),
            ma.validate.Regexp(r"^[\x21-\x7e]+\Z", error="Use visible ASCII characters, a UUID for instance."),
        ],
        metadata={"description": "The same key with the same body gives the same job, however often it is sent."},
    )


class JobCreateQuerySchema(Schema):
    """How to take the request."""

    dry_run = fields.Boolean(
        load_default=False, metadata={"description": "Only say what the archive would be; nothing is built."}
    )


class JobListQuerySchema(CursorSchema):
    """Which of the caller's jobs."""

    limit = fields.Integer(load_default=20, validate=ma.validate.Range(1, 100))
    status = fields.Enum(JobStatus, by_value=True, load_default=None)


class SkippedSchema(Answer):
    """An asset that is not in the archive."""

    asset_id = fields.String(required=True)
    name = fields.String(required=True)
    reason = fields.Enum(SkipReason, by_value=True, required=True)


class RenamedSchema(Answer):
    """An asset that is in the archive under another name."""

    asset_id = fields.String(required=True)
    name = fields.String(required=True)
    archive_name = fields.String(required=True)


class JobLinksSchema(Answer):
    """Where to go from here."""

    self = fields.String(required=True)
    items = fields.String(required=True)
    events = fields.String(required=True)
    download = fields.String(required=True, metadata={"description": "Answers 302 once the job is complete."})


class JobSchema(Answer):
    """A bulk download. Sizes in bytes, times in UTC (ISO 8601)."""

    job_id = fields.String(required=True)
    project_id = fields.String(required=True)
    status = fields.Enum(JobStatus, by_value=True, required=True)
    seq = fields.Integer(required=True, metadata={"description": "Only grows; what carries a smaller one is older."})
    current = fields.Integer(required=True, metadata={"description": "Files done."})
    total = fields.Integer(required=True, metadata={"description": "Files asked for, less those skipped."})
    percent = fields.Integer(
        required=True, metadata={"description": "By bytes; 100 only when complete.", "minimum": 0, "maximum": 100}
    )
    bytes_done = fields.Integer(required=True)
    bytes_total = fields.Integer(required=True)
    bytes_per_second = fields.Float(required=True, allow_none=True)
    eta_seconds = fields.Float(required=True, allow_none=True)
    file_count = fields.Integer(required=True, allow_none=True, metadata={"description": "Files in the archive."})
    file_size = fields.Integer(required=True, allow_none=True, metadata={"description": "Bytes of the archive."})
    archive_name = fields.String(required=True)
    layout = fields.Enum(FolderLayout, by_value=True, required=True)
    on_missing = fields.Enum(OnMissing, by_value=True, required=True)
    download_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Presigned, made for this answer; only when complete. Navigate to it."},
    )
    expires_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When the archive is deleted."}
    )
    error = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    skipped = fields.List(
        fields.Nested(SkippedSchema), required=True, metadata={"description": "The first 100; `links.items` has all."}
    )
    skipped_count = fields.Integer(required=True)
    renamed = fields.List(
        fields.Nested(RenamedSchema), required=True, metadata={"description": "The first 100; `links.items` has all."}
    )
    renamed_count = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    links = fields.Nested(JobLinksSchema, required=True)


class JobListSchema(Answer):
    """A page of jobs, newest first."""

    jobs = fields.List(fields.Nested(JobSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class PreviewSchema(Answer):
    """What an archive would be. Sizes in bytes."""

    archive_name = fields.String(required=True)
    file_count = fields.Integer(required=True)
    bytes_total = fields.Integer(required=True, metadata={"description": "Of the files."})
    file_size = fields.Integer(required=True, metadata={"description": "Of the archive, exact."})
    part_count = fields.Integer(required=True)
    skipped = fields.List(fields.Nested(SkippedSchema), required=True)
    renamed = fields.List(fields.Nested(RenamedSchema), required=True)
    max_files = fields.Integer(required=True)
    max_bytes = fields.Integer(required=True)
    fits = fields.Boolean(required=True, metadata={"description": "Whether a job for it would be built."})


class ItemListQuerySchema(CursorSchema):
    """Which lines of the ledger."""

    limit = fields.Integer(load_default=100, validate=ma.validate.Range(1, 1000))
    outcome = fields.Enum(ItemOutcome, by_value=True, load_default=None)


class ItemSchema(Answer):
    """One requested asset and what became of it."""

    position = fields.Integer(required=True)
    asset_id = fields.String(required=True)
    name = fields.String(required=True)
    archive_name = fields.String(required=True, allow_none=True)
    size = fields.Integer(required=True)
    crc32 = fields.Integer(required=True, allow_none=True)
    outcome = fields.Enum(ItemOutcome, by_value=True, required=True)
    reason = fields.Enum(SkipReason, by_value=True, required=True, allow_none=True)


class ItemListSchema(Answer):
    """A page of the ledger, in the order of the request."""

    items = fields.List(fields.Nested(ItemSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ArchiveUrlSchema(Answer):
    """Where the archive can be fetched from now."""

    url = fields.String(required=True, metadata={"description": "Presigned, made for this answer."})
    expires_at = fields.AwareDateTime(required=True, metadata={"description": "When this URL ends."})
    file_name = fields.String(required=True)
    size = fields.Integer(required=True)
