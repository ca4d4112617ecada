"""What these tests need and a machine may lack: skipped aloud, and a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip, saying what is missing; fail when `CI` is set, where nothing may be."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have everything: {what}")
    pytest.skip(what)
