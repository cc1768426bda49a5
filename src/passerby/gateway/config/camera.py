"""What a camera's part of ``city.yml`` may say, in the words of Frigate where Frigate has one, and so what its process is told.

Each section is told once, here: key, type, limits, default and meaning. Values that the file cannot say are marked
``InCode``. Secrets are never shown by ``repr``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from passerby.errors import ConfigError
from passerby.gateway.config.key import Check, InCode, Key, Read, Secret, SecretPart, Section, keys
from passerby.gateway.config.words import DAYS, Colour, Day, Duration, Polygon, Size, Texts, TimeOfDay, between
from passerby.gateway.values import SELFTEST_CAMERA
from passerby.values import Zone
from passerby.veil import CoverSettings, CoverStyle, FindSettings, VeilSettings

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RTSP = "^rtsps?://"
HEARTBEAT = Check(between(900, 86_400, "15m to 24h"))
"""Source: at a quarter of an hour a public count no longer tells when somebody came home; see docs/threat-model.md."""
POSITION = "^[a-z0-9][a-z0-9-]{0,62}$"
InputRole = Literal["detect", "record", "live"]
OverloadPolicy = Literal["rate", "cover"]
"""What a camera does when the machine cannot keep up."""
FullPolicy = Literal["cover", "delete_oldest"]
"""What a camera does when the disk of its recordings is full."""


class InputKind(StrEnum):
    """What a camera's address is."""

    RTSP = "rtsp"
    HTTP = "http"
    V4L2 = "v4l2"
    FILE = "file"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class InputConfig(Section):
    """One address of a camera. Exactly one is veiled and served."""

    __pydantic_config__ = keys(url="path")

    url: Annotated[
        str,
        Key(
            "rtsp://, rtsps://, http(s):// (MJPEG), /dev/videoN, a clip's path (looped) or test://portrait",
            min_length=1,
        ),
        Secret(SecretPart.LOGIN),
    ]
    roles: Annotated[tuple[InputRole, ...], Key("As in Frigate; every role is served from the one veiled stream")] = (
        field(default=("detect", "record", "live"), kw_only=True)
    )
    username: Annotated[str | None, Key("Of the camera, where it does not stand in path")] = None
    password: Annotated[str | None, Key("Of the camera; write {PASSERBY_...}, not the password itself"), Secret()] = (
        field(default=None, repr=False)
    )
    transport: Annotated[Literal["tcp", "udp"], Key("For RTSP")] = "tcp"
    open_timeout_s: Annotated[Duration, Key("Longest wait for the first answer")] = 5.0
    read_timeout_s: Annotated[Duration, Key("A stream silent for this long is opened anew")] = 2.0
    tls_verify: Annotated[bool, Key("Check the certificate of rtsps:// and https://")] = True
    tls_ca: Annotated[Path | None, Key("File of certificates to trust besides the system's")] = None

    @property
    def kind(self) -> InputKind:
        """Return what the address is, by its beginning."""
        scheme = self.url.partition("://")[0].lower() if "://" in self.url else ""
        if scheme in {"rtsp", "rtsps"}:
            return InputKind.RTSP
        if scheme in {"http", "https"}:
            return InputKind.HTTP
        if scheme == "test":
            return InputKind.TEST
        if scheme not in {"", "file"}:
            raise ConfigError(
                f"input must start with rtsp://, rtsps://, http://, https://, test://, /dev/video or be a file, got {scheme}://"
            )
        return InputKind.V4L2 if self.url.startswith("/dev/video") else InputKind.FILE


def input_at(value: object) -> InputConfig:
    """Read the short form of an input: its address alone.

    Raises:
        ValueError: it is no text.
    """
    if not isinstance(value, str) or not value:
        raise ValueError("must be the address of a camera, such as rtsp://host:port/path")
    return InputConfig(value)


@dataclass(frozen=True, slots=True)
class FfmpegConfig(Section):
    """Frigate's place for inputs. Arguments for ffmpeg do not exist here."""

    inputs: Annotated[tuple[InputConfig, ...], Key("As inputs of the camera", min_length=1, max_length=1)]


@dataclass(frozen=True, slots=True)
class DetectConfig(Section):
    """How faces are found."""

    enabled: Annotated[Literal[True], Key("Accepted as true, because Frigate's files have it")] = True
    model: Annotated[Path | None, Key("ONNX file of your own; otherwise the weights that ship with Passerby")] = None
    device: Annotated[Literal["cpu", "cuda"], Key("Where the detector runs")] = "cpu"
    require_gpu: Annotated[bool, Key("Do not start on the CPU when the GPU is missing")] = False


@dataclass(frozen=True, slots=True)
class CoverTimeConfig(Section):
    """A time of day at which a camera is covered whole."""

    start: Annotated[TimeOfDay, Key("Local time, for example 22:00, inclusive")]
    end: Annotated[TimeOfDay, Key("Local time, exclusive; before start means over midnight")]
    days: Annotated[tuple[Day, ...], Key("Days on which it begins", min_length=1)] = DAYS


@dataclass(frozen=True, slots=True)
class PrivacyConfig(Section):
    """How faces are covered, and what happens when they cannot be judged. Nothing here takes a cover away."""

    enabled: Annotated[Literal[True], Key("Always; anything else is refused")] = True
    style: Annotated[Literal["solid", "avatar", "img", "noise"], Key("What stands where a face was")] = "solid"
    fill: Annotated[Colour, Key("Colour of solid")] = (112, 112, 112)
    image: Annotated[Path | None, Key("Picture for img")] = None
    margin: Annotated[float, Key("Share of the face's box added on each side", ge=0.1, le=2)] = 0.3
    heads: Annotated[bool, Key("Cover the whole head while a track lives, not the face alone")] = False
    lookahead_frames: Annotated[
        int, Key("Frames held back, so that a face is covered before it was first found", ge=1, le=60)
    ] = 10
    on_failure: Annotated[Literal["cover"], Key("A picture that cannot be judged is covered whole")] = "cover"
    on_overload: Annotated[OverloadPolicy, Key("Leave out pictures first and cover after, or cover at once")] = "rate"
    cover_times: Annotated[
        tuple[CoverTimeConfig, ...], Key("Times at which the picture is covered whole", max_length=50)
    ] = ()


@dataclass(frozen=True, slots=True)
class ZoneConfig(Section):
    """A part of the picture that is always covered."""

    coordinates: Annotated[Polygon, Key('Relative polygon, "x,y,x,y,x,y"')]
    friendly_name: Annotated[str, Key("For people", max_length=100)] = ""


def named_zones(zones: dict[str, ZoneConfig]) -> dict[str, ZoneConfig]:
    """Return zones whose names do.

    Raises:
        ValueError: one does not.
    """
    for name in zones:
        if not 0 < len(name) <= 64:
            raise ValueError(f"must have names of 1 to 64 characters, got {name!r}")
    return zones


@dataclass(frozen=True, slots=True)
class RetainConfig(Section):
    """How long recordings are kept."""

    days: Annotated[float, Key("Older recordings are deleted; 0: by size only", ge=0, le=3650)] = 7
    max_size_bytes: Annotated[Size, Key("The camera's oldest recordings are deleted above this; 0B: by days only")] = 0


@dataclass(frozen=True, slots=True)
class RecordConfig(Section):
    """Recording of the veiled stream."""

    __pydantic_config__ = keys(folder="path")

    enabled: Annotated[bool, Key("Record")] = False
    folder: Annotated[Path, Key("Folder, from the file's own folder; one folder a camera is made in it")] = Path(
        "recordings"
    )
    retain: Annotated[RetainConfig, Key("How long")] = RetainConfig()
    segment_s: Annotated[Duration, Key("Length of one file")] = 600.0
    min_free_bytes: Annotated[Size, Key("Below this the disk counts as full")] = 256 * 1024 * 1024
    when_full: Annotated[
        FullPolicy, Key("Cover the camera until there is space, or delete its oldest recordings first")
    ] = "cover"
    sync_s: Annotated[float, InCode()] = 2.0
    """Written data is forced to the disk this often: the longest loss at a power cut."""

    def __post_init__(self) -> None:
        if self.enabled and not self.retain.days and not self.retain.max_size_bytes:
            raise ValueError("must end some day: give retain.days or retain.max_size")


@dataclass(frozen=True, slots=True)
class SealConfig(Section):
    """Faces are kept, locked to several authorities together, while they are veiled. Announced in the register first."""

    policy: Annotated[
        Path, Key("File of the authorities: who must agree to an opening, and for how long faces are kept")
    ]
    store: Annotated[
        str, Key("Folder, from the file's own folder, or the address of a bucket such as s3://...", min_length=1)
    ] = "sealed"
    custody: Annotated[Path, Key("Folder of the custodian's public keys, one a camera and hour")] = Path("custody")


@dataclass(frozen=True, slots=True)
class EncodeConfig(Section):
    """The one veiled stream that every reader gets."""

    max_fps: Annotated[float, Key("Pictures above this rate are left out; 0: none", ge=0, le=120)] = 0
    preset: Annotated[
        Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"], Key("x264's preset")
    ] = "superfast"
    crf: Annotated[int, Key("x264's quality; higher is coarser", ge=10, le=28)] = 23
    max_kbps: Annotated[int, Key("Cap on the bit rate, kbit/s", ge=100, le=100_000)] = 4000
    gop_s: Annotated[Duration, Key("Longest time between key frames")] = 1.0
    threads: Annotated[int, Key("Threads of the encoder", ge=1, le=16)] = 1


@dataclass(frozen=True, slots=True)
class PushConfig(Section):
    """A server of your own that gets the veiled stream."""

    __pydantic_config__ = keys(url="path")

    url: Annotated[str, Key("rtsp://host:port/path", pattern=RTSP), Secret(SecretPart.LOGIN)]
    username: Annotated[str | None, Key("There")] = None
    password: Annotated[str | None, Key("There; write {PASSERBY_...}"), Secret()] = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OnvifConfig(Section):
    """The camera's ONVIF service, as in Frigate: its users are listed, and its motion is asked for."""

    host: Annotated[str, Key("Address", min_length=1)]
    port: Annotated[int, Key("Port", ge=1, le=65_535)] = 80
    user: Annotated[str | None, Key("User; left out: the input's")] = None
    password: Annotated[str | None, Key("Write {PASSERBY_...}; left out: the input's"), Secret()] = field(
        default=None, repr=False
    )
    ptz: Annotated[bool, Key("The camera can move: covered whole while it moves or is away from home")] = False
    home: Annotated[
        tuple[float, float, float] | None,
        Key("Pan, tilt, zoom at which the zones apply; passerby doctor --camera tells the present ones"),
    ] = None


@dataclass(frozen=True, slots=True)
class PlaceConfig(Section):
    """Where the camera stands, as exactly as you publish it."""

    latitude: Annotated[float, Key("Degrees, WGS 84", ge=-90, le=90)]
    longitude: Annotated[float, Key("Degrees, WGS 84", ge=-180, le=180)]


@dataclass(frozen=True, slots=True)
class CameraRegisterConfig(Section):
    """What the public register states about the camera. What is left out comes from register."""

    label: Annotated[str | None, Key("In public words; left out: friendly_name", min_length=1, max_length=200)] = None
    purpose: Annotated[Texts | None, Key("Why it films: a text, or texts by language (en: ...)")] = None
    legal_basis: Annotated[Texts | None, Key("What allows it")] = None
    position: Annotated[str | None, Key("Of the law, as assess.md lists them", pattern=POSITION)] = None
    place: Annotated[PlaceConfig | None, Key("On the map")] = None
    contact: Annotated[str | None, Key("https:// or mailto:, where it differs from the operator's")] = None
    yes_public: Annotated[bool, Key("Its words may look like a person's: they are meant to be public for ever")] = False
    heartbeat_s: Annotated[
        Annotated[Duration, HEARTBEAT] | None, Key("Time between two statements of counts, 15m to 24h")
    ] = None


@dataclass(frozen=True, slots=True)
class CameraConfig(Section):
    """One camera. A plain text instead of this is its source.

    Two are equal when the camera need not be touched: what is asked over ONVIF and stated in public is no part of it.
    """

    name: Annotated[str, InCode()]
    """Path of the stream on every output; in the file it is the key of the section."""
    enabled: Annotated[bool, Key("false: not run and served nowhere")] = field(default=True, kw_only=True)
    friendly_name: Annotated[str, Key("For people", max_length=100)] = field(default="", kw_only=True)
    group: Annotated[str, Key("Cameras of one group stand together on the wall", max_length=100)] = field(
        default="", kw_only=True
    )
    source: Annotated[
        Annotated[InputConfig, Read(input_at, {"type": "string", "minLength": 1})] | None,
        Key("Short for inputs with one path"),
        Secret(SecretPart.LOGIN),
    ] = None
    inputs: Annotated[
        tuple[InputConfig, ...] | None, Key("Where its pictures come from", min_length=1, max_length=1)
    ] = None
    ffmpeg: Annotated[FfmpegConfig | None, Key("Frigate's place for inputs")] = None
    detect: Annotated[DetectConfig, Key("How faces are found")] = DetectConfig()
    privacy: Annotated[PrivacyConfig, Key("How they are covered")] = PrivacyConfig()
    zones: Annotated[
        dict[str, ZoneConfig], Check(named_zones), Key("Parts that are always covered, by name", max_length=100)
    ] = field(default_factory=dict)
    record: Annotated[RecordConfig, Key("Recording")] = RecordConfig()
    output: Annotated[EncodeConfig, Key("The veiled stream")] = EncodeConfig()
    seal: Annotated[SealConfig | None, Key("Faces are kept, locked; left out: no face is kept")] = None
    push: Annotated[tuple[PushConfig, ...], Key("Servers that get the veiled stream", max_length=8)] = ()
    onvif: Annotated[OnvifConfig | None, Key("ONVIF service")] = field(default=None, compare=False)
    register: Annotated[CameraRegisterConfig, Key("Public statement")] = field(
        default=CameraRegisterConfig(), compare=False
    )

    def __post_init__(self) -> None:
        if not NAME_PATTERN.fullmatch(self.name) and self.name != SELFTEST_CAMERA:
            raise ConfigError(f"camera name must be lower-case letters, digits, - and _, got {self.name!r}")
        if sum(given is not None for given in (self.source, self.inputs, self.ffmpeg)) != 1:
            raise ValueError("must have exactly one of inputs, ffmpeg.inputs and source")

    def for_process(self) -> CameraConfig:
        """Return what the camera's own process is told: nothing of groups, recordings and pushes, no login but its pictures'."""
        return replace(self, group="", record=RecordConfig(), push=(), onvif=None, register=CameraRegisterConfig())

    @property
    def input(self) -> InputConfig:
        """Return the one input."""
        if self.source is not None:
            return self.source
        return (self.inputs or (self.ffmpeg.inputs if self.ffmpeg else ()))[0]

    @property
    def shown(self) -> str:
        """Return what people are told, or the name where that is nothing."""
        return self.friendly_name or self.name

    @property
    def ptz(self) -> bool:
        """Return whether it can move: while it is away from home its zones do not apply, and it is covered."""
        return self.onvif is not None and self.onvif.ptz

    @property
    def veil(self) -> VeilSettings:
        """Return how faces are found and covered. A live camera has no exempt zone, no kept track, no reversible style."""
        privacy, detect = self.privacy, self.detect
        return VeilSettings(
            find=FindSettings(detector=detect.model, provider=detect.device, require_gpu=detect.require_gpu),
            cover=CoverSettings(
                style=CoverStyle(privacy.style),
                fill=privacy.fill,
                image=privacy.image,
                mask_scale=1 + privacy.margin,
                heads=privacy.heads,
                zones=tuple(Zone(zone.coordinates, name) for name, zone in self.zones.items()),
            ),
        )
