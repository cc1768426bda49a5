"""SPDX 2.2 and 2.3 as JSON, YAML and tags, and SPDX 3.0 as JSON-LD, by hand: packages, files, models, relationships."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passerby.errors import ScanError
from passerby.scan.files import list_of, read_json, read_text, read_yaml, table_of, text_of
from passerby.scan.packages.bills import MOST_PARTS, Bill, Part, observe
from passerby.scan.values import Observation, TargetFile

_DOWN = {
    "CONTAINS", "DEPENDS_ON", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE", "GENERATES", "EXPANDED_FROM_ARCHIVE",
}  # fmt: skip
_UP = {
    "CONTAINED_BY", "DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF",
    "OPTIONAL_DEPENDENCY_OF", "TEST_DEPENDENCY_OF",    "PROVIDED_DEPENDENCY_OF", "PACKAGE_OF", "PREREQUISITE_FOR",
}  # fmt: skip
_DOWN_3 = {
    "contains",
    "dependsOn",
    "hasDynamicLink",
    "hasStaticLink",
    "hasPrerequisite",
    "hasOptionalDependency",
    "hasProvidedDependency",
}


def read_spdx_json(file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill in JSON says, of SPDX 2 or 3.

    Raises:
        ScanError: it is no JSON, or has more than half a million parts.
    """
    document = table_of(read_json(file))
    graph = list_of(document.get("@graph"))
    yield from observe(_third(graph) if graph else _second(document), file)


def read_spdx_yaml(file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill of SPDX 2 in YAML says, which has the form of the JSON.

    Raises:
        ScanError: it is no YAML, or has more than half a million parts.
    """
    yield from observe(_second(table_of(read_yaml(file, 16 << 20))), file)


def _second(document: dict[str, object]) -> Bill:
    bill = Bill(roots=[text_of(one) for one in list_of(document.get("documentDescribes"))])
    for package in map(table_of, list_of(document.get("packages"))):
        references = map(table_of, list_of(package.get("externalRefs")))
        purl = next(
            (text_of(one.get("referenceLocator")) for one in references if one.get("referenceType") == "purl"), ""
        )
        part = Part(
            text_of(package.get("name")),
            text_of(package.get("versionInfo")),
            purl,
            _checksums(package.get("checksums")),
        )
        _add(bill, text_of(package.get("SPDXID")), part)
    for one in map(table_of, list_of(document.get("files"))):
        part = Part(text_of(one.get("fileName")), sha256=_checksums(one.get("checksums")), file=True)
        _add(bill, text_of(one.get("SPDXID")), part)
    for one in map(table_of, list_of(document.get("relationships"))):
        first, second = text_of(one.get("spdxElementId")), text_of(one.get("relatedSpdxElement"))
        _relate(bill, first, text_of(one.get("relationshipType")), second)
    return bill


def _checksums(value: object) -> tuple[str, ...]:
    listed = map(table_of, list_of(value))
    return tuple(text_of(one.get("checksumValue")).lower() for one in listed if one.get("algorithm") == "SHA256")


def _add(bill: Bill, reference: str, part: Part) -> None:
    if len(bill.parts) >= MOST_PARTS:
        raise ScanError(f"bill of materials must have at most {MOST_PARTS} parts, got more")
    bill.parts[reference or f"#{len(bill.parts)}"] = part


def _relate(bill: Bill, first: str, kind: str, second: str) -> None:
    if kind == "DESCRIBES":
        bill.roots.append(second)
    elif kind == "DESCRIBED_BY":
        bill.roots.append(first)
    elif kind in _DOWN:
        bill.needs.setdefault(first, []).append(second)
    elif kind in _UP:
        bill.needs.setdefault(second, []).append(first)


def _third(graph: list[object]) -> Bill:
    """Read the elements of an SPDX 3 document; types may be written short, with a prefix, or as an address."""
    bill = Bill()
    for element in map(table_of, graph):
        kind = text_of(element.get("type")) or text_of(element.get("@type"))
        kind = kind.rpartition("/")[2].rpartition("_")[2]
        reference = text_of(element.get("spdxId")) or text_of(element.get("@id"))
        if kind in ("Package", "AIPackage", "File", "DatasetPackage"):
            _add(bill, reference, replace(_element(element), model=kind == "AIPackage", file=kind == "File"))
        elif kind.endswith("Relationship"):
            others = list_of(element.get("to")) or [element.get("to")]
            for other in map(text_of, others):
                relation = text_of(element.get("relationshipType"))
                if relation == "describes":
                    bill.roots.append(other)
                elif relation in _DOWN_3:
                    bill.needs.setdefault(text_of(element.get("from")), []).append(other)
        elif kind in ("SpdxDocument", "Sbom", "Bom"):
            bill.roots.extend(map(text_of, list_of(element.get("rootElement"))))
    return bill


def _element(element: dict[str, object]) -> Part:
    identifiers = map(table_of, list_of(element.get("externalIdentifier")))
    purls = [
        text_of(one.get("identifier"))
        for one in identifiers
        if text_of(one.get("externalIdentifierType")).lower() in ("packageurl", "purl")
    ]
    purl = next(iter([text_of(element.get("software_packageUrl")), *purls]), "") or next(iter(purls), "")
    hashes = map(table_of, list_of(element.get("verifiedUsing")))
    stated = [element.get("ai_domain"), element.get("ai_typeOfModel"), element.get("ai_informationAboutApplication")]
    tasks = [text_of(text) for value in stated for text in (list_of(value) or [value])]
    return Part(
        text_of(element.get("name")),
        text_of(element.get("software_packageVersion")),
        purl,
        tuple(text_of(one.get("hashValue")).lower() for one in hashes if one.get("algorithm") == "sha256"),
        tasks=tuple(filter(None, tasks)),
    )


def read_tag_value(file: TargetFile) -> Iterator[Observation]:
    """Yield what a bill of SPDX 2 in tags says.

    Raises:
        ScanError: it is too long, or has more than half a million parts.
    """
    bill = Bill()
    held: dict[str, list[str]] = {}
    for line in [*read_text(file).split("\n"), "PackageName: "]:
        tag, _, value = line.partition(":")
        tag, value = tag.strip(), value.strip()
        if tag in ("PackageName", "FileName"):
            _add_held(bill, held)
            held = {}
        if tag == "Relationship":
            first, kind, second = [*value.split(), "", "", ""][:3]
            _relate(bill, first, kind, second)
        elif tag:
            held.setdefault(tag, []).append(value)
    yield from observe(bill, file)


def _add_held(bill: Bill, held: dict[str, list[str]]) -> None:
    name = next(iter(held.get("PackageName", []) or held.get("FileName", [])), "")
    if not name:
        return
    references = [value.split() for value in held.get("ExternalRef", [])]
    purl = next((parts[-1] for parts in references if len(parts) > 2 and parts[1] == "purl"), "")
    sums = [*held.get("PackageChecksum", []), *held.get("FileChecksum", [])]
    digests = tuple(value.partition(":")[2].strip().lower() for value in sums if value.startswith("SHA256:"))
    version = next(iter(held.get("PackageVersion", [])), "")
    _add(bill, next(iter(held.get("SPDXID", [])), ""), Part(name, version, purl, digests, file="FileName" in held))
