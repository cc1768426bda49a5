"""Ends tasks that would go on for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 5.0
"""After so long a task that still runs is cancelled once more. Source: a choice, above what a farewell to a broker may take."""


async def end_tasks(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = AGAIN_S) -> None:
    """Cancel tasks until all of them have ended; what they raise is let go.

    Once is not enough: before Python 3.12 ``asyncio.wait_for`` forgets that it was cancelled where what it waits for ends in the
    same moment (CPython issue 86296), and its task goes on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=again_s)
        await asyncio.gather(*ended, return_exceptions=True)
