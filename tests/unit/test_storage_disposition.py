"""Content-Disposition for any file name."""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkdl.storage.disposition import attachment


def parse(value: str) -> Message:
    """By a parser that nobody here wrote."""
    return HeaderParser().parsestr(f"Content-Disposition: {value}\n\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("photos.zip", 'attachment; filename="photos.zip"'),
        ("two words.zip", 'attachment; filename="two words.zip"'),
        ("it's (1).zip", 'attachment; filename="it\'s (1).zip"'),
        ("Übung.zip", "attachment; filename=\"Ubung.zip\"; filename*=UTF-8''%C3%9Cbung.zip"),
        ("日本.zip", "attachment; filename=\"__.zip\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.zip"),
        ('a"b.zip', "attachment; filename=\"a_b.zip\"; filename*=UTF-8''a%22b.zip"),
        ("100%.zip", "attachment; filename=\"100_.zip\"; filename*=UTF-8''100%25.zip"),
        ("a\r\nSet-Cookie: x=1\r\n.zip", 'attachment; filename="aSet-Cookie: x=1.zip"'),
        ("..\\..\\a/b.zip", 'attachment; filename=".._.._a_b.zip"'),
        ("evil\u202egpj.zip", 'attachment; filename="evilgpj.zip"'),
        ("\ud800.zip", 'attachment; filename=".zip"'),
        ("", 'attachment; filename="download"'),
        ("\r\n", 'attachment; filename="download"'),
    ],
)
def test_name_is_given_as_readers_can_take_it(name: str, value: str) -> None:
    assert attachment(name) == value


@given(st.text(max_size=60))
def test_any_name_is_one_safe_header(name: str) -> None:
    value = attachment(name)

    assert value.isascii()
    assert value.isprintable()
    parsed = parse(value)
    assert parsed.get_content_disposition() == "attachment"
    assert parsed.get_filename()
    assert list(parsed.keys()) == ["Content-Disposition"]


@given(st.text(st.characters(categories=["L", "N", "So"]), min_size=1, max_size=40))
def test_letters_digits_and_symbols_of_any_script_come_back(name: str) -> None:
    value = attachment(name)

    plain, _, extended = value.removeprefix("attachment; filename=").partition("; filename*=UTF-8''")
    assert (unquote(extended) if extended else plain.strip('"')) == name
