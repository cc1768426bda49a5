"""Tests whether anything but Passerby can pull a camera's picture: without a login, with others' logins, by its list of users.

"tested" means: the stream did not open without a login, nor with any other login that was tried, and the camera lists no
user but ours. Where it does not list its users, others may have a login, and the register says "untested".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passerby.errors import CameraError
from passerby.gateway.config import CameraConfig, InputKind, OnvifConfig
from passerby.gateway.onvif.analytics import read_analytics
from passerby.gateway.onvif.client import OnvifUser, read_users
from passerby.gateway.onvif.describe import CameraLogin, DescribeAnswer, describe
from passerby.gateway.stopping import end_tasks
from passerby.scan import recognition_names

BEGIN_S = 5.0
AGAIN_S = 24 * 3600.0
_SOON_S = 600.0
_log = logging.getLogger("passerby.gateway.access")


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What the test found.

    Attributes:
        own: With our own login.
        nobody: Without a login.
        others: With each other login that was tried, by user.
        users: The camera's accounts, or None where it does not tell.
        note: Why the users are not known, or empty.
    """

    own: DescribeAnswer
    nobody: DescribeAnswer
    others: tuple[tuple[str, DescribeAnswer], ...] = ()
    users: tuple[OnvifUser, ...] | None = None
    note: str = ""

    @property
    def exclusive(self) -> str:
        """Return the register's word: ``tested``, ``not-exclusive`` or ``untested``."""
        opened = [self.nobody, *(answer for _, answer in self.others)]
        if DescribeAnswer.OPEN in opened or (self.users is not None and len(self.users) > 1):
            return "not-exclusive"
        if self.own is not DescribeAnswer.OPEN or DescribeAnswer.NO_ANSWER in opened or self.users is None:
            return "untested"
        return "tested"

    @property
    def method(self) -> str:
        """Return how it was tested, for the register."""
        parts = [f"without login: {self.nobody}"]
        parts += [f"{len(self.others)} other logins"] if self.others else []
        parts.append(f"{len(self.users)} users on the camera" if self.users is not None else "users not listed")
        return "; ".join(parts)


async def check_camera_access(
    config: CameraConfig, onvif: OnvifConfig | None, others: Sequence[CameraLogin] = ()
) -> AccessReport | None:
    """Test one camera; None for one that is not on the network (a webcam, a file, a test camera).

    Args:
        config: The camera.
        onvif: Its ONVIF service, or None.
        others: Logins that somebody else may have.
    """
    source = config.input
    if source.kind not in {InputKind.RTSP, InputKind.HTTP}:
        return None
    own = CameraLogin(source.username, source.password or "") if source.username is not None else None
    with_own = await describe(source, own)
    nobody = await describe(source, None) if own is not None else with_own
    found = [(login.user, await describe(source, login)) for login in others]
    listed: tuple[OnvifUser, ...] | None = None
    note = "no ONVIF service is configured"
    if onvif is not None:
        try:
            listed, note = tuple(await read_users(onvif)), ""
        except CameraError as exc:
            note = exc.message
    return AccessReport(with_own, nobody, tuple(found), listed, note)


class AccessTests:
    """Tests every camera when it starts to run and once a day after, and asks it once whether it recognises faces by itself.

    Args:
        state: Takes a camera's name, the register's word and the method.
        recognises: Takes a camera's name, and by what it offers to recognise faces; not called for a camera that does not answer.
        begin_s: A camera's own start goes first, for so long.
    """

    def __init__(
        self,
        state: Callable[[str, str, str], None],
        recognises: Callable[[str, tuple[str, ...]], None],
        *,
        begin_s: float = BEGIN_S,
    ) -> None:
        self._state, self._recognises, self._begin_s = state, recognises, begin_s
        self._tasks: dict[str, tuple[CameraConfig, OnvifConfig | None, asyncio.Task[None]]] = {}
        self.reports: dict[str, AccessReport] = {}

    def watch(self, cameras: Sequence[CameraConfig], onvif: dict[str, OnvifConfig]) -> None:
        """Test these cameras from now on, and no others."""
        wanted = {camera.name: camera for camera in cameras}
        for name, (config, service, task) in list(self._tasks.items()):
            there = wanted.get(name)
            if there is None or there.input != config.input or onvif.get(name) != service:
                task.cancel()
                del self._tasks[name]
                self.reports.pop(name, None)
        for name, config in wanted.items():
            if name not in self._tasks:
                task = asyncio.create_task(self._run(config, onvif.get(name)), name=f"access-{name}")
                self._tasks[name] = config, onvif.get(name), task

    async def stop(self) -> None:
        """Stop testing."""
        tasks = [task for _, _, task in self._tasks.values()]
        self._tasks.clear()
        await end_tasks(tasks)

    async def _run(self, config: CameraConfig, onvif: OnvifConfig | None) -> None:
        await asyncio.sleep(self._begin_s)
        asked = onvif is None
        while True:
            report = await check_camera_access(config, onvif)
            if report is None:
                self._state(config.name, "untested", "not a camera on the network")
                return
            self.reports[config.name] = report
            self._state(config.name, report.exclusive, report.method)
            if report.exclusive == "not-exclusive":
                said = {"camera": config.name}
                _log.warning("%s can be pulled by others: %s", config.name, report.method, extra=said)
            if onvif is not None and not asked:
                asked = await self._ask(config.name, onvif)
            await asyncio.sleep(_SOON_S if report.own is not DescribeAnswer.OPEN else AGAIN_S)

    async def _ask(self, name: str, onvif: OnvifConfig) -> bool:
        """Ask a camera whether it recognises faces by itself; return whether it answered."""
        try:
            told = await read_analytics(onvif)
        except CameraError as exc:
            _log.info(
                "%s does not say whether it recognises faces by itself: %s", name, exc.message, extra={"camera": name}
            )
            return False
        names = recognition_names(told.modules, told.rules, told.topics)
        self._recognises(name, names)
        if names:
            _log.warning("%s offers to recognise faces by itself: %s", name, ", ".join(names), extra={"camera": name})
        return True
