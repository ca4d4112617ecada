"""The pure core by itself: planning, CRC-32, records, signatures. No server, no network, a few seconds.

Times are CPU seconds of the process: nothing here waits, and other programs on the machine are left out.
`python -m bench.micro plan 100000` measures one plan in a process of its own, for its memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psutil
from isal import isal_zlib
from zlib_ng import zlib_ng

from bench.children import ROOT, python_program
from bench.meter import peak_of
from bulkdl.archive import records
from bulkdl.archive.layout import Entry, Layout
from bulkdl.archive.names import archive_names
from bulkdl.archive.plan import make_plan

MIB, GIB = 1024**2, 1024**3
_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_ROUNDS = 5
_NAME = b"Campaigns/Spring 2026/picture-00001.jpg"


def measure(say: Callable[[str], None]) -> dict[str, object]:
    """Every figure by name."""
    figures: dict[str, object] = {}
    for count in (1_000, 100_000):
        figures.update({f"plan_{count}_{name}": value for name, value in _plan_alone(count).items()})
    figures.update(_crc32s())
    figures.update(_records())
    figures.update(_signatures())
    for name, value in figures.items():
        say(f"{name}: {value:.4g}")
    return figures


def plan(count: int) -> dict[str, float]:
    """Names, layout and every part of a plan of so many pictures of 1 MiB: seconds, and the memory that it takes."""
    wished = [f"Campaigns/Spring {number % 40}/picture-{number:06d}.jpg" for number in range(count)]
    before = peak_of(psutil.Process())
    begun = time.process_time()
    names = archive_names(wished)
    named = time.process_time()
    layout = Layout([Entry(name, MIB, _NOW) for name in names])
    made = make_plan(layout)
    laid_out = time.process_time()
    for number in range(1, made.part_count + 1):
        made.part(number)
    cut = time.process_time()
    return {
        "s": cut - begun,
        "names_s": named - begun,
        "layout_s": laid_out - named,
        "parts_s": cut - laid_out,
        "mib": (peak_of(psutil.Process()) - before) / MIB,
    }


def _plan_alone(count: int) -> dict[str, float]:
    command = python_program("bench.micro", "plan", str(count))
    runs = [
        json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout) for _ in range(_ROUNDS)
    ]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _crc32s() -> dict[str, float]:
    libraries: dict[str, Any] = {"isal": isal_zlib, "zlib": zlib, "zlib_ng": zlib_ng}  # Any: modules
    figures = {}
    for size, name in ((16 * 1024, "16_kib"), (8 * MIB, "8_mib")):
        data = memoryview(bytearray(range(256)) * (size // 256))
        for library, module in libraries.items():
            seconds = _per_call(partial(module.crc32, data), max(1, 64 * MIB // size))
            figures[f"crc32_{library}_{name}_gib_s"] = size / seconds / GIB
    combine = isal_zlib.crc32_combine
    figures["crc32_isal_combine_us"] = 1e6 * _per_call(lambda: combine(0x12345678, 0x9ABCDEF0, 5 * GIB), 20_000)
    return figures


def _records() -> dict[str, float]:
    return {
        "local_header_us": 1e6 * _per_call(lambda: records.local_header(_NAME, MIB, _NOW, 7), 20_000),
        "central_header_us": 1e6 * _per_call(lambda: records.central_header(_NAME, MIB, _NOW, 7, GIB), 20_000),
    }


def _signatures() -> dict[str, float]:
    """One ranged GET signed by the adapter's signer, and by botocore's own."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from bulkdl.storage.s3.signing import Signer

    credentials = Credentials("bench", "bench-secret")
    signer = Signer(credentials.get_frozen_credentials, "us-east-1")
    theirs = S3SigV4Auth(credentials, "s3", "us-east-1")
    headers = {"host": "127.0.0.1:7480", "range": "bytes=0-262143", "if-match": '"0123456789abcdef"'}

    def by_botocore() -> None:
        request = AWSRequest("GET", "http://127.0.0.1:7480/bucket/key", headers=dict(headers))
        request.context["payload_signing_enabled"] = False
        theirs.add_auth(request)

    return {
        "sign_us": 1e6 * _per_call(lambda: signer.sign("GET", "/bucket/key", "", headers), 5_000),
        "sign_botocore_us": 1e6 * _per_call(by_botocore, 1_000),
    }


def _per_call(call: Callable[[], object], times: int) -> float:
    """Seconds of one call, the median of several rounds."""
    taken = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            call()
        taken.append((time.process_time() - begun) / times)
    return statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps(plan(int(sys.argv[2]))))
