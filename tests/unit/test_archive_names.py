"""Names in the archive: safe everywhere, unique on every disk, and as close to the wish as that allows."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdl.archive.names import LONGEST_PATH, LONGEST_SEGMENT, archive_file_name, archive_names, flat_names

RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³]) *(\.|$)", re.IGNORECASE)
SEPARATORS = st.sampled_from(["/", "\\", ".", "..", " ", "a", "A", "é", "e\u0301", "\u202e", "CON", ":", "\0", "(2)"])
hostile_names = st.one_of(
    st.text(max_size=40),
    st.lists(SEPARATORS, max_size=12).map("".join),
    st.tuples(st.sampled_from(["a", "ß", "x" * 250, "😀" * 80, "d/" * 130]), SEPARATORS).map("".join),
)


def same_on_disk(path: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Trip 2024/Day 1/photo.jpg", "Trip 2024/Day 1/photo.jpg"),
        (".htaccess", ".htaccess"),
        ("../x", "x"),
        ("a/../../b", "a/b"),
        ("./a//b/", "a/b"),
        ("/etc/x", "etc/x"),
        ("C:\\x", "x"),
        ("c:/Users/x", "Users/x"),
        ("C:x", "C_x"),
        ("\\\\server\\share\\x", "server/share/x"),
        ("..\\..\\x", "x"),
        ("CON.txt", "_CON.txt"),
        ("con", "_con"),
        ("aux .tar.gz", "_aux .tar.gz"),
        ("nul/x", "_nul/x"),
        ("COM¹.txt", "_COM¹.txt"),
        ("conin$", "_conin$"),
        ("console.txt", "console.txt"),
        ("COM10", "COM10"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("a\0b\nc\x7fd\x85e", "a_b_c_d_e"),
        ("name. . .", "name"),
        (" padded / name ", "padded/name"),
        ("pic\u202egpj.exe", "picgpj.exe"),
        ("\u2066a\u2069\u200e\u200f\ufeff.jpg", "a.jpg"),
        ("e\u0301te\u0301.jpg", "été.jpg"),
        ("e\u200e\u0301.jpg", "é.jpg"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467.jpg", "\U0001f468\u200d\U0001f469\u200d\U0001f467.jpg"),
        ("\ud83d\ude00.png", "\U0001f600.png"),
        ("\ud800.png", "\ufffd.png"),
        ("", "file"),
        ("/", "file"),
        ("..", "file"),
        (" . ", "file"),
        ("\u202e", "file"),
    ],
)
def test_one_name_is_cleaned(wish: str, name: str) -> None:
    assert archive_names([wish]) == [name]


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        (["a.jpg", "a.jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]),
        (["A.jpg", "a.JPG"], ["A.jpg", "a (2).JPG"]),
        (["é.jpg", "e\u0301.jpg"], ["é.jpg", "é (2).jpg"]),
        (["straße", "STRASSE"], ["straße", "STRASSE (2)"]),
        (["a\u200d.jpg", "a.jpg"], ["a\u200d.jpg", "a (2).jpg"]),
        (["a?.jpg", "a*.jpg"], ["a_.jpg", "a_ (2).jpg"]),
        (["a", "a"], ["a", "a (2)"]),
        ([".env", ".env"], [".env", ".env (2)"]),
        (["a.jpg", "a.jpg", "a (2).jpg"], ["a.jpg", "a (3).jpg", "a (2).jpg"]),
        (["x/a.jpg", "y/a.jpg"], ["x/a.jpg", "y/a.jpg"]),
        (["Photos/1.jpg", "photos/2.jpg"], ["Photos/1.jpg", "Photos/2.jpg"]),
        (["Photos/1.jpg", "photos/1.JPG"], ["Photos/1.jpg", "Photos/1 (2).JPG"]),
        (["a", "a/b"], ["a (2)", "a/b"]),
        (["a/b", "A"], ["a/b", "A (2)"]),
        (["a/b/c", "a/b", "a"], ["a/b/c", "a/b (2)", "a (2)"]),
        (["a", "a (2)/x", "a/y"], ["a (3)", "a (2)/x", "a/y"]),
    ],
)
def test_the_first_to_claim_a_name_keeps_it(wishes: list[str], names: list[str]) -> None:
    assert archive_names(wishes) == names


def test_a_long_name_is_cut_between_characters_and_keeps_its_extension() -> None:
    ascii_name, emoji_name = archive_names(["x" * 300 + ".jpeg", "😀" * 100 + ".jpeg"])

    assert ascii_name == "x" * (LONGEST_PATH - 5) + ".jpeg"
    assert emoji_name == "😀" * 62 + ".jpeg"


def test_long_names_that_become_alike_stay_apart() -> None:
    names = archive_names(["x" * 300 + "1.jpg", "x" * 300 + "2.jpg"])

    assert len(set(names)) == 2
    assert names[1].endswith(" (2).jpg")
    assert all(len(name) <= LONGEST_PATH for name in names)


def test_deep_folders_leave_room_for_the_file() -> None:
    first, second = archive_names(["folder/" * 60 + "a.jpg", "folder/" * 60 + "b.jpg"])

    assert len(first) <= LONGEST_PATH
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first.endswith("/a.jpg")


@given(st.lists(hostile_names, max_size=12))
def test_every_name_is_safe_everywhere(wishes: list[str]) -> None:
    names = archive_names(wishes)

    assert len(names) == len(wishes)
    for name in names:
        assert len(name) <= LONGEST_PATH
        assert unicodedata.is_normalized("NFC", name)
        for segment in name.split("/"):
            assert segment not in ("", ".", "..")
            assert len(segment.encode()) <= LONGEST_SEGMENT
            assert segment == segment.strip().rstrip(".")
            assert not RESERVED.match(segment)
            assert not re.search(r'[<>:"|?*\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]', segment)


@given(st.lists(hostile_names, max_size=12))
def test_no_two_files_land_on_each_other_or_on_a_folder(wishes: list[str]) -> None:
    names = archive_names(wishes)

    files = [same_on_disk(name) for name in names]
    folders = {file[:end] for file in files for end in range(len(file)) if file[end] == "/"}
    assert len(set(files)) == len(files)
    assert not folders & set(files)


@given(st.lists(hostile_names, max_size=12))
def test_clean_names_are_left_alone(wishes: list[str]) -> None:
    names = archive_names(wishes)

    assert archive_names(names) == names


@pytest.mark.parametrize(
    "wishes",
    [
        ["photo.jpg"] * 100_000,
        ["x" * 250 + f"{number % 5000:04}" for number in range(100_000)],
        [f"a ({number}).jpg" for number in range(50_000)] + ["a.jpg"] * 50_000,
        ["/" * 50] * 100_000,
    ],
    ids=["all alike", "alike when cut", "numbers taken", "nothing left"],
)
def test_a_hundred_thousand_hostile_names_take_seconds(wishes: list[str]) -> None:
    begin = time.process_time()

    names = archive_names(wishes)

    assert len(set(names)) == len(wishes)
    assert time.process_time() - begin < 10


def test_flat_names_keep_the_last_segment() -> None:
    assert flat_names(["a/b/c.jpg", "c.jpg", "x\\y.jpg", "folder/", ""]) == ["c.jpg", "c.jpg", "y.jpg", "folder", ""]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("Trip", "Trip.zip"),
        ("Trip.zip", "Trip.zip"),
        ("Trip.ZIP", "Trip.zip"),
        ('My "trip"\n2024', "My _trip__2024.zip"),
        ("2024/05 trip", "2024_05 trip.zip"),
        ("../../etc/passwd", "etc_passwd.zip"),
        ("été 😀", "été 😀.zip"),
        ("CON", "_CON.zip"),
        ("é" * 300, "é" * 125 + ".zip"),
        ("", "Project.zip"),
        (None, "Project.zip"),
        (".zip", "Project.zip"),
        ("...", "Project.zip"),
    ],
)
def test_archive_gets_a_safe_file_name(wish: str | None, name: str) -> None:
    assert archive_file_name(wish, "Project") == name
    assert len(name.encode()) <= 255


def test_archive_has_a_name_even_when_the_default_is_unusable() -> None:
    assert archive_file_name(None, "//") == "download.zip"
