"""The sample library: what the one-command start promises of it."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from bulkdl.local.painting import PAINTERS, add_grain, paint
from bulkdl.local.sample import sample_files


def test_library_has_what_a_real_one_has() -> None:
    files = sample_files()
    names = Counter(file.name for file in files)

    assert len(files) >= 60
    assert [count for count in names.values() if count > 1] == [2]
    assert any(not name.isascii() for name in names)
    assert any(name.count("/") >= 2 for name in names)
    assert len({file.file_name for file in files}) == len(files)


@pytest.mark.parametrize("kind", PAINTERS)
def test_a_picture_is_always_the_same(kind: str) -> None:
    def painted() -> bytes:
        target = io.BytesIO()
        add_grain(paint(kind, 7, 160, 120), 0.2).save(target, "PNG")
        return target.getvalue()

    assert painted() == painted()


def test_pictures_of_one_kind_differ() -> None:
    assert paint("hills", 1, 160, 120).tobytes() != paint("hills", 2, 160, 120).tobytes()
