"""The frozen result of reading ``city.yml``: what each part of the gateway is told. Secrets are never shown by ``repr``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from passerby.gateway.values import CameraConfig, RtspConfig, SelfTestConfig
from passerby.values import Digest


@dataclass(frozen=True, slots=True)
class OnvifConfig:
    """A camera's ONVIF service.

    Attributes:
        host: Address.
        port: Port.
        user: Or None.
        password: Or None.
        ptz: Ask whether it moves, and cover it then.
        home: Pan, tilt, zoom at which its zones apply; covered anywhere else. None: wherever it stands.
    """

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    ptz: bool = False
    home: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What the register states about a camera.

    Attributes:
        label: In public words.
        purpose: By language.
        legal_basis: By language.
        position: Of the law.
        retention_h: Hours that recordings are kept; 0 for none.
        heartbeat_s: Time between two statements of counts.
        place_e6: Latitude and longitude in millionths of a degree, or None.
        contact: Where it differs from the operator's.
        configuration: Digest of all settings that matter for what is covered and kept; no secret goes into it.
    """

    label: str
    purpose: tuple[tuple[str, str], ...]
    legal_basis: tuple[tuple[str, str], ...]
    position: str
    retention_h: int
    heartbeat_s: int
    place_e6: tuple[int, int] | None
    contact: str | None
    configuration: Digest


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Console, API and citizen's pages.

    Attributes:
        host: Address to listen on.
        port: Port.
        certificate: PEM chain, or None for one that signs itself.
        key: Its key.
        url: Where people reach it, with a final slash, or None.
        session_s: A login ends after this long.
        max_viewers: Browser live views at once.
    """

    host: str
    port: int
    certificate: Path | None
    key: Path | None
    url: str | None
    session_s: float
    max_viewers: int

    @property
    def beyond(self) -> bool:
        """Return whether it listens beyond this machine."""
        return not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class RegisterConfig:
    """The public log.

    Attributes:
        path: Folder.
        origin: The log's name.
        operator: Name of the organisation.
        contact: Of it.
        page: About it, or None.
        grace_s: How long cameras may run while the log cannot be written.
    """

    path: Path
    origin: str
    operator: str
    contact: str
    page: str | None
    grace_s: float


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """A broker.

    Attributes:
        host: Address.
        port: Port.
        prefix: First part of every topic.
        client_id: At the broker.
        user: Or None.
        password: Or None.
        qos: 0, 1 or 2.
        stats_s: Time between two messages at ``stats``.
        ca: Turns TLS on.
        certificate: Of this client.
        key: Its key.
        allow_cover: Let a topic add a full cover.
    """

    host: str
    port: int
    prefix: str
    client_id: str
    user: str | None
    password: str | None = field(repr=False)
    qos: int = 1
    stats_s: float = 60.0
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    allow_cover: bool = False


@dataclass(frozen=True, slots=True)
class City:
    """The whole file.

    Attributes:
        path: The file.
        cameras: In the file's order, disabled ones too.
        statements: What the register states, by camera.
        onvif: By camera.
        server: Console and API.
        rtsp: RTSP out.
        register: The public log.
        mqtt: Or None.
        selftest: How often.
        state: Folder for accounts, certificate, access log.
        access_days: Lines of the access log are kept this long.
        metrics_token: Of the scraper, or None.
        log_level: Least level of logged lines.
    """

    path: Path
    cameras: tuple[CameraConfig, ...]
    statements: dict[str, Statement]
    onvif: dict[str, OnvifConfig]
    server: ServerConfig
    rtsp: RtspConfig
    register: RegisterConfig
    mqtt: MqttConfig | None
    selftest: SelfTestConfig
    state: Path
    access_days: float
    metrics_token: str | None = field(repr=False)
    log_level: str = "info"


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
