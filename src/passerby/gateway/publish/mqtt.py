"""Tells an MQTT broker what happens, in Frigate's topics: states and counts, never a picture.

The only topic that is listened to is ``NAME/cover/set``, and only where the configuration allows it: ``ON`` adds a full cover,
``OFF`` ends that cover and no other. Nothing that comes from a broker can take a veil away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiomqtt

from passerby.errors import ConfigError
from passerby.gateway.config import MqttConfig
from passerby.gateway.states import CameraStatus, Event, EventKind
from passerby.gateway.values import CoverReason

WAITING = 1000
RETRY_S = 1.0
_LONGEST_S = 60.0
_log = logging.getLogger("passerby.gateway.mqtt")
_TOLD = {EventKind.FAULT_BEGAN, EventKind.FAULT_ENDED, EventKind.ALARM, EventKind.STARTED, EventKind.STOPPED}


class MqttLink:
    """The connection to a broker, kept for ever.

    Args:
        config: Where and how.
        statuses: Returns the state of all cameras.
        cover: Takes a camera's name and whether an operator's cover is on.
        waiting: Messages that wait to be sent at once; more are dropped and counted.
        retry_s: First wait before the broker is tried again; it doubles up to a minute.

    Topics, below the prefix: ``available`` (online, stopped, offline), ``stats``, ``events``, and for each camera
    ``NAME/state``, ``NAME/reason``, ``NAME/fps``, ``NAME/faces``, ``NAME/cover/state``.
    """

    def __init__(
        self,
        config: MqttConfig,
        statuses: Callable[[], list[CameraStatus]],
        cover: Callable[[str, bool], bool],
        *,
        waiting: int = WAITING,
        retry_s: float = RETRY_S,
    ) -> None:
        self.config = config
        self.connected = False
        self.dropped = 0
        self._statuses, self._cover = statuses, cover
        self._waiting: asyncio.Queue[tuple[str, str, bool]] = asyncio.Queue(waiting)
        self._retry_s = retry_s
        self._told: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and go on connecting."""
        self._task = asyncio.create_task(self._keep(), name="mqtt")

    async def stop(self) -> None:
        """Say ``stopped`` and leave."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

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
            self._put("events", json.dumps(told), retain=False)

    def tick(self) -> None:
        """Tell what changed about cameras; to be called once a second."""
        for status in self._statuses():
            rows = {
                "state": status.phase.value,
                "reason": ",".join(status.reasons),
                "fps": f"{status.counts.fps_out:.1f}",
                "faces": str(status.counts.tracks),
                "cover/state": "ON" if CoverReason.OPERATOR in status.reasons else "OFF",
            }
            for name, text in rows.items():
                topic = f"{status.name}/{name}"
                if self._told.get(topic) != text:
                    self._told[topic] = text
                    self._put(topic, text, retain=True)

    def _put(self, topic: str, text: str, *, retain: bool) -> None:
        if not self.connected:
            self._told.pop(topic, None)
            return
        try:
            self._waiting.put_nowait((topic, text, retain))
        except asyncio.QueueFull:
            self.dropped += 1
            self._told.pop(topic, None)

    async def _keep(self) -> None:
        wait_s = self._retry_s
        while True:
            try:
                await self._run()
                wait_s = self._retry_s
            except (aiomqtt.MqttError, OSError) as exc:
                _log.warning("broker %s:%s: %s", self.config.host, self.config.port, exc)
            finally:
                self.connected = False
            await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
            wait_s = min(wait_s * 2, _LONGEST_S)

    async def _run(self) -> None:
        config, available = self.config, f"{self.config.topic_prefix}/available"
        client = aiomqtt.Client(
            config.host, config.port, identifier=config.client_id, username=config.user, password=config.password,
            will=aiomqtt.Will(available, "offline", qos=1, retain=True), tls_context=_tls(config), timeout=10,
        )  # fmt: skip
        async with client:
            self._told.clear()
            self.connected = True
            if config.allow_cover:
                await client.subscribe(f"{config.topic_prefix}/+/cover/set", qos=1)
            await client.publish(available, "online", qos=1, retain=True)
            tasks = [asyncio.create_task(self._send(client)), asyncio.create_task(self._stats(client))]
            tasks.append(asyncio.create_task(self._listen(client)))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except asyncio.CancelledError:
                await client.publish(available, "stopped", qos=1, retain=True)
                raise
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, text, retain = await self._waiting.get()
            await client.publish(f"{self.config.topic_prefix}/{topic}", text, qos=self.config.qos, retain=retain)

    async def _stats(self, client: aiomqtt.Client) -> None:
        while True:
            await client.publish(f"{self.config.topic_prefix}/stats", json.dumps(camera_stats(self._statuses())), qos=0)
            await asyncio.sleep(self.config.stats_interval_s)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            name = str(message.topic).removeprefix(f"{self.config.topic_prefix}/").removesuffix("/cover/set")
            word = bytes(message.payload)[:8].decode("ascii", "replace")
            if not self.config.allow_cover or word not in {"ON", "OFF"} or not self._cover(name, word == "ON"):
                _log.warning("message for %s is not understood", str(message.topic)[:100])


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
