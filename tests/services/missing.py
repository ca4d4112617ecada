"""What a machine may lack: said and skipped, and a failure in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, saying what is missing; fail it in CI, where nothing may be."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have everything: {what}")
    pytest.skip(what)


def require_program(name: str, package: str) -> str:
    """The path of a program; without it the test is skipped, naming Debian's package."""
    return shutil.which(name) or missing(f"{name} is missing (Debian: {package}).")
