"""A sink that speaks enough S3 for one job: it serves zeros that nobody stored and swallows what is sent.

It is no store and no stand-in for one: nothing is authenticated and nothing is kept but each part's size,
CRC-32 and last bytes. It costs next to nothing, so that 64 GiB or 100,000 files show what the worker costs.

    GET, HEAD /bucket/zeros/<size>/<name>    so many zeros
    everything of a multipart upload         counted and summed
    GET /-/archives                          size and CRC-32 of what was completed, as JSON
"""

from __future__ import annotations

import json
import re
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from bulkdl.archive.crc32 import concat, crc32

MODIFIED = "Thu, 01 Jan 2026 12:00:00 GMT"
_ZEROS = memoryview(bytes(1024**2))
_TAIL = 128
"""Of each part: more than the end records of a ZIP."""


@dataclass(frozen=True, slots=True)
class Swallowed:
    """What is left of a part, or of an archive."""

    size: int
    crc32: int
    tail: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)


class Memory:
    """All that the sink remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.uploads: dict[str, dict[int, Swallowed]] = {}
        self.metadata: dict[str, Mapping[str, str]] = {}
        self.archives: dict[str, Swallowed] = {}

    def open(self, metadata: Mapping[str, str]) -> str:
        """A new upload's id."""
        with self._lock:
            upload_id = f"upload-{len(self.metadata) + 1}"
            self.uploads[upload_id], self.metadata[upload_id] = {}, metadata
            return upload_id

    def complete(self, path: str, upload_id: str) -> None:
        """Put the parts together, as numbers."""
        with self._lock:
            parts = [part for _, part in sorted(self.uploads.pop(upload_id).items())]
            whole = concat((part.crc32, part.size) for part in parts)
            tail = b"".join(part.tail for part in parts[-2:])[-_TAIL:]
            size = sum(part.size for part in parts)
            self.archives[path] = Swallowed(size, whole, tail, self.metadata[upload_id])


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body is still to be read."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    @property
    def upload_id(self) -> str:
        return self.query.get("uploadId", [""])[0]


class Handler(socketserver.StreamRequestHandler):
    """One connection, at most at the sink's rate."""

    server: Sink
    disable_nagle_algorithm = True
    rbufsize = 64 * 1024

    def handle(self) -> None:
        while (request := self._read_head()) is not None:
            getattr(self, f"_{request.method.lower()}", self._refuse)(request)

    def _read_head(self) -> Request | None:
        line = self.rfile.readline()
        if not line.strip():
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while header := self.rfile.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        parts = urlsplit(target)
        return Request(method, unquote(parts.path), parse_qs(parts.query, keep_blank_values=True), headers)

    # --- methods ---

    def _get(self, request: Request) -> None:
        memory = self.server.memory
        if request.path == "/-/archives":
            held = {path: [it.size, it.crc32] for path, it in memory.archives.items()}
            self._answer(200, json.dumps(held).encode())
        elif "uploads" in request.query or "list-type" in request.query:
            self._answer(200, b"<ListResult><IsTruncated>false</IsTruncated></ListResult>")
        elif request.upload_id:
            self._answer(200, _listing(memory.uploads.get(request.upload_id, {})))
        elif request.path in memory.archives:
            archive = memory.archives[request.path]
            self._send_slice(request, archive.size, archive)
        elif (size := _size_of(request.path)) is not None:
            self._send_slice(request, size, None)
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _head(self, request: Request) -> None:
        archive = self.server.memory.archives.get(request.path)
        size = archive.size if archive else _size_of(request.path)
        if size is None and request.path.count("/") > 1:
            self._answer(404, b"")
            return
        more = dict(archive.metadata) if archive else {}
        self._head_of(200, size or 0, {"etag": _etag(size or 0), "last-modified": MODIFIED, **more})

    def _post(self, request: Request) -> None:
        self._swallow(request)
        memory = self.server.memory
        if "uploads" in request.query:
            metadata = {name: value for name, value in request.headers.items() if name.startswith("x-amz-meta-")}
            upload_id = memory.open(metadata)
            self._answer(200, f"<R><UploadId>{upload_id}</UploadId></R>".encode())
        elif request.upload_id in memory.uploads:
            memory.complete(request.path, request.upload_id)
            self._answer(200, b'<CompleteMultipartUploadResult><ETag>"sink"</ETag></CompleteMultipartUploadResult>')
        else:
            self._answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")

    def _put(self, request: Request) -> None:
        part = self._swallow(request)
        if not request.upload_id:
            self._answer(200, b"")
        elif (parts := self.server.memory.uploads.get(request.upload_id)) is None:
            self._answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
        else:
            parts[int(request.query["partNumber"][0])] = part
            self._answer(200, b"", {"etag": f'"{part.crc32:08x}"'})

    def _delete(self, request: Request) -> None:
        self.server.memory.uploads.pop(request.upload_id, None)
        if not request.upload_id:
            self.server.memory.archives.pop(request.path, None)
        self._answer(204, b"")

    def _refuse(self, request: Request) -> None:
        self._swallow(request)
        self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")

    # --- bodies ---

    def _swallow(self, request: Request) -> Swallowed:
        """Read a body; keep its size, its CRC-32 and its end."""
        left = size = int(request.headers.get("content-length", "0"))
        buffer, value, tail = memoryview(bytearray(min(size, 1024**2))), 0, b""
        pace = Pace(self.server.rate)
        while left:
            count = self.rfile.readinto(buffer[:left])
            if not count:
                break
            value = crc32(buffer[:count], value)
            tail = (tail + bytes(buffer[max(count - _TAIL, 0) : count]))[-_TAIL:]
            left -= count
            pace.moved(count)
        return Swallowed(size, value, tail)

    def _send_slice(self, request: Request, size: int, archive: Swallowed | None) -> None:
        first, last = _range(request.headers.get("range"), size)
        more = {"etag": _etag(size), "content-range": f"bytes {first}-{last}/{size}"}
        if archive is not None:
            if first < size - len(archive.tail):
                self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
                return
            start = first - size + len(archive.tail)
            self._answer(206, archive.tail[start : start + last - first + 1], more)
            return
        self._head_of(206, last - first + 1, more)
        pace, left = Pace(self.server.rate), last - first + 1
        while left:
            count = min(left, len(_ZEROS))
            self.request.sendall(_ZEROS[:count])
            left -= count
            pace.moved(count)

    def _answer(self, status: int, body: bytes, more: Mapping[str, str] | None = None) -> None:
        self._head_of(status, len(body), more or {})
        if body:
            self.request.sendall(body)

    def _head_of(self, status: int, size: int, more: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        self.request.sendall(f"HTTP/1.1 {status} OK\r\ncontent-length: {size}\r\n{lines}\r\n".encode())


class Sink(socketserver.ThreadingTCPServer):
    """The server; `rate` bounds the bytes a second of each connection, each way."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, rate: float) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.memory = Memory()
        self.rate = rate

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is the other end's affair."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Pace:
    """Sleeps as long as a body is ahead of its rate; a rate of 0 is none."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._begun = time.monotonic()
        self._size = 0

    def moved(self, size: int) -> None:
        """So many bytes have been sent or received."""
        self._size += size
        if self._rate:
            time.sleep(max(0.0, self._begun + self._size / self._rate - time.monotonic()))


def _size_of(path: str) -> int | None:
    found = re.match(r"/[^/]+/zeros/(\d+)/", path)
    return int(found[1]) if found else None


def _etag(size: int) -> str:
    return f'"zeros-{size}"'


def _range(asked: str | None, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if not found:
        return 0, size - 1
    return int(found[1]), min(int(found[2] or size - 1), size - 1)


def _listing(parts: Mapping[int, Swallowed]) -> bytes:
    rows = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{part.crc32:08x}"</ETag><Size>{part.size}</Size></Part>'
        for number, part in sorted(parts.items())
    )
    return f"<ListPartsResult>{rows}<IsTruncated>false</IsTruncated></ListPartsResult>".encode()


def main() -> None:
    """`python -m bench.sink PORT [MiB a second of each connection]`."""
    rate = float(sys.argv[2]) * 1024**2 if len(sys.argv) > 2 else 0.0
    with Sink(int(sys.argv[1]), rate) as sink:
        print("ready", flush=True)
        sink.serve_forever()


if __name__ == "__main__":
    main()
