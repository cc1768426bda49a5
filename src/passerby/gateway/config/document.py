"""Reads one YAML file into plain data, with the line of every key and value, so that each mistake can name its line.

YAML 1.2's core words only: ``true``, ``false``, ``null`` and decimal numbers. So ``22:00`` stays a text (YAML 1.1
makes 1320 of it) and ``no`` is no switch. Keys may stand only once; anchors, aliases and merge keys work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from passerby.errors import ConfigError
from passerby.gateway.config.key import Path_
from passerby.gateway.config.secret import SECRET, SecretStore, cut_for_secrets

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000
"""Values after aliases are followed; a city of 500 cameras has under 20,000."""
_TAGS = frozenset({"map", "seq", "str", "bool", "null", "int", "float", "merge"})


class _Loader(yaml.SafeLoader):
    """Resolves YAML 1.2's core words."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False|TRUE|FALSE", "tfTF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )


@dataclass(slots=True)
class YamlDocument:
    """A file's data and where each part stands.

    Attributes:
        name: The file, for messages.
        data: Mappings, lists, texts, numbers.
        lines: Line of each value, from 1, by its path.
        secret: Paths of values into which a secret was put; these are never shown.
        mistakes: Line, what is wrong and a hint, of all that was found and did not end the reading.
        unknown: Paths of values whose secret is missing: nothing can be said about them.
    """

    name: str
    data: object = None
    lines: dict[Path_, int] = field(default_factory=dict)
    secret: set[Path_] = field(default_factory=set)
    mistakes: list[tuple[int, str, str]] = field(default_factory=list)
    unknown: set[Path_] = field(default_factory=set)

    def line(self, path: Path_) -> int:
        """Return the line of a path, or of the nearest part above it that stands in the file."""
        return self.lines.get(path[: self.depth(path)], 1)

    def depth(self, path: Path_) -> int:
        """Return how much of a path stands in the file, in parts."""
        return next((depth for depth in range(len(path), 0, -1) if path[:depth] in self.lines), 0)

    def error(self, path: Path_, message: str, *, hint: str | None = None) -> ConfigError:
        """Return an error about the value at a path."""
        return ConfigError(f"{self.name}:{self.line(path)}: {message}", hint=hint)

    def note(self, error: ConfigError) -> None:
        """Keep an error to be told with all others; one without a line stands in the first."""
        line, colon, text = error.message.removeprefix(f"{self.name}:").partition(": ")
        found = (int(line), text) if colon and line.isdecimal() else (1, error.message)
        # where a secret is missing, what else is said about its line may come from that
        if found[0] not in {self.line(path) for path in self.unknown}:
            self.mistakes.append((*found, error.hint or ""))


def read_document(path: Path, environment: Mapping[str, str], secret_folders: tuple[Path, ...] = ()) -> YamlDocument:
    """Read a configuration file.

    Args:
        path: The file.
        environment: For ``{PASSERBY_...}``.
        secret_folders: Where else such a name may stand, as a file.

    Raises:
        ConfigError: it cannot be read or does not parse. A key that stands twice and a secret that is missing are noted.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            f"{path}: configuration must be readable, got {exc.strerror}", hint="docs/operate.md has a first city.yml"
        ) from exc
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: configuration must have at most {MAX_BYTES} bytes, got {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: configuration must be UTF-8, got other bytes at {exc.start}") from exc
    return parse_document(text, str(path), environment, secret_folders)


def parse_document(
    text: str, name: str, environment: Mapping[str, str], secret_folders: tuple[Path, ...] = ()
) -> YamlDocument:
    """Parse what ``read_document`` read; see there."""
    try:
        loader = _Loader(text)
    except yaml.YAMLError as exc:
        raise ConfigError(f"{name}:1: configuration must be YAML, holds characters that it may not") from exc
    try:
        root = loader.get_single_node()
        reader = _NodeReader(YamlDocument(name), loader, environment, secret_folders)
        reader.document.data = reader.value(root, ()) if root is not None else {}
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(exc, "problem", None) or "it is no YAML"
        raise ConfigError(f"{name}:{line}: configuration must be YAML: {problem}") from exc
    except RecursionError as exc:
        raise ConfigError(f"{name}:1: configuration is nested too deep") from exc
    finally:
        loader.dispose()
    return reader.document


class _NodeReader:
    def __init__(
        self, document: YamlDocument, loader: _Loader, environment: Mapping[str, str], folders: tuple[Path, ...]
    ) -> None:
        self.document, self._loader, self._secrets = document, loader, SecretStore(environment, folders)
        self._count = 0

    def value(self, node: Node, path: Path_) -> object:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES or len(path) > 20:
            raise ConfigError(f"{self.document.name}:{line}: configuration holds too much, or an alias holds itself")
        self.document.lines.setdefault(path, line)
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            raise ConfigError(f"{self.document.name}:{line}: value must be plain, got the tag {node.tag}")
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(child, (*path, place)) for place, child in enumerate(node.value)]
        found: object = self._loader.construct_object(node)
        return self._with_secrets(found, path) if isinstance(found, str) else found

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, object]:
        found: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                for source in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
                    if not isinstance(source, MappingNode):
                        raise ConfigError(f"{self.document.name}:{line}: << must be followed by a mapping")
                    merged = self._mapping(source, path) | merged
                continue
            if not isinstance(key_node, ScalarNode):
                raise ConfigError(f"{self.document.name}:{line}: key must be a word, got a list or mapping")
            key = str(key_node.value)
            if key in found:
                first = self.document.lines[(*path, key)]
                self.document.mistakes.append((line, f"{key} must stand once, stands in line {first} too", ""))
                continue
            self.document.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return merged | found

    def _with_secrets(self, text: str, path: Path_) -> str:
        if SECRET.search(text) is None:
            return text
        before, inside, after = cut_for_secrets(text, path)
        for name in SECRET.findall(before + after):
            self._mistake(
                path,
                f"secret {name} must stand in a password, a token or the login of an address, stands elsewhere",
                "write the value itself there",
            )

        def secret(match: re.Match[str]) -> str:
            self.document.secret.add(path)
            found = self._secret(match[1], path)
            # in an address, a password's own @, : and / must not cut it
            return quote(found, safe="") if before else found

        return before + SECRET.sub(secret, inside) + after

    def _secret(self, name: str, path: Path_) -> str:
        try:
            found = self._secrets.find(name)
        except ConfigError as exc:
            raise self.document.error(path, exc.message) from exc
        if found is None:
            hint = f"set it in the environment, or as a file {name} in /run/secrets"
            self._mistake(path, f"secret {name} must be set, is not", hint)
        return found or ""

    def _mistake(self, path: Path_, text: str, hint: str) -> None:
        self.document.unknown.add(path)
        self.document.mistakes.append((self.document.line(path), text, hint))
