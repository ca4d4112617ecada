"""docs/performance.md: tables and charts between markers, everything else of the page is written by people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.children import ROOT
from bench.plots import Bar, Line, bars, lines
from bench.results import Section, spread
from bench.tables import Table, markdown, race_table, target_table

PAGE = ROOT / "docs" / "performance.md"
CHARTS = ROOT / "docs" / "performance"
MIB, GIB = 1024**2, 1024**3
_RACES = {
    "service": "The whole service against a real S3 server",
    "free": "The transfer alone against a server that costs nothing",
    "delayed": "The transfer alone at 25 ms and 90 MiB/s a connection",
}


def write_page(sections: Mapping[str, Section], page: Path = PAGE, charts: Path = CHARTS) -> None:
    """Renew what stands between the markers."""
    charts.mkdir(parents=True, exist_ok=True)
    text = page.read_text()
    text = replace_between_markers(text, "targets", markdown(target_table(sections)))
    for name, title in _RACES.items():
        if name in sections:
            text = replace_between_markers(text, name, "\n\n".join(_race(sections[name], title, charts)))
    for name, render in {"growth": _growth, "micro": _micro, "fanout": _fanout, "latency": _latency}.items():
        if name in sections:
            text = replace_between_markers(text, name, "\n\n".join(render(sections[name], charts)))
    page.write_text(text)


def replace_between_markers(text: str, name: str, content: str) -> str:
    """The page's text with this content in the place of that name."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the page has no markers {begin} … {end}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def _race(section: Section, title: str, charts: Path) -> Iterator[str]:
    noise = [
        spread(run.seconds for run in section.race.runs if (run.workload, run.contestant) == pair)
        for pair in {(run.workload, run.contestant) for run in section.race.runs}
    ]
    yield (
        f"{section.about['rounds']} rounds of everybody in turns, medians; every archive verified. "
        f"Server: {section.about['provider']}. {_measured_on(section)} "
        f"Slowest round over fastest of the same contestant: {sorted(noise)[len(noise) // 2]:.2f} in the middle, "
        f"{max(noise):.2f} at worst."
    )
    (charts / f"{section.name}.svg").write_text(_race_chart(section, title))
    yield f"![{title}](performance/{section.name}.svg)"
    for workload in section.workloads:
        title = section.workloads[workload]["title"]
        yield f"**{workload}** · {title}\n\n{markdown(race_table(section, workload))}"


def _race_chart(section: Section, title: str) -> str:
    groups = []
    for workload in section.workloads:
        timed = [(name, section.seconds(workload, name)) for name in section.contestants()]
        group = [Bar(name, seconds, f"{seconds:.2f} s") for name, seconds in timed if seconds is not None]
        groups.append((f"{workload} · {section.workloads[workload]['title']}", group))
    return bars(f"{title}: seconds", _relative(groups))


def _relative(groups: list[tuple[str, list[Bar]]]) -> list[tuple[str, list[Bar]]]:
    """Each group drawn to its own slowest: what counts is the comparison inside it."""
    return [
        (name, [Bar(bar.label, bar.value / max(it.value for it in group), bar.note) for bar in group])
        for name, group in groups
        if group
    ]


def _growth(section: Section, charts: Path) -> Iterator[str]:
    by_count, by_size = section.figures["by_count"], section.figures["by_size"]
    rows = [
        (
            f"{point['files']:,}",
            _size(point["size"]),
            f"{point['seconds']:.2f}",
            f"{1000 * point['seconds'] / point['files']:.2f}",
            f"{point['size'] / point['seconds'] / MIB:.0f}",
            f"{point['cpu_s']:.2f}",
            f"{point['peak_bytes'] / MIB:.0f}",
        )
        for point in (*by_count, *by_size)
    ]
    yield f"The whole service, one job, against the sink. {_measured_on(section)}"
    head = ("files", "bytes", "seconds", "ms a file", "MiB/s", "CPU s", "peak MiB")
    yield markdown(Table("", head, rows))
    count_points = [(point["files"], point["seconds"]) for point in by_count]
    (charts / "growth-files.svg").write_text(
        lines("Time against files of 1 KiB", "files", "seconds", [Line("one job", count_points)])
    )
    peaks = [Line("one job", [(point["size"], point["peak_bytes"] / MIB) for point in by_size])]
    (charts / "growth-memory.svg").write_text(
        lines("Peak memory of a worker", "in the archive", "MiB resident", peaks, from_zero=True, name_x=_size)
    )
    yield "![Time against the number of files](performance/growth-files.svg)"
    yield "![Memory against the size of a job](performance/growth-memory.svg)"


def _micro(section: Section, charts: Path) -> Iterator[str]:
    yield _measured_on(section)
    rows = [(_MICRO[name], f"{value:.3g}") for name, value in section.figures.items() if name in _MICRO]
    yield markdown(Table("", ("", ""), rows))


def _fanout(section: Section, charts: Path) -> Iterator[str]:
    figures = section.figures
    yield (
        f"{_size(figures['size'])} of zeros, every connection limited to {figures['rate_mib']:g} MiB/s each way and "
        f"each worker process to ten of them: {figures['one_s']:.0f} s with one process, {figures['two_s']:.0f} s "
        f"with two, {figures['ratio']:.2f} ×. {_measured_on(section)}"
    )


def _latency(section: Section, charts: Path) -> Iterator[str]:
    figures = section.figures
    rows = [
        (name, *(f"{figures[f'{prefix}{cut}_ms']:.0f}" for cut in ("p50", "p95", "max")))
        for name, prefix in (
            ("until a worker has begun", ""),
            ("until the archive is complete", "complete_"),
        )
    ]
    yield (
        f"{figures['jobs']} jobs of one small file, one after another on an idle system, in milliseconds. "
        f"{_measured_on(section)}"
    )
    yield markdown(Table("", ("from POST", "median", "95 %", "longest"), rows))


def _measured_on(section: Section) -> str:
    return f"{section.machine}; {section.made_at}."


def _size(size: float) -> str:
    for limit, unit in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if size >= limit:
            return f"{size / limit:.4g} {unit}"
    return f"{size:g} B"


_MICRO = {
    "plan_1000_s": "plan of 1,000 entries (names, layout, every part): seconds",
    "plan_100000_s": "plan of 100,000 entries: seconds",
    "plan_100000_names_s": "… of these, names",
    "plan_100000_layout_s": "… layout",
    "plan_100000_parts_s": "… every part's segments",
    "plan_100000_mib": "plan of 100,000 entries: MiB more than before",
    "local_header_us": "local header: µs",
    "central_header_us": "central header: µs",
    "crc32_isal_16_kib_gib_s": "CRC-32 of 16 KiB, isal: GiB/s",
    "crc32_zlib_16_kib_gib_s": "… zlib",
    "crc32_zlib_ng_16_kib_gib_s": "… zlib-ng",
    "crc32_isal_8_mib_gib_s": "CRC-32 of 8 MiB, isal: GiB/s",
    "crc32_zlib_8_mib_gib_s": "… zlib",
    "crc32_zlib_ng_8_mib_gib_s": "… zlib-ng",
    "crc32_isal_combine_us": "two CRC-32s combined, isal: µs",
    "sign_us": "signing a ranged GET: µs",
    "sign_botocore_us": "… by botocore's signer",
}
