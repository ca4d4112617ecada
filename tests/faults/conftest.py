"""The service that the rows of one file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.short import SEED
from tests.faults.system import System
from tests.faults.trials import Plan


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """For all rows that want nothing special of it."""
    with System(Plan(0, SEED, tmp_path_factory.mktemp("shared"), is_short=True)) as system:
        yield system
