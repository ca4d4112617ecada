"""Who takes part: the whole service, the transfer alone, the peers, and the raw limit."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

from bench import content
from bench.children import ROOT, Child, python_program
from bench.peers.protocol import Task
from bench.race import RAW, Built, Contestant, Heat, Runner, verify_and_drop
from bench.service import Service
from bench.setup import Workbench
from bulkdl.storage.providers import find_provider

OURS = "Bulkdl"
KNOWN = "Bulkdl, CRC-32s known"
FIXED = "Bulkdl, fixed at 10"
NODE = "Node store"
NODE_UNHASHED = "Node store, told not to hash"
NODE_DEFLATE = "Node default (deflate)"
ZIPFILE = "zipfile + boto3"
ZIPSTREAM = "zipstream-ng + boto3"
STREAM_ZIP = "stream-zip + boto3"

_NODE = ROOT / "bench" / "peers" / "node"
_READY_S = 60.0
_DONE_S = 1800.0
_SETTLE_S = 0.5
_FEW_FILES = 50

Start = Callable[[Heat], AbstractContextManager[Runner]]


@dataclass(frozen=True, slots=True)
class _Program:
    """A program that speaks the protocol, and whose processes are measured."""

    speaker: Child
    pids: Sequence[int]
    key: str
    has_zip: bool

    def build(self) -> tuple[float, Built]:
        begun = time.monotonic()
        self.speaker.say("go")
        told = self.speaker.hear("done", _DONE_S)
        seconds = time.monotonic() - begun
        built = Built(
            key=self.key,
            upload_id=str(told.get("uploadId", "")),
            has_zip=self.has_zip,
        )
        return seconds, built


@dataclass(frozen=True, slots=True)
class _Ours:
    """The service, waiting for a job."""

    service: Service
    asset_ids: Sequence[str]

    @property
    def pids(self) -> Sequence[int]:
        return [self.service.worker.pid]

    def build(self) -> tuple[float, Built]:
        finished = self.service.client.build(self.asset_ids)
        return finished.seconds, Built(key=f"bulk-downloads/{finished.job_id}.zip")


def of_service(bench: Workbench) -> list[Contestant]:
    """For a whole S3 server: POST → complete against the same work of the others."""
    return [
        Contestant(OURS, _service(bench, knows=False)),
        Contestant(KNOWN, _service(bench, knows=True), takes=_can_copy),
        Contestant(RAW, _python(bench, "raw", has_zip=False)),
        *_node(bench, queue=True),
        Contestant(ZIPFILE, _python(bench, "with_zipfile")),
        Contestant(ZIPSTREAM, _python(bench, "with_zipstream_ng")),
        Contestant(STREAM_ZIP, _python(bench, "with_stream_zip")),
    ]


def of_transfer(bench: Workbench) -> list[Contestant]:
    """For a server that only serves and swallows: the transfer alone, and the others without their queue."""
    return [
        Contestant(OURS, _python(bench, "ours")),
        Contestant(FIXED, _python(bench, "ours", max_concurrency=10)),
        Contestant(RAW, _python(bench, "raw", has_zip=False)),
        *(node for node in _node(bench, queue=False) if node.name != NODE_DEFLATE),
        Contestant(ZIPFILE, _python(bench, "with_zipfile")),
        Contestant(ZIPSTREAM, _python(bench, "with_zipstream_ng")),
        Contestant(STREAM_ZIP, _python(bench, "with_stream_zip")),
    ]


def raw_at(bench: Workbench, concurrency: int) -> Contestant:
    """The raw limit with so many requests at once."""
    return Contestant(RAW, _python(bench, "raw", has_zip=False, concurrency=concurrency))


def try_raw(bench: Workbench, heat: Heat, concurrency: int) -> float:
    """How many seconds the raw limit takes with so many requests at once."""
    with raw_at(bench, concurrency).start(heat) as runner:
        seconds, built = runner.build()
    verify_and_drop(heat, built)
    return seconds


def has_node() -> bool:
    """Install the Node peers' packages if they are missing; False where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("Node is missing: its peers, and with them most of the targets, are left out.")
        return False
    if not (_NODE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=_NODE, check=True, stdout=subprocess.DEVNULL)
    return True


def _can_copy(heat: Heat) -> bool:
    is_large = max(file.size for file in heat.workload.files) > 3 * 8 * 1024**2
    return is_large and find_provider(heat.store.provider, heat.store.endpoint).copies_ranges


def _is_worth_deflating(heat: Heat) -> bool:
    """Not a few large files: that takes minutes a round, and nothing is to be reached there."""
    return len(heat.workload.files) > _FEW_FILES


def _service(bench: Workbench, *, knows: bool) -> Start:
    @contextmanager
    def start(heat: Heat) -> Iterator[Runner]:
        files = heat.workload.files
        versions = [heat.versions[file.key] for file in files]
        with Service(bench, heat.store) as service:
            asset_ids = service.add_assets(versions, [file.name for file in files])
            if knows:
                crc32s = [content.crc32_of(file.key, file.size) for file in files]
                service.know(zip(versions, crc32s, strict=True))
            time.sleep(_SETTLE_S)
            yield _Ours(service, asset_ids)

    return start


def _python(bench: Workbench, module: str, *, has_zip: bool = True, **more: object) -> Start:
    command = python_program(f"bench.peers.{module}")

    @contextmanager
    def start(heat: Heat) -> Iterator[Runner]:
        key = _archive_key()
        with _speaking(bench, heat, command, heat.task(key, **more)) as child:
            yield _Program(child, [child.pid], key, has_zip)

    return start


def _node(bench: Workbench, *, queue: bool) -> list[Contestant]:
    if not has_node():
        return []
    variants = {NODE: "store", NODE_UNHASHED: "store unhashed", NODE_DEFLATE: "deflate"}
    start = _node_service if queue else _node_alone
    entered = [Contestant(name, start(bench, variant)) for name, variant in variants.items()]
    return [replace(it, takes=_is_worth_deflating) if it.name == NODE_DEFLATE else it for it in entered]


def _node_alone(bench: Workbench, variant: str) -> Start:
    @contextmanager
    def start(heat: Heat) -> Iterator[Runner]:
        key = _archive_key()
        with _speaking(bench, heat, ["node", str(_NODE / "direct.js")], heat.task(key, variant=variant)) as child:
            yield _Program(child, [child.pid], key, has_zip=True)

    return start


def _node_service(bench: Workbench, variant: str) -> Start:
    @contextmanager
    def start(heat: Heat) -> Iterator[Runner]:
        key = _archive_key()
        server, url = bench.start_redis()
        with ExitStack() as stack:
            stack.callback(server.stop)
            task = heat.task(key, variant=variant, redis_url=url)
            worker = stack.enter_context(_speaking(bench, heat, ["node", str(_NODE / "worker.js")], task))
            speaker = stack.enter_context(_speaking(bench, heat, ["node", str(_NODE / "enqueue.js")], task))
            time.sleep(_SETTLE_S)
            yield _Program(speaker, [worker.pid], key, has_zip=True)

    return start


@contextmanager
def _speaking(bench: Workbench, heat: Heat, command: list[str], task: Task) -> Iterator[Child]:
    """A program with its task, once it is ready."""
    path = bench.file("task.json")
    task.write(path)
    child = bench.child([*command, str(path)], "peer", {"NODE_ENV": "production", **heat.store.environ})
    try:
        child.hear("ready", _READY_S)
        yield child
    finally:
        child.stop()


def _archive_key() -> str:
    return f"bulk-downloads/bench-{secrets.token_hex(8)}.zip"
