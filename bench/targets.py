"""What is to be reached, each target beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.contestants import FIXED, KNOWN, NODE, NODE_DEFLATE, OURS
from bench.race import RAW
from bench.results import Section

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table of targets."""

    what: str
    wanted: str
    figure: str
    """Empty: not measured."""
    is_met: bool | None


def targets(sections: Mapping[str, Section]) -> list[Target]:
    """All of them, in order."""
    missing = Section(name="")
    found = {name: sections.get(name, missing) for name in ("service", "free", "delayed")}
    lines = [*_service(found["service"]), *_free(found["free"]), *_delayed(found["delayed"])]
    return [*lines, *_figures(sections)]


def _service(section: Section) -> Iterator[Target]:
    for workload in ("W1", "W2", "W4"):
        what = f"whole service, {workload}"
        yield _ratio(f"{what}: against {NODE}", section, workload, OURS, NODE, 2.0)
        yield _ratio(f"{what}: against {NODE_DEFLATE}", section, workload, OURS, NODE_DEFLATE, 7.0)
        yield _raw(f"{what}: against the raw limit", section, workload, extra_s=0.3)
    yield _ratio(f"whole service, W3, nothing known: against {NODE}", section, "W3", OURS, NODE, 2.1)
    yield _ratio(f"whole service, W3, CRC-32s known: against {NODE}", section, "W3", KNOWN, NODE, 2.7)
    for workload, contestant, factor in (("W1", OURS, 6), ("W2", OURS, 7), ("W3", KNOWN, 50)):
        ours, node = section.cpu_s(workload, contestant), section.cpu_s(workload, NODE)
        known = ", CRC-32s known" if contestant == KNOWN else ""
        figure = node / max(ours, 0.01) if ours is not None and node is not None else None
        yield _at_least(f"worker's CPU, {workload}{known}: {NODE} needs", figure, factor, "× as much")
    yield _peak(section)
    yield _share(section)


def _free(section: Section) -> Iterator[Target]:
    for workload, factor in (("W1", 6.0), ("W2", 5.5), ("W4", 5.0)):
        what = f"transfer alone, free server, {workload}"
        yield _ratio(f"{what}: against {NODE}", section, workload, OURS, NODE, factor)
        yield _raw(f"{what}: against the raw limit", section, workload, extra_s=0.0)


def _delayed(section: Section) -> Iterator[Target]:
    for workload, factor in (("W1", 4.0), ("W4", 6.0)):
        what = f"transfer alone, 25 ms and 90 MiB/s a connection, {workload}"
        yield _ratio(f"{what}: against {NODE}", section, workload, OURS, NODE, factor)
        yield _ratio(f"{what}, fixed at 10: against {NODE}", section, workload, FIXED, NODE, 1.0)


def _figures(sections: Mapping[str, Section]) -> Iterator[Target]:
    growth = _figures_of(sections, "growth")
    yield _at_most("time per file, 100,000 files of 1 KiB against 1,000", growth.get("time_ratio"), 1.15, "×")
    yield _at_most("peak memory, a job of 64 GiB against one of 1 GiB", growth.get("memory_ratio"), 1.15, "×")
    yield _at_most("peak memory, a job of 100,000 files", growth.get("most_files_peak_mib"), 256.0, " MiB")
    micro = _figures_of(sections, "micro")
    yield _at_most("plan of 100,000 entries", micro.get("plan_100000_s"), 1.0, " s")
    yield _at_most("plan of 100,000 entries, memory", micro.get("plan_100000_mib"), 150.0, " MiB")
    yield _at_least("20 GiB on 2 worker processes against 1", _figures_of(sections, "fanout").get("ratio"), 1.8, "×")
    yield _at_most("POST → first byte of work, p95", _figures_of(sections, "latency").get("p95_ms"), 150.0, " ms")


def _figures_of(sections: Mapping[str, Section], name: str) -> Mapping[str, float]:
    return sections[name].figures if name in sections else {}


def _ratio(what: str, section: Section, workload: str, ours: str, other: str, factor: float) -> Target:
    mine, theirs = section.seconds(workload, ours), section.seconds(workload, other)
    figure = theirs / mine if mine and theirs else None
    return _at_least(what, figure, factor, "×")


def _raw(what: str, section: Section, workload: str, *, extra_s: float) -> Target:
    """At most 1.15 times the raw limit's time and so many seconds."""
    wanted = "≤ 1.15 × its time" + (f" + {extra_s:g} s" if extra_s else "")
    mine, raw = section.seconds(workload, OURS), section.seconds(workload, RAW)
    if mine is None or raw is None:
        return Target(what, wanted, "", None)
    figure = f"{mine / raw:.2f} × ({mine:.2f} s, {raw:.2f} s)"
    return Target(what, wanted, figure, mine <= 1.15 * raw + extra_s)


def _peak(section: Section) -> Target:
    peaks = [section.peak_bytes(workload, it) for workload in section.workloads for it in (OURS, KNOWN)]
    known = [peak / MIB for peak in peaks if peak is not None]
    return _at_most("peak resident memory of a worker process, any workload", max(known, default=None), 192, " MiB")


def _share(section: Section) -> Target:
    """Bytes that went through the worker, of those that reading all and writing all would be."""
    what = "bytes through the worker, W3, CRC-32s known"
    count = section.count("W3", KNOWN)
    if count is None:
        return _at_most(what, None, 5.0, " %")
    return _at_most(what, share_of(section, "W3", KNOWN), 5.0, " %")


def share_of(section: Section, workload: str, contestant: str) -> float | None:
    """Percent of twice the workload's size that was sent and received."""
    count = section.count(workload, contestant)
    if count is None:
        return None
    return 50 * (count.sent + count.received) / float(section.workloads[workload]["size"])


def _at_least(what: str, figure: float | None, wanted: float, unit: str) -> Target:
    if figure is None:
        return Target(what, f"≥ {wanted:g}{unit}", "", None)
    return Target(what, f"≥ {wanted:g}{unit}", f"{figure:.2f}{unit}", figure >= wanted)


def _at_most(what: str, figure: float | None, wanted: float, unit: str) -> Target:
    if figure is None:
        return Target(what, f"≤ {wanted:g}{unit}", "", None)
    return Target(what, f"≤ {wanted:g}{unit}", f"{figure:.2f}{unit}", figure <= wanted)
