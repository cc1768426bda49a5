"""Makes a checked file whole: defaults laid under cameras, paths from its folder, logins beside addresses, what is stated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from passerby import sealing
from passerby.errors import ConfigError, PasserbyError
from passerby.gateway.config.camera import NAME_PATTERN, CameraConfig, InputConfig, PushConfig
from passerby.gateway.config.city import CityConfig, RegisterConfig
from passerby.gateway.config.document import YamlDocument
from passerby.gateway.config.key import Path_, Section
from passerby.gateway.config.statement import SealTerms, Statement, digest_of, seal_terms
from passerby.objects import is_address, place_named
from passerby.register import POSITIONS, personal_kind

DEFAULTS = ("detect", "privacy", "record", "output")
"""Sections of the file that lie under those of every camera."""
CanOpen = Callable[[str], bool]
"""Says whether a position of the law can grant any opening of what was sealed."""
S = TypeVar("S", bound=Section)
T = TypeVar("T")


def with_defaults(data: dict[str, object]) -> dict[str, object]:
    """Return the file's data with its defaults laid under each camera, key by key, and short cameras written out."""
    cameras = data.get("cameras")
    if not isinstance(cameras, dict):
        return data
    under = {name: data[name] for name in DEFAULTS if name in data}
    whole = {}
    for name, said in cameras.items():
        camera = {"source": said} if isinstance(said, str) else said
        whole[name] = _over(under, camera) if isinstance(camera, dict) else camera
    return data | {"cameras": whole}


def _over(under: object, said: object) -> object:
    if not isinstance(under, dict) or not isinstance(said, dict):
        return said
    return under | {key: _over(under.get(key), value) for key, value in said.items()}


def built(city: CityConfig, document: YamlDocument, path: Path, can_open: CanOpen | None = None) -> CityConfig:
    """Return the file made whole. Parts that do not fit each other become mistakes of the document."""
    home = path.resolve().parent
    cameras, statements = {}, {}
    _ask_about(_register_words(city.register), document, yes=city.register.yes_public)
    for name, said in city.cameras.items():
        if NAME_PATTERN.fullmatch(name):
            camera = _WrittenCamera(said, document, name)
            whole = camera.whole(home)
            terms = camera.sealed(home, said.register.position or city.register.position, can_open)
            _ask_about(camera.words(said), document, yes=said.register.yes_public)
            statement = camera.statement(whole or said, city.register)
            if whole is not None and statement is not None and (said.seal is None or terms is not None):
                cameras[name], statements[name] = _rooted(whole, home), dataclasses.replace(statement, seal=terms)
    mqtt = city.mqtt if city.mqtt is not None and city.mqtt.enabled else None
    if mqtt is not None:
        prefixes = {key: getattr(mqtt, key).rstrip("/") for key in ("topic_prefix", "discovery_prefix")}
        mqtt = dataclasses.replace(mqtt, **prefixes)
    rooted = _rooted(dataclasses.replace(city, cameras=cameras), home)
    return dataclasses.replace(rooted, mqtt=mqtt, statements=statements, path=path)


Words = list[tuple[Path_, str]]
"""Public words, and where they stand in the file."""


def _register_words(said: RegisterConfig) -> Words:
    operator, here = said.operator, ("register",)
    words: Words = [((*here, "operator", "name"), operator.name)]
    words += [((*here, "operator", "authority"), operator.authority)] if operator.authority else []
    for key, texts in (("purpose", said.purpose), ("legal_basis", said.legal_basis)):
        words += [((*here, key), text) for text in (texts or {}).values()]
    return words


def _ask_about(words: Words, document: YamlDocument, *, yes: bool) -> None:
    """Words that look like a person's stand in public for ever: whoever writes them must say that they may."""
    for place, text in () if yes else words:
        held = personal_kind(text)
        if held is not None:
            told = f"{'.'.join(str(part) for part in place)} is public for ever and looks as if it held {held}"
            hint = "leave it out; or, where it is meant for the public, write yes_public: true under that register"
            document.note(document.error(place, told, hint=hint))


def _rooted(section: S, home: Path) -> S:
    """Return a section whose paths start at the file's folder."""
    found: dict[str, object] = {}
    for field in dataclasses.fields(section):  # type: ignore[arg-type]  # every section is a dataclass
        value = getattr(section, field.name)
        if isinstance(value, Path):
            found[field.name] = home / value
        elif isinstance(value, Section):
            found[field.name] = _rooted(value, home)
    return dataclasses.replace(section, **found)  # type: ignore[type-var]


class _WrittenCamera:
    """One camera of the file, and where it stands in it."""

    def __init__(self, said: CameraConfig, document: YamlDocument, name: str) -> None:
        self.said, self.document, self.name = said, document, name

    def error(self, message: str, *path: str | int, hint: str | None = None) -> ConfigError:
        return self.document.error(("cameras", self.name, *path), message, hint=hint)

    def noted(self, make: Callable[[], T]) -> T | None:
        """Return what is made, or None where it is a mistake, which is noted: it hides no other."""
        try:
            return make()
        except ConfigError as exc:
            self.document.note(exc)
            return None

    def note(self, message: str, *path: str | int, hint: str | None = None) -> None:
        self.document.note(self.error(message, *path, hint=hint))

    def whole(self, home: Path) -> CameraConfig | None:
        """Return the camera made whole, or None after every mistake of it was noted."""
        said = self.said
        fits = (said.privacy.style == "img") == (said.privacy.image is not None)
        if not fits:
            self.note("privacy.image must be given for style img, and only then", "privacy")
        source = self.noted(lambda: self.input(home))
        pushes = [self.noted(partial(self.pushed, place, push)) for place, push in enumerate(said.push)]
        push = tuple(one for one in pushes if one is not None)
        homed = self.has_home()
        if source is None or not (fits and homed) or len(push) < len(pushes):
            return None
        onvif = said.onvif
        if onvif is not None:
            user, password = onvif.user or source.username, onvif.password or source.password
            onvif = dataclasses.replace(onvif, user=user, password=password)
        seal = said.seal
        if seal is not None and not is_address(seal.store):
            seal = dataclasses.replace(seal, store=str(home / seal.store))
        return dataclasses.replace(
            said, name=self.name, source=source, inputs=None, ffmpeg=None, push=push, onvif=onvif, seal=seal
        )

    def sealed(self, home: Path, position: str | None, can_open: CanOpen | None) -> SealTerms | None:
        """Return what must be announced of the faces that it keeps, or None: it keeps none, or may not, which is noted."""
        seal = self.said.seal
        if seal is None:
            return None
        if not sealing.installed():
            self.note("seal is refused: sealing must be installed, is not", "seal", hint=sealing.HINT)
            return None
        try:
            place_named(seal.store)
            policy = sealing.load("keys").read_policy(home / seal.policy)
        except PasserbyError as exc:
            self.note(f"seal is refused: {exc.message}", "seal", hint=exc.hint)
            return None
        if position is not None and (can_open is None or not can_open(position)):
            words = f"seal is refused: position {position} can grant no opening"
            self.note(words, "seal", hint="leave seal out: what nobody may ever open is not kept")
            return None
        return seal_terms(policy)

    def input(self, home: Path) -> InputConfig:
        given = self.said.input
        place: Path_ = ("source",)
        if self.said.source is None:
            place = ("ffmpeg", "inputs", 0) if self.said.ffmpeg else ("inputs", 0)
        url, user, password = self.without_login(given.url, *place)
        if user is not None and given.username is not None:
            raise self.error("user and password must stand in path or beside it, stand in both", *place)
        if "://" not in url and not url.startswith("/dev/video"):
            url = str(home / url)
        made = dataclasses.replace(
            given,
            url=url,
            username=given.username or user,
            password=given.password or password,
            tls_ca=home / given.tls_ca if given.tls_ca is not None else None,
        )
        try:
            _ = made.kind
        except ConfigError as exc:
            raise self.error(exc.message, "inputs", 0, "path") from exc
        return made

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

    def pushed(self, place: int, push: PushConfig) -> PushConfig:
        url, user, password = self.without_login(push.url, "push", place)
        return PushConfig(url, push.username or user, push.password or password)

    def has_home(self) -> bool:
        """Return whether it says where its zones apply, if it must."""
        onvif = self.said.onvif
        if onvif is None or not onvif.ptz or not self.said.zones or onvif.home is not None:
            return True
        self.note(
            f"camera {self.name} moves and has zones, so onvif.home must say where they apply", "onvif",
            hint="bring it there and run passerby doctor --camera, which tells its position",
        )  # fmt: skip
        return False

    def words(self, camera: CameraConfig) -> Words:
        """Return what of the camera's own words becomes public."""
        here, said = ("cameras", self.name), camera.register
        place = (*here, "register", "label") if said.label else (*here, "friendly_name")
        words: Words = [(place, said.label or camera.friendly_name or self.name)]
        for key, texts in (("purpose", said.purpose), ("legal_basis", said.legal_basis)):
            words += [((*here, "register", key), text) for text in (texts or {}).values()]
        return words

    def must_state(self, **values: object) -> None:
        for word, value in values.items():
            if value is None:
                self.note(
                    f"camera {self.name} must state its {word} for the register, states none",
                    hint=f"write it under register of the camera, or once for all under register: {word}",
                )

    def statement(self, camera: CameraConfig, common: RegisterConfig) -> Statement | None:
        """Return what is stated, or None after every mistake of it was noted."""
        said, place = camera.register, camera.register.place
        purpose, basis = said.purpose or common.purpose, said.legal_basis or common.legal_basis
        position = said.position or common.position
        self.must_state(purpose=purpose, legal_basis=basis, position=position)
        if position is not None and position not in POSITIONS:
            words = f"position must be one of {', '.join(POSITIONS)}, got {position}"
            where = ("cameras", self.name, "register", "position") if said.position else ("register", "position")
            self.document.note(self.document.error(where, words, hint="see passerby law show"))
        if purpose is None or basis is None or position not in POSITIONS:
            return None
        return Statement(
            label=said.label or camera.friendly_name or self.name,
            purpose=tuple(sorted(purpose.items())),
            legal_basis=tuple(sorted(basis.items())),
            position=position,
            retention_h=-(-int(camera.record.retain.days * 24 * 100) // 100) if camera.record.enabled else 0,
            heartbeat_s=int(said.heartbeat_s or common.heartbeat_s),
            place_e6=(round(place.latitude * 1e6), round(place.longitude * 1e6)) if place else None,
            contact=said.contact,
            configuration=digest_of(camera),
        )
