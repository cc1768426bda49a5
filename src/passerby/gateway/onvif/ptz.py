"""Covers a camera that moves: its zones are fixed in the picture, so they hold only where it stood when they were drawn.

The camera is asked twice a second by ONVIF. That is less than the look-ahead, so the pictures of the movement's beginning are
still here when it is seen. A camera that does not answer, or does not say that it stands, counts as moving.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from passerby.errors import CameraError
from passerby.gateway.config import OnvifConfig
from passerby.gateway.onvif.client import Pose, watch_poses
from passerby.gateway.stopping import end_tasks
from passerby.gateway.values import CoverReason

EVERY_S = 0.4
SETTLED_S = 1.0
NEAR = 0.01
"""Positions closer than this are the same; ONVIF's generic space runs from -1 to 1."""
_RETRY_S = 3.0
_log = logging.getLogger("passerby.gateway.ptz")
Ask = Callable[[OnvifConfig, float], AsyncIterator[Pose]]


class PtzWatch:
    """Watches every camera that can move.

    Args:
        hold: Covers a camera for a reason.
        release: Ends that.
        ask: Returns poses for ever.
        every_s: Time from one question to the next.
        settled_s: A camera that stands for this long has come to rest.
    """

    def __init__(
        self,
        hold: Callable[[str, CoverReason, str], None],
        release: Callable[[str, CoverReason], None],
        ask: Ask = watch_poses,
        *,
        every_s: float = EVERY_S,
        settled_s: float = SETTLED_S,
    ) -> None:
        self._hold, self._release, self._ask = hold, release, ask
        self._every_s, self._settled_s = every_s, settled_s
        self._tasks: dict[str, tuple[OnvifConfig, asyncio.Task[None]]] = {}

    def watch(self, cameras: dict[str, OnvifConfig]) -> None:
        """Watch these cameras from now on, and no others."""
        wanted = {name: config for name, config in cameras.items() if config.ptz}
        for name in [name for name, (config, _) in self._tasks.items() if wanted.get(name) != config]:
            self._tasks.pop(name)[1].cancel()
            if name not in wanted:
                self._release(name, CoverReason.PTZ)
        for name, config in wanted.items():
            if name not in self._tasks:
                self._tasks[name] = config, asyncio.create_task(self._follow(name, config), name=f"ptz-{name}")

    async def stop(self) -> None:
        """Stop asking."""
        tasks = [task for _, task in self._tasks.values()]
        self._tasks.clear()
        await end_tasks(tasks)

    async def _follow(self, name: str, config: OnvifConfig) -> None:
        self._hold(name, CoverReason.PTZ, "its position is not known yet")
        while True:
            still_s = 0.0
            try:
                async for pose in self._ask(config, self._every_s):
                    away = not at_home(pose, config.home)
                    still_s = 0.0 if pose.moving or away else still_s + self._every_s
                    if still_s == 0.0:
                        self._hold(name, CoverReason.PTZ, "away from home" if away and not pose.moving else "")
                    elif still_s >= self._settled_s:
                        self._release(name, CoverReason.PTZ)
            except CameraError as exc:
                _log.warning("%s: %s", name, exc.message)
            self._hold(name, CoverReason.PTZ, "its position is not known")
            await asyncio.sleep(_RETRY_S)


def at_home(pose: Pose, home: tuple[float, float, float] | None) -> bool:
    """Return whether a camera stands where its zones apply; anywhere will do where no home is given."""
    if home is None:
        return True
    return pose.position is not None and all(
        abs(one - other) <= NEAR for one, other in zip(pose.position, home, strict=True)
    )
