"""What ``city.yml`` may say besides its cameras: server, RTSP, register, MQTT, access log, defaults; and the whole file."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from passerby.gateway.config.camera import (
    HEARTBEAT,
    POSITION,
    CameraConfig,
    DetectConfig,
    EncodeConfig,
    OnvifConfig,
    PrivacyConfig,
    RecordConfig,
)
from passerby.gateway.config.key import Check, InCode, Key, Secret, Section
from passerby.gateway.config.statement import Statement
from passerby.gateway.config.words import Duration, Texts, between, network
from passerby.values import is_loopback

URL = "^(https?://|mailto:|tel:)[^ ]+$"
WEB = "^https?://[^ ]+$"
WRITER = r"^(unix:/[^ ]+|https://[^ /?#@]+(/[^ ?#]*)?)$"
VKEY = r"^[^+ ]+[+][0-9a-f]{8}[+][A-Za-z0-9+/=]+$"
ORIGIN = r"^[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$"
TOPIC = "^[^#+\x00/][^#+\x00]*$"
Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class TlsConfig(Section):
    """The certificate of everything that listens beyond this machine."""

    certificate: Annotated[Path | None, Key("PEM chain; left out: one is made and signed by itself")] = None
    key: Annotated[Path | None, Key("PEM key of certificate")] = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("must have certificate and key, or neither")


@dataclass(frozen=True, slots=True)
class SignOnConfig(Section):
    """Logins by OpenID Connect, beside those by password. People have the role of their group, and no account here."""

    issuer: Annotated[str, Key("Of the provider, as its description names it", pattern=WEB)]
    client_id: Annotated[str, Key("Of this console at the provider", min_length=1, max_length=200)]
    client_secret: Annotated[str, Key("Write {PASSERBY_...}", min_length=16), Secret()] = field(repr=False)
    roles: Annotated[
        dict[str, Literal["viewer", "operator", "auditor", "admin"]],
        Key("Role by group; the first group that fits counts, and whoever is in none is refused", min_length=1),
    ]
    groups_claim: Annotated[str, Key("Claim that holds the groups; a.b is b inside of a", min_length=1)] = "groups"
    name_claim: Annotated[str, Key("Claim for the name in the access log", min_length=1)] = "preferred_username"
    scopes: Annotated[tuple[str, ...], Key("Asked for besides openid")] = ("profile",)
    label: Annotated[str, Key("On the login page", min_length=1, max_length=60)] = "Single sign-on"

    def __post_init__(self) -> None:
        if self.issuer.startswith("http://") and not is_loopback(urlsplit(self.issuer).hostname or ""):
            raise ValueError("must have an issuer with https://")


@dataclass(frozen=True, slots=True)
class ServerConfig(Section):
    """Console, API, metrics and the citizen's pages."""

    host: Annotated[str, Key("Address to listen on; beyond this machine only with TLS", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Key("Port", ge=1, le=65_535)] = 18480
    tls: Annotated[TlsConfig, Key("Certificate, also for RTSPS")] = TlsConfig()
    url: Annotated[str | None, Key("Where people reach it; camera signs point there", pattern=WEB)] = None
    trusted_proxies: Annotated[
        tuple[Annotated[str, Check(network)], ...],
        Key(
            "Reverse proxies, by address or network, whose X-Forwarded-For, -Proto, -Host, -Prefix are believed",
            max_length=32,
        ),
    ] = ()
    session_s: Annotated[Duration, Key("A login ends after this long")] = 43_200.0
    single_sign_on: Annotated[SignOnConfig | None, Key("OpenID Connect; needs url")] = None
    max_viewers: Annotated[
        int, Key("Browser live views at once; one account gets three quarters at most", ge=1, le=2000)
    ] = 240

    def __post_init__(self) -> None:
        if self.single_sign_on is not None and self.url is None:
            raise ValueError("must have url where single_sign_on is: the provider sends people back there")

    @property
    def beyond(self) -> bool:
        """Return whether it listens beyond this machine."""
        return not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class RtspConfig(Section):
    """RTSP for recorders and management systems."""

    host: Annotated[str, Key("Address of RTSPS; RTSP without TLS stays on this machine", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Key("RTSP, on this machine only", ge=1, le=65_535)] = 18554
    tls_port: Annotated[int, Key("RTSPS, where host is beyond this machine", ge=1, le=65_535)] = 18322
    udp: Annotated[bool, Key("Offer UDP as well as TCP")] = True
    max_readers: Annotated[int, Key("Sessions at once; one account gets three quarters at most", ge=1, le=5000)] = 200
    plain_host: Annotated[str, InCode()] = "127.0.0.1"
    """Address of RTSP without TLS, and of UDP; stays on this machine."""
    certificate: Annotated[Path | None, InCode()] = None
    """PEM chain; without one there is no RTSPS."""
    key: Annotated[Path | None, InCode()] = None
    """Key of the certificate."""
    max_connections: Annotated[int, InCode()] = 400
    """Connections at once, sessions or not."""
    session_timeout_s: Annotated[float, InCode()] = 60.0
    """A session over UDP that says nothing for this long is ended."""

    @property
    def beyond(self) -> bool:
        """Return whether it listens beyond this machine."""
        return not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class OperatorConfig(Section):
    """Who runs the cameras. An organisation, never a person."""

    name: Annotated[str, Key("For example: City of Example, transport office", min_length=1, max_length=200)]
    contact: Annotated[str, Key("https://, mailto: or tel:", pattern=URL)]
    page: Annotated[str | None, Key("More about it", pattern=URL)] = None
    authority: Annotated[
        str | None, Key("Data protection authority that people can complain to", min_length=1, max_length=200)
    ] = None
    authority_contact: Annotated[str | None, Key("Where it takes complaints", pattern=URL)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterConfig(Section):
    """The public log that every camera is written into.

    Two are equal when they are the same log; what is stated of cameras that state nothing themselves is no part of it.
    """

    path: Annotated[
        Path,
        Key(
            "The log's folder; with address: of what waits for it. From the file's own folder; made at the first start"
        ),
    ] = Path("register")
    address: Annotated[
        str | None,
        Key(
            "Writer that many gateways share: unix:/path or https://host:port; left out: the log is written here",
            pattern=WRITER,
        ),
    ] = None
    vkey: Annotated[str | None, Key("With address: the log's key, as register init printed it", pattern=VKEY)] = None
    ca: Annotated[Path | None, Key("With address: PEM certificates that the writer's must lead to")] = None
    gateway: Annotated[
        str | None,
        Key("With address: name of this gateway; left out: the machine's", pattern=r"^[A-Za-z0-9._/-]{1,100}$"),
    ] = None
    origin: Annotated[str, Key("The log's name: its URL without https://", pattern=ORIGIN)]
    operator: Annotated[OperatorConfig, Key("Stated first of all")]
    grace_s: Annotated[Duration, Key("How long cameras may run while the log cannot be written; public")] = 0.0
    heartbeat_s: Annotated[Duration, HEARTBEAT, Key("Time between two statements of counts, 15m to 24h")] = field(
        default=3600.0, compare=False
    )
    yes_public: Annotated[bool, Key("Words here may look like a person's: they are meant to be public for ever")] = (
        field(default=False, compare=False)
    )
    purpose: Annotated[Texts | None, Key("Of cameras that state none")] = field(default=None, compare=False)
    legal_basis: Annotated[Texts | None, Key("Of cameras that state none")] = field(default=None, compare=False)
    position: Annotated[str | None, Key("Of cameras that state none", pattern=POSITION)] = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        if (self.address is None) != (self.vkey is None):
            raise ValueError("must have address and vkey, or neither")
        if self.address is None and (self.ca is not None or self.gateway is not None):
            raise ValueError("must have ca and gateway with an address only")
        if self.vkey is not None and self.vkey.partition("+")[0] != self.origin:
            raise ValueError(f"must have the vkey of {self.origin}, has another log's")


@dataclass(frozen=True, slots=True)
class MqttConfig(Section):
    """A broker that is told states and counts, in Frigate's topics. No topic can take a cover away; no picture is sent."""

    enabled: Annotated[bool, Key("Connect")] = field(default=True, kw_only=True)
    host: Annotated[str, Key("Broker", min_length=1)]
    port: Annotated[int, Key("Port", ge=1, le=65_535)] = 1883
    topic_prefix: Annotated[str, Key("First part of every topic", pattern=TOPIC)] = "passerby"
    client_id: Annotated[
        str | None,
        Key("At the broker; left out: passerby- and a number of this gateway's own", min_length=1, max_length=64),
    ] = None
    user: Annotated[str | None, Key("User")] = None
    password: Annotated[str | None, Key("Write {PASSERBY_...}"), Secret()] = field(default=None, repr=False)
    qos: Annotated[Literal[0, 1, 2], Key("Quality of service")] = 1
    stats_interval_s: Annotated[
        Duration, Check(between(15, inf, "at least 15s")), Key("Time between two messages at stats, at least 15s")
    ] = 60.0
    tls_ca_certs: Annotated[str | None, Key("File of certificates; turns TLS on")] = None
    tls_client_cert: Annotated[str | None, Key("Certificate of this client")] = None
    tls_client_key: Annotated[str | None, Key("Its key")] = None
    discovery: Annotated[bool, Key("Tell Home Assistant of every camera, so that it finds them by itself")] = True
    discovery_prefix: Annotated[str, Key("Where Home Assistant listens", pattern=TOPIC)] = "homeassistant"
    allow_cover: Annotated[bool, Key("Let NAME/cover/set add a full cover, and end only that cover")] = False


@dataclass(frozen=True, slots=True)
class MetricsConfig(Section):
    """Prometheus."""

    token: Annotated[str | None, Key("Bearer token of the scraper; write {PASSERBY_...}", min_length=16), Secret()] = (
        field(default=None, repr=False)
    )


@dataclass(frozen=True, slots=True)
class AccessLogConfig(Section):
    """Who watched what."""

    retain_days: Annotated[float, Key("Older lines are deleted", gt=0, le=3650)] = 30


@dataclass(frozen=True, slots=True)
class SelfTestConfig(Section):
    """The synthetic face that goes through for ever."""

    interval_s: Annotated[
        Duration, Check(between(10, 600, "10s to 10m")), Key("Time between two rounds, 10s to 10m")
    ] = 60.0
    enabled_stream: Annotated[bool, InCode()] = True
    """Run the hidden stream; each camera's own detector is always tested."""


@dataclass(frozen=True, slots=True)
class LoggerConfig(Section):
    """Lines of JSON on standard error."""

    default: Annotated[Level, Key("Least level")] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class CityConfig(Section):
    """The whole file."""

    cameras: Annotated[dict[str, CameraConfig], Key("By name: a-z, 0-9, - and _", min_length=1, max_length=1000)]
    register: Annotated[RegisterConfig, Key("The public log")]
    server: Annotated[ServerConfig, Key("Console, API, citizen's pages")] = ServerConfig()
    rtsp: Annotated[RtspConfig, Key("RTSP out")] = RtspConfig()
    mqtt: Annotated[MqttConfig | None, Key("MQTT")] = None
    metrics: Annotated[MetricsConfig, Key("Prometheus")] = MetricsConfig()
    access_log: Annotated[AccessLogConfig, Key("Who watched what")] = AccessLogConfig()
    selftest: Annotated[SelfTestConfig, Key("The test that never ends")] = SelfTestConfig()
    logger: Annotated[LoggerConfig, Key("Logging")] = LoggerConfig()
    state: Annotated[Path, Key("Folder for accounts, certificate, access log; from the file's own folder")] = Path(
        "state"
    )
    detect: Annotated[DetectConfig, Key("Default of every camera")] = field(default_factory=DetectConfig)
    privacy: Annotated[PrivacyConfig, Key("Default of every camera")] = field(default_factory=PrivacyConfig)
    record: Annotated[RecordConfig, Key("Default of every camera")] = field(default_factory=RecordConfig)
    output: Annotated[EncodeConfig, Key("Default of every camera")] = field(default_factory=EncodeConfig)
    path: Annotated[Path, InCode()] = Path("city.yml")
    """The file."""
    statements: Annotated[dict[str, Statement], InCode()] = field(default_factory=dict)
    """What the register states, by camera."""

    @property
    def onvif(self) -> dict[str, OnvifConfig]:
        """Return the ONVIF services, by camera."""
        return {name: camera.onvif for name, camera in self.cameras.items() if camera.onvif is not None}
