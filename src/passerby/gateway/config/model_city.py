"""What ``city.yml`` may say besides its cameras: server, RTSP, register, MQTT, access log, defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from passerby.gateway.config.model_camera import POSITION, CameraSection, Detect, Output, Privacy, Record
from passerby.gateway.config.words import Duration, Port, Section, Texts, said

URL = "^(https?://|mailto:|tel:)[^ ]+$"
WEB = "^https?://[^ ]+$"
ORIGIN = r"^[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$"
TOPIC = "^[^#+\x00/][^#+\x00]*$"


class Tls(Section):
    """The certificate of everything that listens beyond this machine."""

    certificate: str | None = Field(default=None, description="PEM chain; left out: one is made and signed by itself")
    key: str | None = Field(default=None, description="PEM key of certificate")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("must have certificate and key, or neither")
        return self


class Server(Section):
    """Console, API, metrics and the citizen's pages."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; beyond this machine only with TLS"
    )
    port: Port = Field(default=18480, description="Port")
    tls: Tls = Field(default_factory=Tls, description="Certificate, also for RTSPS")
    url: str | None = Field(default=None, pattern=WEB, description="Where people reach it; camera signs point there")
    session: Duration = Field(default=said("12h"), description="A login ends after this long")
    max_viewers: Annotated[int, Field(ge=1, le=2000)] = Field(default=60, description="Browser live views at once")


class Rtsp(Section):
    """RTSP for recorders and management systems."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address of RTSPS; RTSP without TLS stays on this machine"
    )
    port: Port = Field(default=18554, description="RTSP, on this machine only")
    tls_port: Port = Field(default=18322, description="RTSPS, where host is beyond this machine")
    udp: bool = Field(default=True, description="Offer UDP as well as TCP")
    max_readers: Annotated[int, Field(ge=1, le=5000)] = Field(default=200, description="Sessions at once")


class Operator(Section):
    """Who runs the cameras. An organisation, never a person."""

    name: str = Field(min_length=1, max_length=200, description="For example: City of Example, transport office")
    contact: str = Field(pattern=URL, description="https://, mailto: or tel:")
    page: str | None = Field(default=None, pattern=URL, description="More about it")


class Register(Section):
    """The public log that every camera is written into."""

    path: str = Field(
        default="register", description="The log's folder, from the file's own folder; made at the first start"
    )
    origin: str = Field(pattern=ORIGIN, description="The log's name: its URL without https://")
    operator: Operator = Field(description="Stated first of all")
    grace: Duration = Field(
        default=said("0s"), description="How long cameras may run while the log cannot be written; public"
    )
    heartbeat: Duration = Field(default=said("1h"), description="Time between two statements of counts, 1m to 24h")
    purpose: Texts | None = Field(default=None, description="Of cameras that state none")
    legal_basis: Texts | None = Field(default=None, description="Of cameras that state none")
    position: str | None = Field(default=None, pattern=POSITION, description="Of cameras that state none")

    @field_validator("heartbeat")
    @classmethod
    def _beat(cls, value: float) -> float:
        if not 60 <= value <= 86_400:
            raise ValueError("must be 1m to 24h")
        return value


class Mqtt(Section):
    """A broker that is told states and counts, in Frigate's topics. No topic can take a cover away; no picture is sent."""

    enabled: bool = Field(default=True, description="Connect")
    host: str = Field(min_length=1, description="Broker")
    port: Port = Field(default=1883, description="Port")
    topic_prefix: str = Field(default="passerby", pattern=TOPIC, description="First part of every topic")
    client_id: str = Field(default="passerby", min_length=1, max_length=64, description="At the broker")
    user: str | None = Field(default=None, description="User")
    password: str | None = Field(default=None, description="Write {PASSERBY_...}")
    qos: Literal[0, 1, 2] = Field(default=1, description="Quality of service")
    stats_interval: Duration = Field(
        default=said("60s"), description="Time between two messages at stats, at least 15s"
    )
    tls_ca_certs: str | None = Field(default=None, description="File of certificates; turns TLS on")
    tls_client_cert: str | None = Field(default=None, description="Certificate of this client")
    tls_client_key: str | None = Field(default=None, description="Its key")
    allow_cover: bool = Field(default=False, description="Let NAME/cover/set add a full cover, and end only that cover")

    @field_validator("stats_interval")
    @classmethod
    def _slow(cls, value: float) -> float:
        if value < 15:
            raise ValueError("must be at least 15s")
        return value


class AccessLog(Section):
    """Who watched what."""

    retain_days: Annotated[float, Field(gt=0, le=3650)] = Field(default=30, description="Older lines are deleted")


class Metrics(Section):
    """Prometheus."""

    token: str | None = Field(
        default=None, min_length=16, description="Bearer token of the scraper; write {PASSERBY_...}"
    )


class SelfTest(Section):
    """The synthetic face that goes through for ever."""

    interval: Duration = Field(default=said("60s"), description="Time between two rounds, 10s to 10m")

    @field_validator("interval")
    @classmethod
    def _often(cls, value: float) -> float:
        if not 10 <= value <= 600:
            raise ValueError("must be 10s to 10m")
        return value


class Logger(Section):
    """Lines of JSON on standard error."""

    default: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level")


class CitySection(Section):
    """The whole file."""

    cameras: dict[str, CameraSection] = Field(min_length=1, max_length=1000, description="By name: a-z, 0-9, - and _")
    register_: Register = Field(alias="register", description="The public log")
    server: Server = Field(default_factory=Server, description="Console, API, citizen's pages")
    rtsp: Rtsp = Field(default_factory=Rtsp, description="RTSP out")
    mqtt: Mqtt | None = Field(default=None, description="MQTT")
    metrics: Metrics = Field(default_factory=Metrics, description="Prometheus")
    access_log: AccessLog = Field(default_factory=AccessLog, description="Who watched what")
    selftest: SelfTest = Field(default_factory=SelfTest, description="The test that never ends")
    logger: Logger = Field(default_factory=Logger, description="Logging")
    state: str = Field(
        default="state", description="Folder for accounts, certificate, access log; from the file's own folder"
    )
    detect: Detect = Field(default_factory=Detect, description="Default of every camera")
    privacy: Privacy = Field(default_factory=Privacy, description="Default of every camera")
    record: Record = Field(default_factory=Record, description="Default of every camera")
    output: Output = Field(default_factory=Output, description="Default of every camera")

    @field_validator("cameras", mode="before")
    @classmethod
    def _short_form(cls, cameras: Any) -> Any:  # noqa: ANN401  # raw, before any check
        if not isinstance(cameras, dict):
            return cameras
        return {name: {"source": one} if isinstance(one, str) else one for name, one in cameras.items()}
