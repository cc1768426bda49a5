"""For all tests: what one test does to the process must not reach the next."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# a property holds or does not, however busy the machine is: no example is timed, nor is the drawing of examples
settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Take back the signals that a runner in the background ignores, and keep networks in a folder of the tests' own.

    The programs under test inherit both; pytest's workers share the folder of the process that began them.
    """
    if not hasattr(config, "workerinput"):
        os.environ["CACHE_DIRECTORY"] = made = tempfile.mkdtemp(prefix="passerby-tests-")
        config.add_cleanup(lambda: shutil.rmtree(made, ignore_errors=True))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGQUIT", "SIGTERM"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """Put the process back to ordinary scheduling: at real-time priority its children would starve the machine."""
    yield
    if hasattr(os, "SCHED_OTHER") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
