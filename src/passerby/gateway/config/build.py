"""Turns a checked file into the frozen values that the gateway runs on: defaults laid under cameras, paths made whole."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import BaseModel

from passerby.errors import ConfigError
from passerby.gateway.config.city import (
    City,
    MqttConfig,
    OnvifConfig,
    RegisterConfig,
    ServerConfig,
    Statement,
    is_loopback,
)
from passerby.gateway.config.document import Document
from passerby.gateway.config.model_camera import CameraSection, Input, Privacy, Push, Record
from passerby.gateway.config.model_city import CitySection
from passerby.gateway.config.words import DAYS
from passerby.gateway.values import (
    NAME_PATTERN,
    CameraConfig,
    EncodeConfig,
    InputConfig,
    OverloadPolicy,
    PushConfig,
    RecordConfig,
    RtspConfig,
    Schedule,
    SelfTestConfig,
)
from passerby.values import Digest, Zone, digest_bytes
from passerby.veil import CoverSettings, FindSettings, Style, VeilSettings

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def overlay(under: M, over: M) -> M:
    """Return a section with what another one of its kind says laid over it, key by key."""
    said: dict[str, object] = {}
    for name in over.model_fields_set:
        above, below = getattr(over, name), getattr(under, name)
        said[name] = overlay(below, above) if isinstance(above, BaseModel) and isinstance(below, BaseModel) else above
    return under.model_copy(update=said)


def build_city(section: CitySection, document: Document, path: Path) -> City | None:
    """Return the values, or None where parts do not fit each other: then the document's mistakes say which."""
    home = path.resolve().parent
    cameras = {
        name: _Camera(section, name, one, document, home)
        for name, one in section.cameras.items()
        if NAME_PATTERN.fullmatch(name)
    }
    server, rtsp, register = section.server, section.rtsp, section.register_
    configs = _each(cameras, _Camera.config, document)
    statements = _each(cameras, _Camera.statement, document)
    onvif = _each(cameras, _Camera.onvif, document)
    if document.mistakes:
        return None
    beyond = not is_loopback(rtsp.host)
    certificate, key = _path(home, server.tls.certificate), _path(home, server.tls.key)
    return City(
        path=path,
        cameras=tuple(configs.values()),
        statements=statements,
        onvif={name: found for name, found in onvif.items() if found is not None},
        server=ServerConfig(
            server.host, server.port, certificate, key, server.url, float(server.session), server.max_viewers
        ),
        rtsp=RtspConfig(
            host=rtsp.host,
            port=rtsp.port,
            tls_port=rtsp.tls_port if beyond else None,
            certificate=certificate,
            key=key,
            udp=rtsp.udp,
            max_readers=rtsp.max_readers,
        ),
        register=RegisterConfig(
            home / register.path,
            register.origin,
            register.operator.name,
            register.operator.contact,
            register.operator.page,
            register.grace,
        ),
        mqtt=_mqtt(section),
        selftest=SelfTestConfig(interval_s=section.selftest.interval),
        state=home / section.state,
        access_days=section.access_log.retain_days,
        metrics_token=section.metrics.token,
        log_level=section.logger.default,
    )


def _each(cameras: dict[str, _Camera], build: Callable[[_Camera], T], document: Document) -> dict[str, T]:
    made = {}
    for name, camera in cameras.items():
        try:
            made[name] = build(camera)
        except ConfigError as exc:
            document.note(exc)
    return made


def _path(home: Path, text: str | None) -> Path | None:
    return home / text if text is not None else None


def _mqtt(section: CitySection) -> MqttConfig | None:
    mqtt = section.mqtt
    if mqtt is None or not mqtt.enabled:
        return None
    return MqttConfig(
        mqtt.host, mqtt.port, mqtt.topic_prefix.rstrip("/"), mqtt.client_id, mqtt.user, mqtt.password, mqtt.qos,
        mqtt.stats_interval, mqtt.tls_ca_certs, mqtt.tls_client_cert, mqtt.tls_client_key, mqtt.allow_cover,
    )  # fmt: skip


class _Camera:
    def __init__(self, city: CitySection, name: str, section: CameraSection, document: Document, home: Path) -> None:
        self.name, self.section, self.document, self.home = name, section, document, home
        self.detect = overlay(city.detect, section.detect)
        self.privacy = overlay(city.privacy, section.privacy)
        self.record = overlay(city.record, section.record)
        self.output = overlay(city.output, section.output)
        self.city = city

    def error(self, message: str, *path: str | int, hint: str | None = None) -> ConfigError:
        return self.document.error(("cameras", self.name, *path), message, hint=hint)

    def config(self) -> CameraConfig:
        out = self.output
        made = CameraConfig(
            name=self.name,
            input=self.input(),
            title=self.section.friendly_name,
            veil=self.veil(),
            lookahead_frames=self.privacy.lookahead_frames,
            max_fps=float(out.max_fps),
            encode=EncodeConfig(out.preset, out.crf, out.max_kbps, out.gop, out.threads),
            record=_recording(self.record, self.home) if self.record.enabled else None,
            pushes=tuple(self.pushed(place, push) for place, push in enumerate(self.section.push)),
            schedules=_schedules(self.privacy),
            ptz=self.section.onvif is not None and self.section.onvif.ptz,
            on_overload=OverloadPolicy(self.privacy.on_overload),
            enabled=self.section.enabled,
        )
        try:
            _ = made.input.kind
        except ConfigError as exc:
            raise self.error(exc.message, "inputs", 0, "path") from exc
        return made

    def input(self) -> InputConfig:
        given: Input = self.section.input
        place: tuple[str | int, ...] = ("source",)
        if self.section.source is None:
            place = ("ffmpeg", "inputs", 0) if self.section.ffmpeg else ("inputs", 0)
        url, user, password = self.without_login(given.path, *place)
        if user is not None and given.username is not None:
            raise self.error("user and password must stand in path or beside it, stand in both", *place)
        if "://" not in url and not url.startswith("/dev/video"):
            url = str(self.home / url)
        return InputConfig(
            url=url,
            username=given.username or user,
            password=given.password or password,
            transport=given.transport,
            open_timeout_s=given.open_timeout,
            read_timeout_s=given.read_timeout,
            tls_verify=given.tls_verify,
            tls_ca=_path(self.home, given.tls_ca),
        )

    def without_login(self, url: str, *place: str | int) -> tuple[str, str | None, str | None]:
        if "://" not in url:
            return url, None, None
        try:
            parts = urlsplit(url)
            # made first: a port that is no number shows here
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
            host += f":{parts.port}" if parts.port is not None else ""
        except ValueError as exc:
            raise self.error("path must be an address, is not", *place) from exc
        if parts.username is None:
            return url, None, None
        plain = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        return plain, unquote(parts.username), unquote(parts.password or "")

    def veil(self) -> VeilSettings:
        privacy, detect = self.privacy, self.detect
        if (privacy.style == "img") != (privacy.image is not None):
            raise self.error("privacy.image must be given for style img, and only then", "privacy")
        zones = tuple(Zone(zone.coordinates, name) for name, zone in self.section.zones.items())
        return VeilSettings(
            find=FindSettings(
                detector=_path(self.home, detect.model),
                provider=detect.device,
                require_gpu=detect.require_gpu,
            ),
            cover=CoverSettings(
                style=Style(privacy.style),
                fill=privacy.fill,
                image=_path(self.home, privacy.image),
                mask_scale=1 + privacy.margin,
                zones=zones,
            ),
        )

    def pushed(self, place: int, push: Push) -> PushConfig:
        url, user, password = self.without_login(push.path, "push", place)
        return PushConfig(url, push.username or user, push.password or password)

    def onvif(self) -> OnvifConfig | None:
        onvif = self.section.onvif
        if onvif is None:
            return None
        known = self.input()
        if onvif.ptz and self.section.zones and onvif.home is None:
            raise self.error(
                f"camera {self.name} moves and has zones, so onvif.home must say where they apply", "onvif",
                hint="bring it there and run passerby doctor --camera, which tells its position",
            )  # fmt: skip
        home = (onvif.home[0], onvif.home[1], onvif.home[2]) if onvif.home is not None else None
        return OnvifConfig(
            onvif.host, onvif.port, onvif.user or known.username, onvif.password or known.password, onvif.ptz, home
        )

    def statement(self) -> Statement:
        said, common = self.section.register_, self.city.register_
        purpose, basis = said.purpose or common.purpose, said.legal_basis or common.legal_basis
        position = said.position or common.position
        for word, value in (("purpose", purpose), ("legal_basis", basis), ("position", position)):
            if value is None:
                raise self.error(
                    f"camera {self.name} must state its {word} for the register, states none",
                    hint=f"write it under register of the camera, or once for all under register: {word}",
                )
        retention_h = -(-int(self.record.retain.days * 24 * 100) // 100) if self.record.enabled else 0
        place = said.place
        beat = said.heartbeat or common.heartbeat
        if not 60 <= beat <= 86_400:
            raise self.error("heartbeat must be 1m to 24h", "register", "heartbeat")
        return Statement(
            label=said.label or self.section.friendly_name or self.name,
            purpose=tuple(sorted((purpose or {}).items())),
            legal_basis=tuple(sorted((basis or {}).items())),
            position=position or "",
            retention_h=retention_h,
            heartbeat_s=int(beat),
            place_e6=(round(place.latitude * 1e6), round(place.longitude * 1e6)) if place else None,
            contact=said.contact,
            configuration=self.digest(),
        )

    def digest(self) -> Digest:
        """Digest what decides what is covered and kept; addresses and logins are the operator's secret and stay out."""
        config = self.config()
        told = {
            "veil": dataclasses.asdict(config.veil),
            "lookahead_frames": config.lookahead_frames,
            "schedules": [dataclasses.asdict(one) for one in config.schedules],
            "ptz": config.ptz,
            "on_overload": config.on_overload,
            "max_fps": config.max_fps,
            "encode": dataclasses.asdict(config.encode),
            "record_days": config.record.days if config.record else None,
            "pushed": len(config.pushes),
        }
        return digest_bytes(json.dumps(told, sort_keys=True, default=_plain).encode())


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _recording(record: Record, home: Path) -> RecordConfig:
    return RecordConfig(
        folder=home / record.path,
        days=float(record.retain.days),
        max_bytes=record.retain.max_size,
        file_s=record.segment,
        min_free_bytes=record.min_free,
    )


def _schedules(privacy: Privacy) -> tuple[Schedule, ...]:
    return tuple(
        Schedule(one.start, one.end, frozenset(DAYS.index(day) for day in one.days)) for one in privacy.cover_times
    )
