"""CycloneDX 1.0 to 1.6, JSON and XML: components with package URLs and digests, models with their cards, dependencies."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from passerby.errors import ScanError
from passerby.scan.files import XmlElement, list_of, read_json, read_xml, table_of, text_of
from passerby.scan.packages.bills import MOST_PARTS, Bill, Part, observe
from passerby.scan.values import Observation, TargetFile


def read_cyclonedx_json(file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill in JSON says.

    Raises:
        ScanError: it is no JSON, or has more than half a million parts.
    """
    document = table_of(read_json(file))
    bill = Bill()
    root = table_of(document.get("metadata")).get("component")
    _add_parts(bill, [root] if root else [], above="", roots=True)
    _add_parts(bill, [*list_of(document.get("components")), *list_of(document.get("services"))], above="")
    for one in map(table_of, list_of(document.get("dependencies"))):
        bill.needs.setdefault(text_of(one.get("ref")), []).extend(
            text_of(other) for other in [*list_of(one.get("dependsOn")), *list_of(one.get("provides"))]
        )
    yield from observe(bill, file)


def _add_parts(bill: Bill, components: list[object], *, above: str, roots: bool = False) -> None:
    left = deque((table_of(component), above) for component in components)
    while left:
        component, above = left.popleft()
        reference = text_of(component.get("bom-ref")) or f"#{len(bill.parts)}"
        if len(bill.parts) >= MOST_PARTS:
            raise ScanError(f"bill of materials must have at most {MOST_PARTS} parts, got more")
        bill.parts[reference] = _part(component)
        if above:
            bill.needs.setdefault(above, []).append(reference)
        elif roots:
            bill.roots.append(reference)
        left += ((table_of(inner), reference) for inner in list_of(component.get("components")))


def _part(component: dict[str, object]) -> Part:
    group, name = text_of(component.get("group")), text_of(component.get("name"))
    hashes = [table_of(one) for one in list_of(component.get("hashes"))]
    parameters = table_of(table_of(component.get("modelCard")).get("modelParameters"))
    use = table_of(table_of(component.get("modelCard")).get("considerations"))
    tasks = map(text_of, [parameters.get("task"), *list_of(use.get("useCases")), *list_of(component.get("tags"))])
    return Part(
        f"{group}/{name}" if group else name,
        text_of(component.get("version")),
        text_of(component.get("purl")),
        tuple(text_of(one.get("content")).lower() for one in hashes if one.get("alg") == "SHA-256"),
        component.get("type") == "file",
        component.get("type") == "machine-learning-model",
        tuple(filter(None, tasks)),
    )


def read_cyclonedx_xml(file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill in XML says; it is brought into the form of the JSON first.

    Raises:
        ScanError: it is no XML, or has more than half a million parts.
    """
    document = read_xml(file)
    bill = Bill()
    _add_parts(bill, [_as_table(one) for one in document.all("metadata", "component")], above="", roots=True)
    listed = [*document.all("components", "component"), *document.all("services", "service")]
    _add_parts(bill, [_as_table(one) for one in listed], above="")
    for one in document.all("dependencies", "dependency"):
        bill.needs.setdefault(one.attributes.get("ref", ""), []).extend(
            other.attributes.get("ref", "") for other in one.children
        )
    yield from observe(bill, file)


def _as_table(element: XmlElement) -> object:
    """Return a component of XML as JSON writes it; nesting is bounded by the reader of XML."""
    return {
        "bom-ref": element.attributes.get("bom-ref", ""),
        "type": element.attributes.get("type", ""),
        **{key: element.value(key) for key in ("group", "name", "version", "purl")},
        "tags": [one.text for one in element.all("tags", "tag")],
        "hashes": [{"alg": one.attributes.get("alg"), "content": one.text} for one in element.all("hashes", "hash")],
        "modelCard": {
            "modelParameters": {"task": element.value("modelCard", "modelParameters", "task")},
            "considerations": {
                "useCases": [one.text for one in element.all("modelCard", "considerations", "useCases", "useCase")]
            },
        },
        "components": [_as_table(one) for one in element.all("components", "component")],
    }
