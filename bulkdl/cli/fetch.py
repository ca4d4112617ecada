"""Fetching an archive to disk: in one piece, or in as many as the connection breaks it into."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import urllib3

from bulkdl.cli.exits import CommandError, Unreachable

_CHUNK = 1024**2
_TRIES = 6


def fetch(
    make_url: Callable[[], str],
    target: Path,
    *,
    size: int,
    mark: str,
    on_progress: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write the archive of `size` bytes to `target`, which appears only when it is whole.

    What has arrived stands in a file beside it whose name ends in `mark`; a later call with the same
    mark goes on behind it. `make_url` is asked again when an address has expired. `on_progress` is told
    how many bytes are there. Raises `Unreachable` when nothing more comes after several tries.
    """
    part = target.with_name(f"{target.name}.{mark}.part")
    failures = 0
    with part.open("ab") as file, urllib3.PoolManager(timeout=urllib3.Timeout(connect=10, read=60)) as pool:
        if file.tell() > size:
            file.truncate(0)
        while (offset := file.tell()) < size:
            try:
                _append(pool, make_url(), file, size, on_progress)
            except urllib3.exceptions.HTTPError as exc:
                failures = failures + 1 if file.tell() == offset else 1
                if failures == _TRIES:
                    raise Unreachable(f"The archive cannot be fetched; {file.tell()} bytes are in {part}.") from exc
                sleep(min(8.0, 0.5 * 2**failures))
    found = part.stat().st_size
    if found != size:
        part.unlink()
        raise CommandError(f"The archive has {size} bytes, but {found} arrived.")
    part.replace(target)


def _append(pool: urllib3.PoolManager, url: str, file: BinaryIO, size: int, on_progress: Callable[[int], None]) -> None:
    """Append what one request brings; raises urllib3's errors when it breaks off or the answer is not the rest."""
    offset = file.tell()
    answer = pool.request("GET", url, headers={"Range": f"bytes={offset}-"}, preload_content=False, retries=False)
    try:
        if answer.status == 200 and offset:
            # No ranges here: from the beginning then.
            file.truncate(0)
        elif not _is_rest(answer, offset, size):
            raise urllib3.exceptions.HTTPError(f"{answer.status} {answer.reason}")
        # What is there, however little: waiting for a full chunk would lose what came before a break.
        while chunk := answer.read1(_CHUNK):
            file.write(chunk)
            on_progress(file.tell())
    finally:
        answer.release_conn()
        answer.close()


def _is_rest(answer: urllib3.BaseHTTPResponse, offset: int, size: int) -> bool:
    if answer.status == 200:
        return True
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    return answer.status == 206 and span is not None and (int(span[1]), int(span[2])) == (offset, size)
