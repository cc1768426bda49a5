"""Asks cameras by ONVIF: what streams they have, which users they know, whether they move."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError
from zeep.exceptions import Error as ZeepError

from passerby.errors import CameraError
from passerby.gateway.config import OnvifConfig
from passerby.gateway.onvif.told import told_address, told_text

ANSWER_S = 10.0
"""Longest wait for one answer of a camera, where no other is given."""
FOREIGN = (
    ONVIFError,
    ZeepError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    ValueError,
    LookupError,
    ArithmeticError,
    # what a camera leaves out is None where the library and we read on
    AttributeError,
    TypeError,
)
"""What asking a device may end with."""


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """One stream.

    Attributes:
        name: Of the profile.
        url: RTSP address, without login, as ``told_address`` takes it.
        encoding: ``H264``, ``H265``, ``JPEG``.
        width: Pixels; 0 where not told.
        height: Pixels.
    """

    name: str
    url: str
    encoding: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class OnvifUser:
    """An account on a camera.

    Attributes:
        name: Of it.
        level: ``Administrator``, ``Operator``, ``User``.
    """

    name: str
    level: str


class _OneHost:
    """A session that goes where it is sent and no further: what a login is shown to is the camera that was asked."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the session's own
        return getattr(self._session, name)

    async def post(self, url: str, **rest: Any) -> aiohttp.ClientResponse:  # noqa: ANN401  # as the session takes it
        return await self._session.post(url, **rest, allow_redirects=False)

    async def get(self, url: str, **rest: Any) -> aiohttp.ClientResponse:  # noqa: ANN401  # as the session takes it
        return await self._session.get(url, **rest, allow_redirects=False)


class _OnvifClient(ONVIFCamera):  # type: ignore[misc]  # it has no type information
    """One that knows of every connection it has made, so that closing it closes them all, and asks its own camera only."""

    def rewrite_url(self, url: str | None) -> str | None:
        """Return the address that a device told for a service, at the host that we asked: the login goes to no other."""
        if not url:
            return url
        told = urlsplit(url)
        there = f"[{self.host}]" if ":" in self.host else self.host
        own = told.hostname is not None and told.hostname.lower() == self.host.lower()
        port = (told.port if own else None) or self.port
        return f"{'https' if told.scheme == 'https' else 'http'}://{there}:{port}{told.path}"

    def get_definition(self, name: str, port_type: str | None = None) -> tuple[str, str, str]:
        """Return address, description and binding of a service; rules have the address of the analytics service."""
        if name != "ruleengine":
            return super().get_definition(name, port_type)  # type: ignore[no-any-return]  # it has no type information
        address, described, binding = super().get_definition("analytics", port_type)
        return address, described, binding.replace("AnalyticsEngineBinding", "RuleEngineBinding")

    async def create_onvif_service(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  # made from its own description
        # this reads descriptions from our disk only; cut short, it would leave a session that nobody knows of
        making = asyncio.ensure_future(super().create_onvif_service(*args, **kwargs))
        try:
            service = await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait([making])
            raise
        if not isinstance(service.transport.session, _OneHost):
            service.transport.session = _OneHost(service.transport.session)
        return service


@contextlib.asynccontextmanager
async def onvif_camera(config: OnvifConfig, answer_s: float) -> AsyncIterator[ONVIFCamera]:
    """Hold a connection to a camera's services.

    Raises:
        CameraError: it does not answer, or refuses.
    """
    # adjust_time: a camera whose clock is wrong refuses tokens of the right time
    # no_cache: its descriptions are on our disk already
    login = config.user or "", config.password or ""
    camera = _OnvifClient(config.host, config.port, *login, no_cache=True, adjust_time=True)
    try:
        async with asyncio.timeout(answer_s):
            await camera.update_xaddrs()
        yield camera
    except FOREIGN as exc:
        text = re.sub(r"\s+", " ", str(exc))[:120]
        word = "the camera refuses the user or password" if "uthoriz" in text else type(exc).__name__
        raise CameraError(f"camera at {config.host}:{config.port} must answer by ONVIF, got: {word}") from exc
    finally:
        await camera.close()


async def read_profiles(config: OnvifConfig, answer_s: float = ANSWER_S) -> list[StreamProfile]:
    """Return a camera's streams, largest first.

    Raises:
        CameraError: it does not answer, or refuses.
    """
    async with onvif_camera(config, answer_s) as camera, asyncio.timeout(answer_s):
        media = await camera.create_media_service()
        found = []
        for one in await media.GetProfiles():
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
            answer = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": one.token})
            found.append(_profile(config, one, str(answer.Uri)))
    return sorted(found, key=lambda profile: -profile.width * profile.height)


def _profile(config: OnvifConfig, one: Any, url: str) -> StreamProfile:  # noqa: ANN401  # made from the service's own description
    encoder = getattr(one, "VideoEncoderConfiguration", None)
    size = getattr(encoder, "Resolution", None)
    return StreamProfile(
        told_text(one.Name or one.token),
        told_address(url, config.host),
        told_text(getattr(encoder, "Encoding", "") or ""),
        int(getattr(size, "Width", 0) or 0),
        int(getattr(size, "Height", 0) or 0),
    )


async def read_users(config: OnvifConfig, answer_s: float = ANSWER_S) -> list[OnvifUser]:
    """Return the accounts that a camera knows.

    Raises:
        CameraError: it does not answer, or does not tell this user.
    """
    async with onvif_camera(config, answer_s) as camera, asyncio.timeout(answer_s):
        device = await camera.create_devicemgmt_service()
        answer = await device.GetUsers()
        return [OnvifUser(told_text(one.Username), told_text(one.UserLevel)) for one in answer or []]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera that can move looks.

    Attributes:
        moving: It moves now, or does not say clearly that it stands.
        position: Pan, tilt, zoom in the camera's own units, or None where it does not tell.
    """

    moving: bool
    position: tuple[float, float, float] | None


async def watch_poses(config: OnvifConfig, every_s: float, answer_s: float = ANSWER_S) -> AsyncGenerator[Pose, None]:
    """Return where a camera looks, again and again, over one connection.

    Raises:
        CameraError: it does not answer any more, or has no PTZ.
    """
    async with onvif_camera(config, answer_s) as camera:
        async with asyncio.timeout(answer_s):
            media = await camera.create_media_service()
            ptz = await camera.create_ptz_service()
            token = (await media.GetProfiles())[0].token
        while True:
            async with asyncio.timeout(answer_s):
                status = await ptz.GetStatus({"ProfileToken": token})
            yield pose_of(status)
            await asyncio.sleep(every_s)


def pose_of(status: Any) -> Pose:  # noqa: ANN401  # made from the service's own description
    """Read a PTZ status; what does not say clearly that the camera stands counts as moving."""
    state = getattr(status, "MoveStatus", None)
    words = [str(getattr(state, axis, None) or "") for axis in ("PanTilt", "Zoom")] if state is not None else []
    told = [word for word in words if word]
    moving = not told or any(word != "IDLE" for word in told)
    position = getattr(status, "Position", None)
    turn, zoom = getattr(position, "PanTilt", None), getattr(position, "Zoom", None)
    if turn is None:
        return Pose(moving, None)
    return Pose(moving, (float(turn.x), float(turn.y), float(getattr(zoom, "x", 0.0) or 0.0)))
