"""Runs a few calls that wait (for a disk, for the network) at the same time.

Plain threads and no pool: a pool refuses work once the main thread has ended, and a log's writer may outlive it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
MAX_AT_ONCE = 16
"""Calls at the same time; more wait for the first ones."""


def call_together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls, in threads but for one, and return their results in order; the first error is raised when all ended.

    >>> call_together([lambda: 1, lambda: 2])
    [1, 2]
    """
    futures: list[Future[T]] = [Future() for _ in calls]
    for start in range(0, len(calls), MAX_AT_ONCE):
        batch = list(zip(calls, futures, strict=True))[start : start + MAX_AT_ONCE]
        threads = [threading.Thread(target=_run, args=job, name="register-together", daemon=True) for job in batch[1:]]
        for thread in threads:
            thread.start()
        _run(*batch[0])
        for thread in threads:
            thread.join()
    return [future.result() for future in futures]


def call_in_thread(call: Callable[[], T]) -> Future[T]:
    """Make a call in a thread of its own, which nobody has to wait for."""
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(call, future), name="register-thread", daemon=True).start()
    return future


def _run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(call())
    except BaseException as exc:  # noqa: BLE001 # handed to the caller, who raises it
        future.set_exception(exc)
