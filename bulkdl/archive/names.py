"""Safe names inside an archive: whatever the catalogue holds, every reader on every system gets a usable file.

Names come from object keys and from people, so they are hostile until cleaned. The rules are those of
the strictest reader, Windows ("Naming Files, Paths, and Namespaces"), and of APPNOTE 4.4.17: forward
slashes, relative, no `..`. Two names are the same when they differ only in case or in Unicode
composition, because on most people's disks they would overwrite each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST_PATH = 240
"""Characters: Windows' 260 less a short folder to extract into."""
LONGEST_SEGMENT = 255
"""UTF-8 bytes: the limit of ext4 and APFS, and stricter than that of NTFS."""

_LONGEST_FOLDER = 180
_LONGEST_DEEP_SEGMENT = 60
_LONGEST_EXTENSION = 20
_ROOM_FOR_NUMBER = len(" (1000000)")
_NOWHERE = frozenset({"", ".", ".."})
"""Segments that name nothing of their own."""
_UNNAMED = "file"

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]')
# Controls of writing direction make `gpj.exe` look like `exe.jpg`; the others of these are invisible.
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
_JOINERS = str.maketrans("", "", "\u200c\u200d")
_ZIP = ".zip"


def archive_names(names: Sequence[str]) -> list[str]:
    """A safe name for each, in the same order, unique without regard to case; `/` separates folders.

    The first to claim a name keeps it, the others get ` (2)` and so on before the extension. Folders
    that differ only in case become one. A file never bears the name of a folder beside it. The same
    names give the same result; the time taken grows with their number only.
    """
    tree = _Tree()
    placed = [(tree.folder(folder), file) for folder, file in map(_clean_path, names)]
    claimed = [tree.claim(folder, file) for folder, file in placed]
    return [
        path if path is not None else tree.claim_numbered(folder, file)
        for path, (folder, file) in zip(claimed, placed, strict=True)
    ]


def flat_names(names: Iterable[str]) -> list[str]:
    """The last segment of each name: all files side by side. Still to be made safe by `archive_names`."""
    return [name.replace("\\", "/").rstrip("/").rpartition("/")[2] for name in names]


def archive_file_name(name: str | None, default: str) -> str:
    """A safe file name for the archive itself, ending in `.zip`; `default` where nothing usable was given."""
    for candidate in (name or "", default):
        stem = _cut_extension("_".join(_clean_segments(candidate)))
        stem = _tidy(_cut(stem, LONGEST_SEGMENT - len(_ZIP)))
        if stem:
            return stem + _ZIP
    return "download" + _ZIP


class _Tree:
    """The names given so far. Paths are compared by `_key`."""

    def __init__(self) -> None:
        self._folders: dict[tuple[str, ...], str] = {(): ""}
        self._spellings: dict[str, str] = {"": ""}
        self._taken: set[str] = set()
        self._next_number: dict[tuple[str, str], int] = {}

    def folder(self, segments: tuple[str, ...]) -> str:
        """The folder's path with a slash behind it, spelled as it was first met, and taken from now on."""
        path = self._folders.get(segments)
        if path is None:
            wanted = f"{self.folder(segments[:-1])}{segments[-1]}"
            path = self._spellings.setdefault(_key(wanted), wanted + "/")
            self._taken.add(_key(wanted))
            self._folders[segments] = path
        return path

    def claim(self, folder: str, file: str) -> str | None:
        """The path as it is, or None when it is taken."""
        path = folder + file
        key = _key(path)
        if key in self._taken:
            return None
        self._taken.add(key)
        return path

    def claim_numbered(self, folder: str, file: str) -> str:
        """The path with the next free number before its extension.

        The stem is cut for the longest number at once: so stems that are alike after the cut share
        one counter, and no choice of names makes this search long.
        """
        stem, extension = _split_extension(file)
        stem = _cut_stem(stem, extension, _room(folder) - _ROOM_FOR_NUMBER, LONGEST_SEGMENT - _ROOM_FOR_NUMBER)
        counter = (_key(folder + stem), _key(extension))
        number = self._next_number.get(counter, 2)
        while (path := self.claim(folder, f"{stem} ({number}){extension}")) is None:
            number += 1
        self._next_number[counter] = number + 1
        return path


def _clean_path(name: str) -> tuple[tuple[str, ...], str]:
    """Folders and file name, safe and short enough, not yet unique."""
    head, _, tail = name.replace("\\", "/").rpartition("/")
    folders, file = _clean_folders(head), _clean_segment(tail) if tail not in _NOWHERE else ""
    if not folders or not file:
        # Nothing but a file name, or none at all: then the last folder is the file.
        *kept, file = _clean_segments(name) or [_UNNAMED]
        folders = tuple(_shorten_folders(kept))
    stem, extension = _split_extension(file)
    room = _room("".join(f"{folder}/" for folder in folders))
    return folders, _cut_stem(stem, extension, room, LONGEST_SEGMENT) + extension


@lru_cache(maxsize=1024)
def _clean_folders(head: str) -> tuple[str, ...]:
    """The folders of a path, cleaned and shortened; many files share them."""
    return tuple(_shorten_folders(_clean_segments(head)))


def _clean_segments(name: str) -> list[str]:
    """Safe segments: no drive, no `..`, none empty."""
    segments = [segment for segment in name.replace("\\", "/").split("/") if segment not in _NOWHERE]
    if segments and _DRIVE.fullmatch(segments[0]):
        del segments[0]
    return [cleaned for segment in segments if (cleaned := _clean_segment(segment))]


def _clean_segment(segment: str) -> str:
    """One segment without what Windows, a terminal or a reader of UTF-8 would stumble over; may be empty."""
    segment = _FORBIDDEN.sub("_", segment)
    if not segment.isascii():
        segment = _INVISIBLE.sub("", segment.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        # Composition comes last: removing a character can bring a letter and its accent together.
        segment = unicodedata.normalize("NFC", segment)
    segment = _tidy(segment)
    return f"_{segment}" if _RESERVED.match(segment) else segment


def _tidy(text: str) -> str:
    """Without spaces around it or dots behind it: Windows drops them, and two names become one."""
    text = text.strip()
    while text.endswith("."):
        text = text.rstrip(".").rstrip()
    return text


def _shorten_folders(folders: list[str]) -> list[str]:
    """The same folders, or where they take too long a path: shortened, and only the last of them."""
    kept = [_tidy(_cut(folder, LONGEST_SEGMENT)) for folder in folders]
    if _path_length(kept) <= _LONGEST_FOLDER:
        return kept
    kept = [_tidy(folder[:_LONGEST_DEEP_SEGMENT]) for folder in kept]
    while _path_length(kept) > _LONGEST_FOLDER:
        del kept[0]
    return kept


def _path_length(segments: list[str]) -> int:
    return sum(len(segment) + 1 for segment in segments)


def _room(folder: str) -> int:
    """Characters that a file's name may have in this folder."""
    return LONGEST_PATH - len(folder)


def _split_extension(file: str) -> tuple[str, str]:
    """Stem and extension with its dot; what is long or has spaces is no extension."""
    stem, dot, extension = file.rpartition(".")
    if not stem or not stem.strip(".") or len(extension) >= _LONGEST_EXTENSION or " " in extension:
        return file, ""
    return stem, dot + extension


def _cut_extension(file_name: str) -> str:
    return file_name[: -len(_ZIP)] if file_name.lower().endswith(_ZIP) else file_name


def _cut_stem(stem: str, extension: str, characters: int, size: int) -> str:
    """The stem, cut so that it and the extension take at most so many characters and UTF-8 bytes."""
    cut = _cut(stem[: characters - len(extension)], size - len(extension.encode()))
    return stem if cut == stem else _tidy(cut) or _UNNAMED


def _cut(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, cut between two characters."""
    return text if len(text) * 4 <= size else text.encode()[:size].decode(errors="ignore")


def _key(path: str) -> str:
    """Alike for paths that some file system takes for the same (Unicode 3.13, D145; HFS+ ignores joiners)."""
    if path.isascii():
        return path.lower()
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
    return folded.translate(_JOINERS)
