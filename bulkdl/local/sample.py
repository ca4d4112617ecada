"""The sample media library: real images, painted at the first start and kept on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bulkdl.local.painting import add_grain, paint

_VERSION = 2
"""Raise it when what is painted changes: the folder of an older version is left aside."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of the sample library."""

    number: int
    name: str
    """As the catalogue shows it; `/` separates folders. Two files share one name."""
    kind: str
    width: int
    height: int

    @property
    def file_name(self) -> str:
        """Of its file on disk, and of its object: unlike `name`, no other has it."""
        return f"{self.number:03d} {self.name.rpartition('/')[2]}"

    @property
    def thumbnail_name(self) -> str:
        """Of its small picture on disk."""
        return f"{self.number:03d}.thumbnail.jpg"

    @property
    def content_type(self) -> str:
        """Media type by the ending of the name."""
        return {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[self.name.rpartition(".")[2]]


def sample_files() -> list[SampleFile]:
    """The whole library, in the catalogue's order."""
    names = [(f"{folder}/{name}", kind, size) for folder, kind, size, names in _LIBRARY for name in names]
    return [SampleFile(number, name, kind, *size) for number, (name, kind, size) in enumerate(names, 1)]


def ensure_sample(folder: Path, *, on_progress: Callable[[int, int], None]) -> Path:
    """Return the folder that holds every sample file, painting them when they are not there yet.

    `on_progress` is told how many of how many are painted. An interrupted start leaves nothing half done.
    """
    finished = folder / f"sample-{_VERSION}"
    if finished.exists():
        return finished
    unfinished = folder / f"sample-{_VERSION}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files = sample_files()
    with ProcessPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(_paint_file, files, [unfinished] * len(files)), 1):
            on_progress(done, len(files))
    return unfinished.rename(finished)


def _paint_file(file: SampleFile, folder: Path) -> None:
    image = paint(file.kind, file.number, file.width, file.height)
    path = folder / file.file_name
    small = image.convert("RGB")
    small.thumbnail(_THUMBNAIL)
    small.save(folder / file.thumbnail_name, quality=80)
    if file.content_type == "image/png":
        image.save(path, optimize=True)
    else:
        add_grain(image, 0.1 + 0.016 * (file.number * 7 % 10)).save(path, quality=90)


_THUMBNAIL = (480, 480)
_LARGE = (3000, 2000)
_MIDDLE = (2400, 1600)
_TALL = (1600, 2400)
_SQUARE = (1200, 1200)

_LIBRARY: list[tuple[str, str, tuple[int, int], list[str]]] = [
    ("Brand/Logo", "logo", _SQUARE, ["logo-dark.png", "logo-light.png", "mark.png", "mark-small.png"]),
    ("Campaigns/Spring 2026", "hills", _LARGE, [f"hero-{n:02d}.jpg" for n in range(1, 13)]),
    ("Campaigns/Spring 2026/Web", "hills", _MIDDLE, [f"banner-{n:02d}.webp" for n in range(1, 5)]),
    ("Campaigns/Winter 2025", "hills", _TALL, [f"poster-{n:02d}.jpg" for n in range(1, 9)]),
    ("Events/Harbour festival", "sea", _MIDDLE, [f"IMG_{n:04d}.jpg" for n in range(1, 11)]),
    ("Events/Opening night", "lights", _MIDDLE, [f"IMG_{n:04d}.jpg" for n in range(1, 11)]),
    # The same name twice, as two people upload it: the archive holds both, one renamed.
    ("Events/Opening night", "lights", _LARGE, ["Group photo.jpg", "Group photo.jpg"]),
    ("Places/Zürich", "city", _LARGE, ["Löwenbräu – Abendlicht.jpg", "Limmatquai.jpg", "Prime Tower.jpg", "夜景.jpg"]),
    ("Places/Lisbon", "city", _MIDDLE, [f"alfama-{n}.jpg" for n in range(1, 5)]),
    ("Places/Coast", "sea", _LARGE, ["ebb.jpg", "flood.jpg", "last light.jpg", "lighthouse.jpg", "slack water.jpg"]),
    ("Unsorted", "lights", _SQUARE, ["scan.jpg"]),
]
