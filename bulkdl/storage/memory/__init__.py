"""An in-process object store for tests: the S3 adapter's contract without a server."""

from bulkdl.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
