"""Row 11: clocks that jump or disagree by an hour, two clock processes, and disks that take nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from honcho.environ import parse_procfile

from bulkdl.jobs.status import JobStatus
from tests.faults import invariants
from tests.faults.bad_day import build_bad_day
from tests.faults.kept import Kept
from tests.faults.system import System, open_system
from tests.faults.trials import Outcome, Plan, percentile
from tests.faults.work import SLOW_BYTES_PER_S, make_media, statuses
from tests.services.database import ROOT

HOUR = 3600
KINDS = ("jump", "skew", "full", "read-only")


def run(plan: Plan) -> Outcome:
    """Jumps of every process on SQLite; on PostgreSQL one process that disagrees, and disks; two clocks throughout."""
    outcome, took = Outcome(), []
    library = build_bad_day(plan.folder)
    if library is None:
        outcome.figure = "NOT tried: a C compiler is missing (Debian: gcc libc6-dev)"
        return outcome
    for number in range(plan.trials):
        kind = KINDS[number % len(KINDS)]
        with (
            outcome.trial(f"trial {number} ({kind})"),
            open_system(plan, f"{number}-{kind}", postgres=kind != "jump") as system,
            _second_clock(system),
        ):
            took.append(_one(system, plan, number, kind, library))
    outcome.figure = f"no effect, with two clock processes throughout; jobs took {percentile(took, 0.5):.1f} s (p50)"
    return outcome


def _one(system: System, plan: Plan, number: int, kind: str, library: Path) -> float:
    watchers = [system.watch()]
    media = [make_media(system, f"set-{which}", seed=which) for which in range(2)]
    system.front.bytes_per_s = SLOW_BYTES_PER_S
    seconds = plan.dice(number).choice((HOUR, -HOUR))
    if kind == "jump":
        time_file = _give_clock(system, library, (system.web, system.worker, system.clock))
    elif kind == "skew":
        which = (system.worker, system.clock, system.web)[number // len(KINDS) % 3]
        _give_clock(system, library, (which,)).write_text(str(seconds))
    else:
        _give_disk(system, library, kind)
    system.wait_until_ready()
    began = time.monotonic()
    jobs = [system.api().submit(one) for one in media]
    if kind == "jump":
        time.sleep(1)
        time_file.write_text(str(seconds))
        jobs += [system.api().submit(one) for one in media]
    invariants.check_trial(system, jobs)
    took_s = time.monotonic() - began
    assert statuses(system, jobs) == [JobStatus.COMPLETE] * len(jobs), statuses(system, jobs)
    ends = [watcher.story(job).ends for job in jobs for watcher in watchers]
    assert all(len(one) <= 1 for one in ends), f"two clocks told an end twice: {ends}"
    invariants.check_memory(system)
    invariants.check_logs(system)
    return took_s


@contextmanager
def _second_clock(system: System) -> Iterator[Kept]:
    clock = system.make_process("clock-2", "python -m actors.clock")
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()


def _give_clock(system: System, library: Path, processes: tuple[Kept, ...]) -> Path:
    """Start the processes with a wall clock that is off by the seconds in the file that is returned."""
    time_file = system.folder / "shift"
    time_file.write_text("0")
    for kept in processes:
        kept.stop()
        kept.start({**system.environ, "LD_PRELOAD": str(library), "BAD_DAY_CLOCK": str(time_file)})
    return time_file


def _give_disk(system: System, library: Path, kind: str) -> None:
    """Start every process on a disk that takes nothing; what they say goes through a pipe to one that does."""
    commands = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
    for kept in (system.web, system.worker, system.clock):
        kept.stop()
        inner = (
            f"exec > >(cat >> {kept.log_path}) 2>&1; export LD_PRELOAD={library} BAD_DAY_DISK={kind}; "
            f"exec {commands[kept.name]}"
        )
        kept.command = f"exec bash -c '{inner}'"
        kept.start()
