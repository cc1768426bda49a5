"""Who may open how: the file that names authorities, how many are needed, the custodian and the retention."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import rfc8785
import yaml

from passerby.errors import ConfigError, PasserbyError
from passerby.values import Digest, digest_bytes
from passerby_seal.keys.hybrid import SealingKey
from passerby_seal.refusals import SealFormatError

MOST_AUTHORITIES = 7
"""Seeds of replicated sharing grow as C(n, m - 1); with seven they are 35 at most."""
LEAST_NEEDED = 2
MOST_HOURS = 720
"""As the register has it: thirty days."""
USUAL_HOURS = 72
"""Where the file says nothing of retention."""
Who = Literal["authority", "operator"]
_MOST_BYTES = 1 << 16
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_HOURS = re.compile(r"([1-9][0-9]{0,3})h")
_COUNT = re.compile(r"[1-9]")
_WRITTEN = "docs/seal.md shows how authorities.yaml is written; passerby seal policy checks it"


@dataclass(frozen=True, slots=True)
class Authority:
    """One holder of shares.

    Attributes:
        name: Of the office, never of a person.
        role: What it is: a court, a data protection authority, ...
        key: To which its seeds are locked.
    """

    name: str
    role: str
    key: SealingKey


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who holds the keys of camera and hour and destroys them.

    Attributes:
        name: Of the office.
        who: ``operator`` where the gateway's own side holds them, which the public page then says.
        key: For files that are veiled; cameras take a key an hour, made ahead.
    """

    name: str
    who: Who
    key: SealingKey | None = None


@dataclass(frozen=True, slots=True)
class SealPolicy:
    """Any ``needed`` of the authorities open a piece together; fewer learn nothing.

    Attributes:
        needed: m, at least 2.
        authorities: n of them, at most 7; numbered from 1 in this order.
        custodian: Holds the outer keys.
        retention_s: After which these are destroyed, in seconds.
    """

    needed: int
    authorities: tuple[Authority, ...]
    custodian: Custodian
    retention_s: int

    def to_json(self) -> bytes:
        """Return the policy as it stands in packs. Source: docs/seal-format.md, "Policy"."""
        return rfc8785.dumps({
            "authorities": [{"key": one.key.text, "name": one.name, "role": one.role} for one in self.authorities],
            "custodian": {"name": self.custodian.name, "who": self.custodian.who},
            "needed": self.needed,
            "retention_s": self.retention_s,
        })  # fmt: skip

    @property
    def digest(self) -> Digest:
        """By which contexts name the policy."""
        return digest_bytes(self.to_json())


def read_policy(path: Path) -> SealPolicy:
    """Read ``authorities.yaml``.

    Raises:
        ConfigError: it cannot be read, or is not right, with file and line; never with what stands there if it is no YAML,
            which may be a private key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror or exc}", hint=_WRITTEN) from exc
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path}:1: policy must be at most {_MOST_BYTES} bytes, got more", hint=_WRITTEN)
    try:
        root = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise ConfigError(
            f"{path}:{line}: policy must be readable YAML in UTF-8, is not at column {column}", hint=_WRITTEN
        ) from None
    return _Reader(path).policy(root)


def is_name(text: str) -> bool:
    r"""Return whether a text can be the name of an office: one line that is not blank, of at most 200 characters.

    >>> is_name("District Court"), is_name(" "), is_name("District\nCourt")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(text)) and text.isprintable() and bool(text.strip())


def parse_policy(data: bytes) -> SealPolicy:
    """Read the policy of a pack, which names no custodian's key.

    Raises:
        SealFormatError: it is none, or not spelled as the format has it.
    """
    try:
        said = json.loads(data)
        custodian = Custodian(said["custodian"]["name"], said["custodian"]["who"])
        authorities = tuple(
            Authority(one["name"], one["role"], SealingKey.parse(one["key"])) for one in said["authorities"]
        )
        policy = SealPolicy(said["needed"], authorities, custodian, said["retention_s"])
        fits = policy.to_json() == data and _within(policy)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise SealFormatError("policy of a pack must be the format's canonical JSON, got something else") from exc
    if not fits:
        raise SealFormatError("policy of a pack must be canonical JSON within the format's bounds, got something else")
    return policy


def _within(policy: SealPolicy) -> bool:
    """Return whether a policy that stands in a pack is one that could have been read from a file."""
    authorities, custodian = policy.authorities, policy.custodian
    lines: list[object] = [custodian.name, *(text for one in authorities for text in (one.name, one.role))]
    return (
        {type(number) for number in (policy.needed, policy.retention_s)} == {int}
        and LEAST_NEEDED <= policy.needed <= len(authorities) <= MOST_AUTHORITIES
        and 3600 <= policy.retention_s <= 3600 * MOST_HOURS
        and custodian.who in get_args(Who)
        and all(isinstance(line, str) and _NAME.fullmatch(line) for line in lines)
        and len({one.key for one in authorities}) == len({one.name for one in authorities}) == len(authorities)
    )


class _Reader:
    """Reads nodes, so that each complaint names its line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def policy(self, root: yaml.Node | None) -> SealPolicy:
        if root is None:
            raise ConfigError(f"{self._path}:1: policy must name authorities, got an empty file", hint=_WRITTEN)
        parts = self._mapping(root, "needed", "custodian", "authorities", optional=("retention",))
        authorities = tuple(self._authorities(parts["authorities"]))
        count = len(authorities)
        if not LEAST_NEEDED <= count <= MOST_AUTHORITIES:
            raise self._wrong(
                parts["authorities"], f"authorities must be {LEAST_NEEDED} to {MOST_AUTHORITIES}, got {count}"
            )
        needed = int(self._text(parts["needed"], _COUNT, "needed must be a number", "3"))
        if not LEAST_NEEDED <= needed <= count:
            raise self._wrong(
                parts["needed"],
                f"needed must be from {LEAST_NEEDED} to the {count} authorities, got {needed}",
                "one hand alone must never open a face",
            )
        hours = self._hours(parts["retention"]) if "retention" in parts else USUAL_HOURS
        return SealPolicy(needed, authorities, self._custodian(parts["custodian"]), hours * 3600)

    def _hours(self, node: yaml.Node) -> int:
        hours = int(self._text(node, _HOURS, "retention must be hours", "72h").removesuffix("h"))
        if hours > MOST_HOURS:
            raise self._wrong(node, f"retention must be at most {MOST_HOURS}h, got {hours}h")
        return hours

    def _authorities(self, node: yaml.Node) -> Iterator[Authority]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, "authorities must be a list")
        names: set[str] = set()
        keys: set[SealingKey] = set()
        for one in node.value:
            parts = self._mapping(one, "name", "role", "key")
            authority = Authority(self._name(parts["name"]), self._name(parts["role"]), self._key(parts["key"]))
            if authority.name in names or authority.key in keys:
                raise self._wrong(one, f"authorities must differ in name and key, got {authority.name!r} twice")
            names.add(authority.name)
            keys.add(authority.key)
            yield authority

    def _custodian(self, node: yaml.Node) -> Custodian:
        parts = self._mapping(node, "name", "who", optional=("key",))
        who = self._text(
            parts["who"], re.compile("authority|operator"), "who must be authority or operator", "authority"
        )
        key = self._key(parts["key"]) if "key" in parts else None
        return Custodian(self._name(parts["name"]), cast("Who", who), key)

    def _mapping(self, node: yaml.Node, *wanted: str, optional: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"{', '.join(wanted)} must stand here, got no mapping")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in (*wanted, *optional):
                raise self._wrong(key, f"key must be one of {', '.join((*wanted, *optional))}, got {key.value!r}")
            if key.value in found:
                raise self._wrong(key, f"{key.value} must stand once, got it twice")
            found[key.value] = value
        for name in wanted:
            if name not in found:
                raise self._wrong(node, f"{name} must stand here, is missing")
        return found

    def _name(self, node: yaml.Node) -> str:
        must = "text must be one line of at most 200 characters"
        text = self._text(node, _NAME, must, "District Court")
        if not is_name(text):
            raise self._wrong(node, f"{must}, such as District Court, got blanks, or characters that do not show")
        return text

    def _text(self, node: yaml.Node, pattern: re.Pattern[str], must: str, such_as: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not pattern.fullmatch(node.value):
            got = repr(node.value[:60]) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            raise self._wrong(node, f"{must}, such as {such_as}, got {got}")
        return str(node.value)

    def _key(self, node: yaml.Node) -> SealingKey:
        if not isinstance(node, yaml.ScalarNode):
            raise self._wrong(node, "key must be text")
        try:
            return SealingKey.parse(node.value)
        except PasserbyError as exc:
            raise self._wrong(node, exc.message, exc.hint) from exc

    def _wrong(self, node: yaml.Node, message: str, hint: str | None = None) -> ConfigError:
        return ConfigError(f"{self._path}:{node.start_mark.line + 1}: {message}", hint=hint or _WRITTEN)
