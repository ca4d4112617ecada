"""`python -m bench` (or `make bench`): measure, show, and write down."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from bench import contestants, fanout, growth, latency, library, micro, report, results, tables
from bench.race import RAW, Contestant, Heat, race
from bench.results import Section, new_section
from bench.setup import Store, Workbench, given_store, own_environ
from bench.workloads import GIB, NAMES, make_workload

KINDS = ("micro", "latency", "service", "free", "delayed", "growth", "fanout")
_WORKLOADS = {"service": NAMES, "free": ("W1", "W2", "W4"), "delayed": ("W1", "W4")}
_TRYING_OUT = 0.01
_RAW_CONCURRENCIES = (8, 16, 32, 64)

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    scale: float
    rounds: int
    workloads: Sequence[str]
    only: Sequence[str]
    pause_s: float

    def is_whole(self, section: Section) -> bool:
        """Whether the section was measured at full size with everybody, and so is worth keeping."""
        return section.about["scale"] == 1 and not self.only


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kinds", nargs=-1, type=click.Choice([*KINDS, "report"]))
@click.option("--scale", type=float, default=1.0, help="Part of the full size, to try the bench out.")
@click.option("--rounds", type=int, default=3, show_default=True, help="Rounds of everybody in turns.")
@click.option("--workloads", default="", help="Which of them, by commas; unless given, those with a target.")
@click.option("--only", default="", help="Contestants whose names contain one of these words, by commas.")
@click.option("--pause", "pause_s", type=float, default=1.0, show_default=True, help="Seconds of rest before each run.")
def main(kinds: Sequence[str], scale: float, rounds: int, workloads: str, only: str, pause_s: float) -> None:
    """Measure KINDS (all, unless named) and show every figure beside its target.

    The servers are given by the environment: S3_ENDPOINT_URL (with S3_PROVIDER and the AWS_ keys) for `service`,
    BENCH_FREE_URL and BENCH_DELAYED_URL (with BENCH_OBJECTS_FOLDER and BENCH_PARTS_FOLDER) for the other two races.
    What was measured at full size is written down. See bench/README.md.
    """
    options = Options(scale=scale, rounds=rounds, workloads=_words(workloads), only=_words(only), pause_s=pause_s)
    measured = _measure([kind for kind in KINDS if kind in (kinds or KINDS)], options)
    kept = {name: section for name, section in measured.items() if options.is_whole(section)}
    for section in measured.values():
        for workload in section.workloads:
            tables.show(console, tables.race_table(section, workload))
    if scale < 1 or options.only:
        console.print("Not the whole comparison: it says that the bench works, no more.", style="bold yellow")
        tables.show(console, tables.target_table(measured))
        return
    sections = results.load_all()
    tables.show(console, tables.target_table(sections))
    if kept or "report" in kinds:
        report.write_page(sections)
        console.print("Written to bench/results and docs/performance.md.")


def _measure(kinds: Sequence[str], options: Options) -> dict[str, Section]:
    """Measure, and write down what is whole as soon as it is there."""
    measured = {}
    with _workbench() as bench:
        for kind in kinds:
            console.rule(kind)
            for section in _MEASURES[kind](bench, options):
                measured[kind] = section
                if options.is_whole(section):
                    results.save(section)
    return measured


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@contextmanager
def _workbench() -> Iterator[Workbench]:
    """A folder that is deleted when all went well, and kept with its logs when not."""
    bench = Workbench(own_environ())
    try:
        yield bench
    except BaseException:
        console.print(f"Logs are in {bench.folder}.")
        raise
    shutil.rmtree(bench.folder, ignore_errors=True)


def _service(bench: Workbench, options: Options) -> Iterator[Section]:
    store = given_store(own_environ())
    if store is not None:
        yield from _race(bench, "service", store, contestants.of_service(bench), options)
        return
    console.print(
        "S3_ENDPOINT_URL names no S3 server: moto takes its place, in memory, in Python, on the same cores. "
        "That proves that the bench works, and measures nothing.",
        style="bold yellow",
    )
    trying_out = dataclasses.replace(options, scale=min(options.scale, _TRYING_OUT), rounds=1)
    server, store = bench.start_moto()
    try:
        yield from _race(bench, "service", store, contestants.of_service(bench), trying_out)
    finally:
        server.stop()


def _free(bench: Workbench, options: Options) -> Iterator[Section]:
    yield from _alone(bench, "free", "BENCH_FREE_URL", options)


def _delayed(bench: Workbench, options: Options) -> Iterator[Section]:
    yield from _alone(bench, "delayed", "BENCH_DELAYED_URL", options)


def _alone(bench: Workbench, name: str, variable: str, options: Options) -> Iterator[Section]:
    environ = own_environ()
    missing = [it for it in (variable, "BENCH_OBJECTS_FOLDER", "BENCH_PARTS_FOLDER") if it not in environ]
    if missing:
        console.print(f"Not measured: {' and '.join(missing)} must be set.")
        return
    store = Store(
        environ[variable],
        "generic",
        "us-east-1",
        "bench",
        objects_folder=Path(environ["BENCH_OBJECTS_FOLDER"]),
        parts_folder=Path(environ["BENCH_PARTS_FOLDER"]),
        any_key="bench",
    )
    yield from _race(bench, name, store, contestants.of_transfer(bench), options)


def _race(
    bench: Workbench, name: str, store: Store, entered: Sequence[Contestant], options: Options
) -> Iterator[Section]:
    section = new_section(name, provider=store.provider, scale=options.scale, rounds=options.rounds)
    for workload_name in options.workloads or _WORKLOADS[name]:
        workload = make_workload(workload_name, options.scale)
        console.print(f"{workload.name} · {workload.title}: bringing {workload.size / GIB:.2f} GiB")
        heat = Heat(store=store, workload=workload, versions=library.bring(store, workload))
        section.workloads[workload.name] = {
            "title": workload.title,
            "files": len(workload.files),
            "size": workload.size,
        }
        taking_part = [_settled(bench, it, heat, options) for it in entered if _is_wanted(it, options)]
        got = race(heat, taking_part, rounds=options.rounds, say=console.print, pause_s=options.pause_s)
        section.race.runs += got.runs
        section.race.counts += got.counts
        yield section


def _settled(bench: Workbench, contestant: Contestant, heat: Heat, options: Options) -> Contestant:
    """The raw limit at the concurrency that is best here; everybody else as he is."""
    if contestant.name != RAW or options.scale < 1:
        return contestant
    best = min(_RAW_CONCURRENCIES, key=lambda concurrency: contestants.try_raw(bench, heat, concurrency))
    console.print(f"the raw limit is lowest at {best} requests at once")
    return contestants.raw_at(bench, best)


def _is_wanted(contestant: Contestant, options: Options) -> bool:
    return not options.only or any(word.lower() in contestant.name.lower() for word in options.only)


def _figures(name: str, measure: Callable[[Workbench, Options], dict[str, object]]) -> Callable[..., Iterator[Section]]:
    def measured(bench: Workbench, options: Options) -> Iterator[Section]:
        section = new_section(name, scale=options.scale)
        section.figures = measure(bench, options)
        yield section

    return measured


_MEASURES: dict[str, Callable[[Workbench, Options], Iterator[Section]]] = {
    "micro": _figures("micro", lambda bench, options: micro.measure(console.print)),
    "latency": _figures(
        "latency",
        lambda bench, options: latency.measure(bench, console.print, jobs=max(5, round(100 * options.scale))),
    ),
    "service": _service,
    "free": _free,
    "delayed": _delayed,
    "growth": _figures(
        "growth",
        lambda bench, options: growth.measure(
            bench,
            console.print,
            most_files=max(100, round(100_000 * options.scale)),
            most_bytes=max(16 * 1024**2, round(64 * GIB * options.scale)),
        ),
    ),
    "fanout": _figures(
        "fanout",
        lambda bench, options: fanout.measure(bench, console.print, size=round(20 * GIB * options.scale), rounds=1),
    ),
}


if __name__ == "__main__":
    main()
