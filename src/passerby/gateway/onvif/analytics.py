"""Asks a camera by ONVIF what it works out of its own picture: analytics modules, rules, event topics. By their types alone.

What it is told are names of the camera's choice: plain, cut and counted, and judged by ``passerby.scan``.

Source: ONVIF Analytics Service Specification, GetSupportedRules, GetRules, GetSupportedAnalyticsModules, GetAnalyticsModules;
ONVIF Core Specification, GetEventProperties.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from passerby.errors import CameraError
from passerby.gateway.config import OnvifConfig
from passerby.gateway.onvif.client import ANSWER_S, FOREIGN, onvif_camera
from passerby.gateway.onvif.told import told_text

MOST_NAMES = 500
"""Names of one sort that are kept of one camera."""
_MOST_CONFIGURATIONS = 8
_MOST_DEPTH = 12
_T = TypeVar("_T")
_TOPIC = "{http://docs.oasis-open.org/wsn/t-1}topic"


@dataclass(frozen=True, slots=True)
class CameraAnalytics:
    """What a camera says that it works out by itself.

    Attributes:
        modules: Types of analytics modules, those that run and those that it offers.
        rules: Types of rules, likewise.
        topics: Event topics from the root, ``/`` between the parts.
    """

    modules: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


async def read_analytics(config: OnvifConfig, answer_s: float = ANSWER_S) -> CameraAnalytics:
    """Return what a camera says of its own analytics.

    Args:
        config: Its ONVIF service.
        answer_s: Longest wait for it, and again for each of the two services that are asked.

    Raises:
        CameraError: it does not answer, refuses, or answers neither of what runs nor of its topics.
    """
    async with onvif_camera(config, answer_s) as camera:
        kinds = await _answered(_kinds, camera, answer_s)
        topics = await _answered(_topics, camera, answer_s)
    if kinds is None and topics is None:
        raise CameraError(
            f"camera at {config.host}:{config.port} must tell its analytics or its event topics, tells neither"
        )
    modules, rules = kinds or ((), ())
    return CameraAnalytics(modules, rules, topics or ())


async def _answered(ask: Callable[[Any], Awaitable[_T]], camera: Any, answer_s: float) -> _T | None:  # noqa: ANN401
    """Return an answer, or None of a camera that has no such service or refuses this question only."""
    try:
        async with asyncio.timeout(answer_s):
            return await ask(camera)
    except FOREIGN:
        return None


async def _kinds(camera: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ANN401  # made from its own description
    engine, rules = await camera.create_analytics_service(), await camera.create_onvif_service("ruleengine")
    running: tuple[list[object], list[object]] = [], []
    for token in await _configurations(camera):
        asked = {"ConfigurationToken": token}
        running[0].extend(one.Type for one in await engine.GetAnalyticsModules(asked) or [])
        running[1].extend(one.Type for one in await rules.GetRules(asked) or [])
        modules = await engine.GetSupportedAnalyticsModules(asked)
        running[0].extend(one.Name for one in getattr(modules, "AnalyticsModuleDescription", None) or [])
        described = await rules.GetSupportedRules(asked)
        running[1].extend(one.Name for one in getattr(described, "RuleDescription", None) or [])
    return _names(running[0]), _names(running[1])


async def _configurations(camera: Any) -> list[str]:  # noqa: ANN401  # made from its own description
    """Return the tokens of its analytics: those in use, else all that there are."""
    media = await camera.create_media_service()
    used = [getattr(one, "VideoAnalyticsConfiguration", None) for one in await media.GetProfiles() or []]
    tokens = list(dict.fromkeys(str(one.token) for one in used if one is not None))
    if not tokens:
        tokens = [str(one.token) for one in await media.GetVideoAnalyticsConfigurations() or []]
    return tokens[:_MOST_CONFIGURATIONS]


async def _topics(camera: Any) -> tuple[str, ...]:  # noqa: ANN401  # made from its own description
    events = await camera.create_events_service()
    answer = await events.GetEventProperties()
    return _names(path for one in getattr(answer.TopicSet, "_value_1", None) or [] for path in _paths(one))


def _paths(root: Any) -> Iterator[str]:  # noqa: ANN401  # an element of XML
    """Yield the topics below an element, without recursion."""
    stack = [(root, "", 0)]
    while stack:
        element, above, depth = stack.pop()
        path = f"{above}{_local(element.tag)}"
        if element.get(_TOPIC) in {"true", "1"}:
            yield path
        if depth < _MOST_DEPTH:
            stack += [(one, f"{path}/", depth + 1) for one in element if isinstance(one.tag, str)]


def _names(told: Any) -> tuple[str, ...]:  # noqa: ANN401  # of a camera's choice
    names: dict[str, None] = {}
    for one in told:
        names.setdefault(told_text(_local(one)), None)
        if len(names) >= MOST_NAMES:
            break
    return tuple(sorted(name for name in names if name))


def _local(name: object) -> str:
    """Return a qualified name without the address or prefix of its vocabulary."""
    return str(name or "").rpartition("}")[2].rpartition(":")[2]
