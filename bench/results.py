"""Results as they are kept: one JSON file per kind of measurement, beside what they were measured on."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.children import ROOT
from bench.race import Count, Race, Run

FOLDER = ROOT / "bench" / "results"


@dataclass(slots=True, kw_only=True)
class Section:
    """One kind of measurement: a race, or figures by name."""

    name: str
    made_at: str = ""
    machine: str = ""
    about: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    """Provider, scale, rounds …"""
    workloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Title, files and bytes by name."""
    race: Race = field(default_factory=Race)
    figures: dict[str, Any] = field(default_factory=dict)

    def median(self, workload: str, contestant: str, value: Callable[[Run], float]) -> float | None:
        """The median of a value over the rounds; None where it was not measured."""
        values = [value(run) for run in self.race.runs if (run.workload, run.contestant) == (workload, contestant)]
        return statistics.median(values) if values else None

    def seconds(self, workload: str, contestant: str) -> float | None:
        """Median duration."""
        return self.median(workload, contestant, lambda run: run.seconds)

    def cpu_s(self, workload: str, contestant: str) -> float | None:
        """Median CPU seconds of the worker."""
        return self.median(workload, contestant, lambda run: run.cpu_s)

    def peak_bytes(self, workload: str, contestant: str) -> int | None:
        """The greatest peak of all rounds."""
        peaks = [run.peak_bytes for run in self.race.runs if (run.workload, run.contestant) == (workload, contestant)]
        return max(peaks, default=None)

    def count(self, workload: str, contestant: str) -> Count | None:
        """Requests and bytes."""
        found = (it for it in self.race.counts if (it.workload, it.contestant) == (workload, contestant))
        return next(found, None)

    def contestants(self) -> list[str]:
        """In the order of whoever took part on the most workloads."""
        names = list(dict.fromkeys(run.contestant for run in self.race.runs))
        places = {name: self._place(name) for name in names}
        return sorted(names, key=lambda name: places[name])

    def _place(self, contestant: str) -> int:
        """The latest place that it had in a round."""
        places = []
        for workload in self.workloads:
            names = list(dict.fromkeys(run.contestant for run in self.race.runs if run.workload == workload))
            places += [names.index(contestant)] if contestant in names else []
        return max(places)


def new_section(name: str, **about: object) -> Section:
    """A section that is about to be measured on this machine."""
    made_at = datetime.now(UTC).date().isoformat()
    return Section(name=name, made_at=made_at, machine=_machine(), about=dict(about))


def save(section: Section, folder: Path = FOLDER) -> None:
    """Write the section down; of the last one, workloads that were not run again are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{section.name}.json"
    kept = _with_others(section, _load(path)) if path.exists() else section
    path.write_text(json.dumps(asdict(kept), indent=1) + "\n")


def _with_others(section: Section, last: Section) -> Section:
    others = {name: about for name, about in last.workloads.items() if name not in section.workloads}
    race = Race(
        [*(run for run in last.race.runs if run.workload in others), *section.race.runs],
        [*(count for count in last.race.counts if count.workload in others), *section.race.counts],
    )
    workloads = dict(sorted({**others, **section.workloads}.items()))
    return replace(section, workloads=workloads, race=race)


def load_all(folder: Path = FOLDER) -> Mapping[str, Section]:
    """Every section that was written down, by name."""
    return {path.stem: _load(path) for path in sorted(folder.glob("*.json"))}


def _load(path: Path) -> Section:
    held = json.loads(path.read_text())
    race = held.pop("race")
    runs = [Run(**run) for run in race["runs"]]
    return Section(**held, race=Race(runs, [Count(**count) for count in race["counts"]]))


def spread(values: Iterable[float]) -> float:
    """Greatest over least: how noisy it was."""
    held = list(values)
    return max(held) / min(held) if held and min(held) > 0 else 0.0


def _machine() -> str:
    memory = round(psutil.virtual_memory().total / 1024**3)
    cores = os.cpu_count()
    return f"{_cpu_model()}, {cores} cores, {memory} GiB, {platform.system()}, Python {platform.python_version()}"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.machine()
