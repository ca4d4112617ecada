"""Which provider an endpoint belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkdl.storage.providers import AWS, B2, GENERIC, MINIO, PROVIDERS, R2, find_provider
from bulkdl.storage.s3.clients import choose_addressing


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [
        (None, AWS),
        ("https://s3.eu-west-1.amazonaws.com", AWS),
        ("https://s3.cn-north-1.amazonaws.com.cn", AWS),
        ("https://abc123.r2.cloudflarestorage.com", R2),
        ("https://abc123.eu.r2.cloudflarestorage.com/", R2),
        ("https://S3.us-west-004.BackblazeB2.com", B2),
        ("http://127.0.0.1:9000", GENERIC),
        ("https://amazonaws.com.evil.example", GENERIC),
        ("https://notamazonaws.com", GENERIC),
    ],
)
def test_endpoint_tells_its_provider(endpoint: str | None, provider: object) -> None:
    assert find_provider("auto", endpoint) is provider


def test_named_provider_is_taken_whatever_the_endpoint() -> None:
    assert find_provider("minio", "https://s3.eu-west-1.amazonaws.com") is MINIO


def test_unknown_provider_is_an_error() -> None:
    with pytest.raises(KeyError):
        find_provider("floppy", None)


def test_generic_provider_is_trusted_with_nothing() -> None:
    assert [name for name in GENERIC.__slots__ if name != "name" and getattr(GENERIC, name)] == []


def test_profiles_are_found_by_their_names() -> None:
    assert {name: provider.name for name, provider in PROVIDERS.items()} == {name: name for name in PROVIDERS}


@pytest.mark.parametrize(
    ("style", "endpoint", "addressing"),
    [
        ("auto", None, "virtual"),
        ("auto", "https://s3.eu-west-1.amazonaws.com", "virtual"),
        ("auto", "http://127.0.0.1:9000", "path"),
        ("auto", "https://abc123.r2.cloudflarestorage.com", "path"),
        ("path", None, "path"),
        ("virtual", "http://127.0.0.1:9000", "virtual"),
    ],
)
def test_addressing_follows_the_endpoint_unless_it_is_given(style: str, endpoint: str | None, addressing: str) -> None:
    assert choose_addressing(style, endpoint) == addressing


# --- docs/providers.md -------------------------------------------------------------

ROWS = {
    "copies a slice": "copies_ranges",
    "… and compares the source": "copies_if_match",
    "… and finds a key": "copies_any_key",
    "… and returns the CRC-32": "copies_with_crc32",
    "tells the CRC-32": "stores_crc32",
    "compares a part": "checks_parts",
    "compares the whole": "checks_whole",
    "wants all parts": "wants_equal_parts",
    "has classes": "freezes_objects",
}


@pytest.mark.parametrize(("title", "ability"), ROWS.items())
def test_page_for_people_says_what_the_profiles_say(title: str, ability: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    [names] = [cells[1:] for cells in lines if "generic" in cells]
    [cells] = [cells[1:] for cells in lines if cells[0].startswith(title)]

    said = {name: cell == "yes" for name, cell in zip(names, cells, strict=True)}

    assert said == {name: getattr(PROVIDERS[name], ability) for name in names}


def test_every_ability_has_a_row() -> None:
    assert {*ROWS.values(), "name"} == set(GENERIC.__slots__)
