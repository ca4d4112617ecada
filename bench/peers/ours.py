"""Bulkdl's transfer alone: plan, upload and completion, without service, database and queue."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.boto import MODIFIED_AT
from bench.peers.protocol import Task, take_part
from bulkdl.archive.crc32 import EntryChecksums, archive_crc32
from bulkdl.archive.layout import Entry, Layout
from bulkdl.archive.plan import make_plan
from bulkdl.storage import ObjectVersion, UploadedPart
from bulkdl.storage.s3 import make_s3_store
from bulkdl.transfer import PartResult, Transfer, Work

_BUFFER_BYTES = 96 * 1024**2


def prepare(task: Task) -> Callable[[], dict[str, object]]:
    """Store and transfer, as a worker process has them before its first job."""
    store = make_s3_store(
        endpoint_url=task.endpoint,
        region=task.region,
        provider="generic",
        addressing_style="path",
        max_connections=task.max_concurrency + 16,
    )
    transfer = Transfer(
        store, concurrency=task.concurrency, max_concurrency=task.max_concurrency, buffer_bytes=_BUFFER_BYTES
    )
    transfer.buffers.fill()
    versions = [ObjectVersion(task.source_bucket, file["key"], file["size"], file["etag"]) for file in task.files]
    store.read_into(versions[0], 0, memoryview(bytearray(1)))

    def build() -> dict[str, object]:
        layout = Layout([Entry(file["name"], file["size"], MODIFIED_AT) for file in task.files])
        plan = make_plan(layout, part_size=task.part_size)
        checksums = EntryChecksums(plan)
        upload = store.create_upload(
            task.archive_bucket, task.archive_key, file_name="ours.zip", content_type="application/zip", metadata={}
        )
        parts: list[UploadedPart] = []

        def keep(result: PartResult) -> None:
            assert result.etag is not None
            parts.append(UploadedPart(result.number, result.etag))

        transfer.run(
            Work(
                plan=plan,
                sources=versions,
                upload=upload,
                parts=range(1, plan.part_count + 1),
                checksums=checksums,
                on_part=keep,
                on_bytes=lambda size, files: None,
                check=lambda: None,
                is_last=True,
            )
        )
        parts.sort(key=lambda part: part.number)
        store.complete_upload(upload, parts, size=layout.size, crc32=archive_crc32(layout, checksums))
        return {"uploadId": upload.upload_id}

    return build


if __name__ == "__main__":
    take_part(prepare)
