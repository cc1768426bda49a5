"""For all tests: what one test does to the process must not reach the next."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """Put the process back to ordinary scheduling: at real-time priority its children would starve the machine."""
    yield
    if hasattr(os, "SCHED_OTHER") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
