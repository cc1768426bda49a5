"""What a camera's part of ``city.yml`` may say, in the words of Frigate where Frigate has one."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from passerby.gateway.config.words import Colour, Duration, Polygon, Port, Section, Size, Texts, TimeOfDay, said

RTSP = "^rtsps?://"
POSITION = "^[a-z0-9][a-z0-9-]{0,62}$"


class Input(Section):
    """One address of a camera. Exactly one is veiled and served."""

    path: str = Field(
        min_length=1,
        description="rtsp://, rtsps://, http(s):// (MJPEG), /dev/videoN, a clip's path (looped) or test://portrait",
    )
    roles: list[Literal["detect", "record", "live"]] = Field(
        default=["detect", "record", "live"],
        description="As in Frigate; every role is served from the one veiled stream",
    )
    username: str | None = Field(default=None, description="Of the camera, where it does not stand in path")
    password: str | None = Field(
        default=None, description="Of the camera; write {PASSERBY_...}, not the password itself"
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="For RTSP")
    open_timeout: Duration = Field(default=said("5s"), description="Longest wait for the first answer")
    read_timeout: Duration = Field(default=said("2s"), description="A stream silent for this long is opened anew")
    tls_verify: bool = Field(default=True, description="Check the certificate of rtsps:// and https://")
    tls_ca: str | None = Field(default=None, description="File of certificates to trust besides the system's")


class Ffmpeg(Section):
    """Frigate's place for inputs. Arguments for ffmpeg do not exist here."""

    inputs: list[Input] = Field(min_length=1, max_length=1, description="As inputs of the camera")


class Detect(Section):
    """How faces are found."""

    enabled: Literal[True] = Field(default=True, description="Accepted as true, because Frigate's files have it")
    model: str | None = Field(
        default=None, description="ONNX file of your own; otherwise the weights that ship with Passerby"
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where the detector runs")
    require_gpu: bool = Field(default=False, description="Do not start on the CPU when the GPU is missing")


class Times(Section):
    """A time of day at which a camera is covered whole."""

    start: TimeOfDay = Field(description="Local time, for example 22:00, inclusive")
    end: TimeOfDay = Field(description="Local time, exclusive; before start means over midnight")
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], min_length=1, description="Days on which it begins"
    )


class Privacy(Section):
    """How faces are covered, and what happens when they cannot be judged. Nothing here takes a cover away."""

    enabled: Literal[True] = Field(default=True, description="Always; anything else is refused")
    style: Literal["solid", "avatar", "img", "noise"] = Field(
        default="solid", description="What stands where a face was"
    )
    fill: Colour = Field(default=said("#707070"), description="Colour of solid")
    image: str | None = Field(default=None, description="Picture for img")
    margin: Annotated[float, Field(ge=0.1, le=2)] = Field(
        default=0.3, description="Share of the face's box added on each side"
    )
    lookahead_frames: Annotated[int, Field(ge=1, le=60)] = Field(
        default=10, description="Frames held back, so that a face is covered before it was first found"
    )
    on_failure: Literal["cover"] = Field(
        default="cover", description="A picture that cannot be judged is covered whole"
    )
    on_overload: Literal["rate", "cover"] = Field(
        default="rate", description="Leave out pictures first and cover after, or cover at once"
    )
    cover_times: list[Times] = Field(
        default=[], max_length=50, description="Times at which the picture is covered whole"
    )


class ZoneSection(Section):
    """A part of the picture that is always covered."""

    coordinates: Polygon = Field(description='Relative polygon, "x,y,x,y,x,y"')
    friendly_name: str = Field(default="", max_length=100, description="For people")


class Retain(Section):
    """How long recordings are kept."""

    days: Annotated[float, Field(ge=0, le=3650)] = Field(
        default=7, description="Older recordings are deleted; 0: by size only"
    )
    max_size: Size = Field(
        default=said("0B"), description="The camera's oldest recordings are deleted above this; 0B: by days only"
    )


class Record(Section):
    """Recording of the veiled stream."""

    enabled: bool = Field(default=False, description="Record")
    path: str = Field(
        default="recordings", description="Folder, from the file's own folder; one folder a camera is made in it"
    )
    retain: Retain = Field(default_factory=Retain, description="How long")
    segment: Duration = Field(default=said("10m"), description="Length of one file")
    min_free: Size = Field(default=said("256MiB"), description="Below this the disk counts as full")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.enabled and not self.retain.days and not self.retain.max_size:
            raise ValueError("must end some day: give retain.days or retain.max_size")
        return self


class Output(Section):
    """The one veiled stream that every reader gets."""

    max_fps: Annotated[float, Field(ge=0, le=120)] = Field(
        default=0, description="Pictures above this rate are left out; 0: none"
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = Field(
        default="superfast", description="x264's preset"
    )
    crf: Annotated[int, Field(ge=10, le=28)] = Field(default=23, description="x264's quality; higher is coarser")
    max_kbps: Annotated[int, Field(ge=100, le=100_000)] = Field(default=4000, description="Cap on the bit rate, kbit/s")
    gop: Duration = Field(default=said("1s"), description="Longest time between key frames")
    threads: Annotated[int, Field(ge=1, le=16)] = Field(default=1, description="Threads of the encoder")


class Push(Section):
    """A server of your own that gets the veiled stream."""

    path: str = Field(pattern=RTSP, description="rtsp://host:port/path")
    username: str | None = Field(default=None, description="There")
    password: str | None = Field(default=None, description="There; write {PASSERBY_...}")


class Onvif(Section):
    """The camera's ONVIF service, as in Frigate: its users are listed, and its motion is asked for."""

    host: str = Field(min_length=1, description="Address")
    port: Port = Field(default=80, description="Port")
    user: str | None = Field(default=None, description="User; left out: the input's")
    password: str | None = Field(default=None, description="Write {PASSERBY_...}; left out: the input's")
    ptz: bool = Field(
        default=False, description="The camera can move: covered whole while it moves or is away from home"
    )
    home: list[float] | None = Field(
        default=None,
        min_length=3,
        max_length=3,
        description="Pan, tilt, zoom at which the zones apply; passerby doctor --camera tells the present ones",
    )


class PlaceSection(Section):
    """Where the camera stands, as exactly as you publish it."""

    latitude: Annotated[float, Field(ge=-90, le=90)] = Field(description="Degrees, WGS 84")
    longitude: Annotated[float, Field(ge=-180, le=180)] = Field(description="Degrees, WGS 84")


class CameraRegister(Section):
    """What the public register states about the camera. What is left out comes from register."""

    label: str | None = Field(
        default=None, min_length=1, max_length=200, description="In public words; left out: friendly_name"
    )
    purpose: Texts | None = Field(default=None, description="Why it films: a text, or texts by language (en: ...)")
    legal_basis: Texts | None = Field(default=None, description="What allows it")
    position: str | None = Field(default=None, pattern=POSITION, description="As passerby law positions names it")
    place: PlaceSection | None = Field(default=None, description="On the map")
    contact: str | None = Field(default=None, description="https:// or mailto:, where it differs from the operator's")
    heartbeat: Duration | None = Field(default=None, description="Time between two statements of counts, 1m to 24h")


class CameraSection(Section):
    """One camera. A plain text instead of this is its source."""

    enabled: bool = Field(default=True, description="false: not run and served nowhere")
    friendly_name: str = Field(default="", max_length=100, description="For people")
    source: str | None = Field(default=None, min_length=1, description="Short for inputs with one path")
    inputs: list[Input] | None = Field(
        default=None, min_length=1, max_length=1, description="Where its pictures come from"
    )
    ffmpeg: Ffmpeg | None = Field(default=None, description="Frigate's place for inputs")
    detect: Detect = Field(default_factory=Detect, description="How faces are found")
    privacy: Privacy = Field(default_factory=Privacy, description="How they are covered")
    zones: dict[str, ZoneSection] = Field(
        default={}, max_length=100, description="Parts that are always covered, by name"
    )
    record: Record = Field(default_factory=Record, description="Recording")
    output: Output = Field(default_factory=Output, description="The veiled stream")
    push: list[Push] = Field(default=[], max_length=8, description="Servers that get the veiled stream")
    onvif: Onvif | None = Field(default=None, description="ONVIF service")
    register_: CameraRegister = Field(default_factory=CameraRegister, alias="register", description="Public statement")

    @field_validator("zones")
    @classmethod
    def _zone_names(cls, zones: dict[str, ZoneSection]) -> dict[str, ZoneSection]:
        for name in zones:
            if not 0 < len(name) <= 64:
                raise ValueError(f"must have names of 1 to 64 characters, got {name!r}")
        return zones

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [self.source is not None, self.inputs is not None, self.ffmpeg is not None]
        if sum(given) != 1:
            raise ValueError("must have exactly one of inputs, ffmpeg.inputs and source")
        return self

    @property
    def input(self) -> Input:
        """Return the one input."""
        if self.source is not None:
            return Input(path=self.source)
        return (self.inputs or (self.ffmpeg.inputs if self.ffmpeg else []))[0]
