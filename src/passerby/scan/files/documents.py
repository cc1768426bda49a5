"""Text, JSON, TOML, YAML and XML of a target, read within bounds; whatever is wrong with them is a ScanError with its reason.

Nothing is fetched, no entity is expanded, no tag makes an object, and nesting is bounded before a parser that recurses sees it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from xml.parsers import expat

import yaml

from passerby.errors import ScanError
from passerby.scan.values import TargetFile

MOST_BYTES = 32 << 20
"""Of a document that is held whole; lock files and bills of materials of large products have a few megabytes."""
MOST_DEPTH = 100
MOST_ELEMENTS = 1_000_000
T = TypeVar("T")
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# what is left open ends with the file, so that no position is tried twice
_JSONC = re.compile(r'"(?:[^"\\]|\\.)*"?|//[^\n]*|/\*(?:.*?\*/|.*)|,(?=\s*[}\]])', re.S)


@dataclass(slots=True)
class XmlElement:
    """One element of an XML document.

    Attributes:
        name: Without its namespace.
        attributes: By local name.
        text: What stands directly in it, without white space around.
        children: In order.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[XmlElement] = field(default_factory=list)

    def all(self, *path: str) -> list[XmlElement]:
        """Return the elements at the end of a path of names, in order."""
        found = [self]
        for name in path:
            found = [child for element in found for child in element.children if child.name == name]
        return found

    def value(self, *path: str) -> str:
        """Return the text of the first element at the end of a path, or an empty one."""
        return next((element.text for element in self.all(*path)), "")


def read_text(file: TargetFile, most_bytes: int = MOST_BYTES) -> str:
    """Return a file as text: UTF-8, or UTF-16 where it says so; bytes that are neither become U+FFFD.

    Raises:
        ScanError: it is longer than ``most_bytes``.
    """
    data = file.read(most_bytes)
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return data.decode("utf-16" if wide else "utf-8-sig", "replace").replace("\r\n", "\n")


def read_json(file: TargetFile, *, lenient: bool = False) -> object:
    """Return a JSON document.

    Args:
        file: Of at most 32 MiB.
        lenient: Comments and commas before a closing bracket are allowed.

    Raises:
        ScanError: it is too long, too deep or no JSON.
    """
    text = read_text(file)
    if lenient:
        text = _JSONC.sub(lambda match: match[0] if match[0].startswith('"') else "", text)
    return _parsed(json.loads, text, "JSON")


def read_toml(file: TargetFile, most_bytes: int = 8 << 20) -> dict[str, object]:
    """Return a TOML document.

    Raises:
        ScanError: it is too long, too deep or no TOML.
    """
    document = _parsed(tomllib.loads, read_text(file, most_bytes), "TOML")
    return document if isinstance(document, dict) else {}


def read_yaml(file: TargetFile, most_bytes: int = 8 << 20) -> object:
    """Return the first document of a YAML file: dictionaries, lists and texts; numbers and dates stay text.

    Raises:
        ScanError: it is too long, too deep or no YAML.
    """
    return _parsed(_compose, read_text(file, most_bytes), "YAML")


def read_xml(file: TargetFile, most_bytes: int = MOST_BYTES) -> XmlElement:
    """Return the root element of an XML document.

    Raises:
        ScanError: it is too long, too deep, declares entities or is no XML.
    """
    element = _parsed(_elements, file.read(most_bytes), "XML")
    if not isinstance(element, XmlElement):
        raise ScanError("document must be XML, got no element")
    return element


def table_of(value: object) -> dict[str, object]:
    """Return a value of a document if it is a table, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """Return a value of a document if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a value of a document if it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def _parsed(parse: Callable[[T], object], document: T, kind: str) -> object:
    try:
        return parse(document)
    except RecursionError as exc:
        raise ScanError(f"document must be {kind} of at most {MOST_DEPTH} levels, got more") from exc
    except (ValueError, LookupError, yaml.YAMLError, expat.ExpatError) as exc:
        raise ScanError(f"document must be {kind}, got something else ({type(exc).__name__})") from exc


def _compose(text: str) -> object:
    """Build the first document from events: the composer of PyYAML's C loader recurses without a bound and crashes."""
    anchors: dict[str, object] = {}
    stack: list[tuple[object, list[str]]] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.ScalarEvent):
            value: object = event.value
        elif isinstance(event, yaml.AliasEvent):
            value = anchors.get(event.anchor or "")
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
            _keep(anchors, event.anchor, value)
            stack.append((value, []))
            if len(stack) > MOST_DEPTH:
                raise RecursionError
            continue
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            value = stack.pop()[0]
        else:
            continue
        if isinstance(event, yaml.ScalarEvent):
            _keep(anchors, event.anchor, value)
        if not stack:
            return value
        _put(*stack[-1], value)
    return None


def _keep(anchors: dict[str, object], anchor: str | None, value: object) -> None:
    if anchor:
        anchors[anchor] = value


def _put(holder: object, key: list[str], value: object) -> None:
    """Add a value to the list or dictionary that is being built; keys that are no text are dropped with their values."""
    if isinstance(holder, list):
        holder.append(value)
    elif isinstance(holder, dict):
        if key:
            holder[key.pop()] = value
        else:
            key.append(value if isinstance(value, str) else "")


def _elements(data: bytes) -> XmlElement:
    top = XmlElement("")
    stack = [top]
    texts: list[list[str]] = [[]]
    count = 0
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > MOST_DEPTH or count > MOST_ELEMENTS:
            raise RecursionError
        element = XmlElement(_local(name), {_local(key): value for key, value in attributes.items()})
        stack[-1].children.append(element)
        stack.append(element)
        texts.append([])

    def end(_name: str) -> None:
        stack.pop().text = "".join(texts.pop()).strip()

    def text(data: str) -> None:
        texts[-1].append(data)

    def entity(*_declared: object) -> None:
        raise ValueError("entities are not expanded")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = entity
    parser.buffer_text = True
    parser.Parse(data, True)
    if not top.children:
        raise ValueError("no element")
    return top.children[0]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
