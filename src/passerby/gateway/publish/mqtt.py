"""Tells an MQTT broker what happens, in Frigate's topics: states and counts, never a picture.

Two kinds of topic are listened to. ``NAME/cover/set``, only where the configuration allows it: ``ON`` adds a full cover, ``OFF``
ends that cover and no other. And the gateway's own messages to Home Assistant, so that those of cameras that are no more are
taken back.
Nothing that comes from a broker can take a veil away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt

from passerby.errors import ConfigError
from passerby.files import write_atomic
from passerby.gateway.config import MqttConfig
from passerby.gateway.publish.home_assistant import discovery_of, found_camera
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase
from passerby.gateway.stopping import end_tasks
from passerby.gateway.values import CoverReason

WAITING = 1000
RETRY_S = 1.0
_LONGEST_S = 60.0
_log = logging.getLogger("passerby.gateway.mqtt")
_TOLD = {EventKind.FAULT_BEGAN, EventKind.FAULT_ENDED, EventKind.ALARM, EventKind.STARTED, EventKind.STOPPED}
_NUMBER = re.compile("[0-9a-f]{12}")
_FAREWELL_S = 2.0
"""How long a broker that answers no more keeps a gateway that stops."""
_OWNER = "gateway"
"""Retained: the number of the gateway that uses the prefix."""


class _Kept(NamedTuple):
    """What a retained topic holds.

    Attributes:
        camera: Whose; empty for the gateway's own.
        text: What was sent; None where that is not known.
    """

    camera: str
    text: str | None


_NOTHING = _Kept("", None)


def own_number(state: Path) -> str:
    """Return the number that tells this gateway from others at a broker; it is made once, and kept in the state folder.

    Raises:
        OutputError: it cannot be kept.
    """
    path = state / "mqtt-number"
    try:
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if _NUMBER.fullmatch(found) is None:
        found = secrets.token_hex(6)
        write_atomic(path, found.encode(), mode=0o600)
    return found


class MqttLink:
    """The connection to a broker, kept for ever.

    Args:
        config: Where and how.
        statuses: Returns the state of all cameras.
        cover: Takes a camera's name and whether an operator's cover is on.
        number: This gateway's own, see ``own_number``.
        titles: Returns what people call each camera that is configured, by name. What is retained of others is taken back.
        waiting: Messages that wait to be sent at once; more are dropped and counted.
        retry_s: First wait before the broker is tried again; it doubles up to a minute.

    Topics, below the prefix: ``available`` (online, stopped, offline), ``gateway`` (its number), ``stats``, ``events``, and for
    each camera ``NAME/state``, ``NAME/reason``, ``NAME/fps``, ``NAME/faces``, ``NAME/cover/state``; and discovery for Home
    Assistant.
    """

    def __init__(
        self,
        config: MqttConfig,
        statuses: Callable[[], list[CameraStatus]],
        cover: Callable[[str, bool], bool],
        *,
        number: str,
        titles: Callable[[], Mapping[str, str]],
        waiting: int = WAITING,
        retry_s: float = RETRY_S,
    ) -> None:
        self.config = config
        self.connected = False
        self.dropped = 0
        self._statuses, self._cover, self._titles = statuses, cover, titles
        self._number = number
        self._client_id, self._node = config.client_id or f"passerby-{number}", f"passerby_{number}"
        self._waiting: asyncio.Queue[tuple[str, str, bool]] = asyncio.Queue(waiting)
        self._retry_s = retry_s
        self._kept: dict[str, _Kept] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and go on connecting."""
        self._task = asyncio.create_task(self._keep(), name="mqtt")

    async def stop(self) -> None:
        """Say ``stopped`` and leave."""
        task, self._task = self._task, None
        if task is not None:
            await end_tasks([task])

    def take(self, event: Event) -> None:
        """Take an event of the gateway."""
        if event.kind in _TOLD:
            told = {
                "type": event.kind.value,
                "camera": event.camera,
                "time": event.at_ns / 1e9,
                "reason": event.reason.value if event.reason else None,
                "ok": event.ok,
            }
            self._put("events", json.dumps(told))

    def _put(self, topic: str, text: str) -> None:
        if not self.connected:
            return
        try:
            self._waiting.put_nowait((f"{self.config.topic_prefix}/{topic}", text, False))
        except asyncio.QueueFull:
            self.dropped += 1

    def tick(self) -> None:
        """Tell what changed about cameras, and take back what is told of those that are no more; once a second."""
        if not self.connected:
            return
        titles = self._titles()
        wanted = discovery_of(self.config, self._node, titles)
        for status in self._statuses():
            wanted |= {topic: (status.name, text) for topic, text in self._rows(status).items()}
        for topic, (camera, text) in wanted.items():
            if self._kept.get(topic, _NOTHING).text != text:
                if self._waiting.full():
                    # the rest at the next tick
                    return
                self._waiting.put_nowait((topic, text, True))
                self._kept[topic] = _Kept(camera, text)
        for topic, kept in list(self._kept.items()):
            # a camera that may not start yet keeps what its topics said last
            waits = kept.camera in titles and found_camera(self.config, self._node, topic) is None
            if topic not in wanted and not waits:
                if self._waiting.full():
                    return
                # an empty message takes a retained one away: MQTT 3.1.1, section 3.3.1.3
                self._waiting.put_nowait((topic, "", True))
                del self._kept[topic]

    def _rows(self, status: CameraStatus) -> dict[str, str]:
        rows = {
            "state": status.phase.value,
            # an empty message would take the topic away
            "reason": ",".join(status.reasons) or "none",
            "fps": f"{status.counts.fps_out:.1f}",
            "faces": str(status.counts.tracks),
            "cover/state": "ON" if CoverReason.OPERATOR in status.reasons else "OFF",
        }
        return {f"{self.config.topic_prefix}/{status.name}/{key}": text for key, text in rows.items()}

    def _found(self, topic: str) -> None:
        """Note what an earlier run left at the broker; the next tick takes it back where it is no longer so."""
        camera = found_camera(self.config, self._node, topic)
        if camera is None or topic in self._kept:
            return
        self._kept[topic] = _Kept(camera, None)
        if camera:
            for key in self._rows(CameraStatus(camera, Phase.STOPPED)):
                self._kept.setdefault(key, _Kept(camera, None))

    async def _keep(self) -> None:
        wait_s = self._retry_s
        while True:
            try:
                await self._run()
                wait_s = self._retry_s
            except (aiomqtt.MqttError, OSError) as exc:
                if self._task is None:
                    # told to stop: what fails while leaving must not bring it back
                    return
                _log.warning("broker %s:%s: %s", self.config.host, self.config.port, exc)
            finally:
                self.connected = False
            await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
            wait_s = min(wait_s * 2, _LONGEST_S)

    async def _run(self) -> None:
        config, available = self.config, f"{self.config.topic_prefix}/available"
        client = aiomqtt.Client(
            config.host, config.port, identifier=self._client_id, username=config.user, password=config.password,
            will=aiomqtt.Will(available, "offline", qos=1, retain=True), tls_context=_tls(config), timeout=10,
        )  # fmt: skip
        async with client:
            # what the broker still holds is not known
            self._kept = {topic: _Kept(kept.camera, None) for topic, kept in self._kept.items()}
            self.connected = True
            await client.subscribe(f"{config.discovery_prefix}/+/{self._node}/+/config", qos=1)
            if config.allow_cover:
                await client.subscribe(f"{config.topic_prefix}/+/cover/set", qos=1)
            await client.subscribe(f"{config.topic_prefix}/{_OWNER}", qos=1)
            await client.publish(f"{config.topic_prefix}/{_OWNER}", self._number, qos=1, retain=True)
            await client.publish(available, "online", qos=1, retain=True)
            tasks = [asyncio.create_task(self._send(client)), asyncio.create_task(self._stats(client))]
            tasks.append(asyncio.create_task(self._listen(client)))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except asyncio.CancelledError:
                with suppress(aiomqtt.MqttError):
                    await client.publish(available, "stopped", qos=1, retain=True, timeout=_FAREWELL_S)
                raise
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, text, retain = await self._waiting.get()
            await client.publish(topic, text, qos=self.config.qos, retain=retain)

    async def _stats(self, client: aiomqtt.Client) -> None:
        while True:
            await client.publish(f"{self.config.topic_prefix}/stats", json.dumps(camera_stats(self._statuses())), qos=0)
            await asyncio.sleep(self.config.stats_interval_s)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if found_camera(self.config, self._node, str(message.topic)) is not None:
                if message.payload:
                    self._found(str(message.topic))
                continue
            if str(message.topic) == f"{self.config.topic_prefix}/{_OWNER}":
                self._meet(bytes(message.payload)[:100].decode("ascii", "replace"))
                continue
            name = str(message.topic).removeprefix(f"{self.config.topic_prefix}/").removesuffix("/cover/set")
            word = bytes(message.payload)[:8].decode("ascii", "replace")
            if not self.config.allow_cover or word not in {"ON", "OFF"} or not self._cover(name, word == "ON"):
                _log.warning("message for %s is not understood", str(message.topic)[:100])

    def _meet(self, number: str) -> None:
        """Two that write the same topics call each other's cameras offline: whoever of them is here says so."""
        if _NUMBER.fullmatch(number) and number != self._number:
            _log.warning(
                "gateway %s uses topic_prefix %s at this broker, or did before this one (%s): where both run, give each its own",
                number, self.config.topic_prefix, self._number,
            )  # fmt: skip


def camera_stats(statuses: list[CameraStatus]) -> dict[str, Any]:
    """Return what stands in ``stats``, as Frigate spells it where it has a word."""
    return {
        "cameras": {
            status.name: {
                "camera_fps": round(status.counts.fps_in, 2),
                "process_fps": round(status.counts.fps_out, 2),
                "detection_fps": round(status.counts.detect_hz, 2),
                "pid": status.worker_pid,
                "state": status.phase.value,
                "reasons": [reason.value for reason in status.reasons],
                "readers": status.readers,
                "counts": asdict(status.counts),
            }
            for status in statuses
        }
    }


def _tls(config: MqttConfig) -> ssl.SSLContext | None:
    if config.tls_ca_certs is None:
        return None
    try:
        context = ssl.create_default_context(cafile=config.tls_ca_certs)
        if config.tls_client_cert is not None:
            context.load_cert_chain(Path(config.tls_client_cert), config.tls_client_key)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"certificates of mqtt must load, got {exc}") from exc
    return context
