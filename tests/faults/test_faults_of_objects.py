"""The fault table in short: the store, messages, clocks and people do the unexpected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import invariants
from tests.faults.short import OF_OBJECTS, check
from tests.faults.system import System


@pytest.mark.timeout(180)
@pytest.mark.parametrize("label", OF_OBJECTS)
def test_the_service_holds_when(label: str, system: System, tmp_path: Path) -> None:
    check(label, system, tmp_path)


def test_nothing_is_left_lying_about_when_all_is_over(system: System) -> None:
    system.reset()

    invariants.check_everything(system)
