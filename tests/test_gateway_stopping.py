"""A gateway ends though one of its waits forgot that it was cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from passerby.gateway.stopping import end_tasks


async def _forgets(times: int, seen: list[int]) -> None:
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        seen.append(1)
    await asyncio.Event().wait()


async def _fails() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise OSError("gone")


def test_a_task_that_forgets_that_it_was_cancelled_is_ended() -> None:
    async def run() -> int:
        seen: list[int] = []
        tasks = [asyncio.create_task(_forgets(2, seen)), asyncio.create_task(_fails())]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await end_tasks(tasks, again_s=0.01)
        assert all(task.done() for task in tasks)
        return len(seen)

    assert asyncio.run(run()) == 2


def test_nothing_to_end_ends_at_once() -> None:
    asyncio.run(end_tasks([]))
