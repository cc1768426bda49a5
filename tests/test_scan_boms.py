"""Bills of materials: CycloneDX and SPDX in their forms, models in them, and what brought a package in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.scan import Ability, Confidence, Finding, FindingKind, PackageMention, Rating, Unread, read_catalogue
from passerby.scan.files import BytesFile
from passerby.scan.packages import READERS, join_packages

PURL = "pkg:pypi/insightface@0.7.3"
CHAIN = ("shop", "booth", "insightface")


def observe(path: str, content: object) -> list[object]:
    raw = content if isinstance(content, bytes) else content if isinstance(content, str) else json.dumps(content)
    file = BytesFile(raw if isinstance(raw, bytes) else raw.encode(), path)
    return [one for reader in READERS if reader.wants(file) for one in reader.read(file)]


def packages(path: str, content: object) -> tuple[Finding, ...]:
    listed = [one for one in observe(path, content) if isinstance(one, PackageMention)]
    return join_packages(listed, read_catalogue())


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"type": "application", "name": "shop", "bom-ref": "root"}},
    "components": [
        {"type": "library", "name": "booth", "bom-ref": "b", "purl": "pkg:npm/booth@1"},
        {"type": "library", "name": "insightface", "version": "0.7.3", "bom-ref": "i", "purl": PURL},
        {"type": "library", "name": "other", "bom-ref": "o", "purl": "pkg:pypi/other@1"},
    ],
    "dependencies": [
        {"ref": "root", "dependsOn": ["o", "b"]},
        {"ref": "b", "dependsOn": ["i"]},
        {"ref": "o", "dependsOn": ["b"]},
    ],
}
CYCLONEDX_XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
  <metadata><component type="application" bom-ref="root"><name>shop</name></component></metadata>
  <components>
    <component type="library" bom-ref="b"><name>booth</name><purl>pkg:npm/booth@1</purl>
      <components>
        <component type="library" bom-ref="i"><name>insightface</name><version>0.7.3</version>
          <purl>pkg:pypi/insightface@0.7.3</purl></component>
      </components>
    </component>
  </components>
  <dependencies><dependency ref="root"><dependency ref="b"/></dependency></dependencies>
</bom>"""
SPDX_2 = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "documentDescribes": ["SPDXRef-a"],
    "packages": [
        {"SPDXID": "SPDXRef-a", "name": "shop"},
        {"SPDXID": "SPDXRef-b", "name": "booth"},
        {
            "SPDXID": "SPDXRef-i",
            "name": "insightface",
            "versionInfo": "0.7.3",
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": PURL}
            ],
        },
    ],
    "relationships": [
        {"spdxElementId": "SPDXRef-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-b"},
        {"spdxElementId": "SPDXRef-i", "relationshipType": "DEPENDENCY_OF", "relatedSpdxElement": "SPDXRef-b"},
    ],
}
SPDX_TAGS = f"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a

PackageName: shop
SPDXID: SPDXRef-a

PackageName: booth
SPDXID: SPDXRef-b

PackageName: insightface
SPDXID: SPDXRef-i
PackageVersion: 0.7.3
ExternalRef: PACKAGE-MANAGER purl {PURL}

Relationship: SPDXRef-a DEPENDS_ON SPDXRef-b
Relationship: SPDXRef-b CONTAINS SPDXRef-i
"""
SPDX_3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "SpdxDocument", "spdxId": "d", "rootElement": ["a"]},
        {"type": "software_Package", "spdxId": "a", "name": "shop"},
        {"type": "software_Package", "spdxId": "b", "name": "booth"},
        {
            "type": "software_Package",
            "spdxId": "i",
            "name": "insightface",
            "software_packageVersion": "0.7.3",
            "externalIdentifier": [
                {"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": PURL}
            ],
        },
        {"type": "Relationship", "from": "a", "relationshipType": "dependsOn", "to": ["b"]},
        {"type": "LifecycleScopedRelationship", "from": "b", "relationshipType": "dependsOn", "to": ["i"]},
    ],
}
BILLS = {
    "bom.json": CYCLONEDX,
    "sbom.cdx.xml": CYCLONEDX_XML,
    "x.spdx.json": SPDX_2,
    "x.spdx": SPDX_TAGS,
    "x.spdx.yaml": SPDX_2,
    "three.spdx.json": SPDX_3,
    "three.jsonld": SPDX_3,
    "any-name.json": SPDX_2,
}


@pytest.mark.parametrize("path", BILLS)
def test_a_bill_names_the_component_with_its_version_and_its_chain(path: str) -> None:
    (finding,) = packages(path, BILLS[path])
    assert finding.component == "insightface"
    assert finding.version == "0.7.3"
    assert finding.chain == CHAIN
    assert finding.rating is Rating.IDENTIFIES
    assert finding.confidence is Confidence.CERTAIN
    assert finding.path == path
    assert "only named" in finding.note


def model(**stated: object) -> dict[str, object]:
    component = {"type": "machine-learning-model", "bom-ref": "m", "name": "a-model", **stated}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}


def found(content: object, path: str = "bom.json") -> list[Finding]:
    return [one for one in observe(path, content) if isinstance(one, Finding)]


def test_a_model_is_known_by_its_digest() -> None:
    sha256, (component, weights) = next(iter(read_catalogue().by_sha256.items()))
    (one,) = found(model(hashes=[{"alg": "SHA-256", "content": sha256.upper()}, {"alg": "MD5", "content": "00"}]))
    assert (one.component, one.kind, one.confidence) == (component.id, FindingKind.MODEL, Confidence.CERTAIN)
    assert weights.name in one.title
    assert one.digest == f"sha256:{sha256}"
    sums = [{"algorithm": "SHA256", "checksumValue": sha256}]
    named = {"spdxVersion": "SPDX-2.3", "files": [{"SPDXID": "SPDXRef-f", "fileName": "./x", "checksums": sums}]}
    assert [one.component for one in found(named)] == [component.id]
    tags = f"SPDXVersion: SPDX-2.3\nFileName: ./x\nSPDXID: SPDXRef-f\nFileChecksum: SHA256: {sha256}\n"
    assert [one.component for one in found(tags, "x.spdx")] == [component.id]
    graph = [
        {
            "type": "software_File",
            "spdxId": "f",
            "name": "x",
            "verifiedUsing": [{"algorithm": "sha256", "hashValue": sha256}],
        }
    ]
    assert [one.component for one in found({"@context": "https://spdx.org/rdf/3.0.1/x", "@graph": graph})] == [
        component.id
    ]


def test_a_model_is_known_by_a_name_that_is_whole() -> None:
    (one,) = found(model(name="w600k_r50.onnx"))
    assert (one.component, one.confidence) == ("insightface", Confidence.LIKELY)
    for named in ({"name": "w600k_r50"}, {"name": "owner/W600K_R50"}, {"purl": "pkg:huggingface/owner/insightface@1"}):
        assert [one.component for one in found(model(**named))] == ["insightface"]
    assert found(model(name="not-w600k_r50.onnx")) == []
    assert found(model(name="notes about insightface")) == []


@pytest.mark.parametrize(
    ("task", "rating", "ability"),
    [
        ("face-recognition", Rating.IDENTIFIES, Ability.SEARCH),
        ("Face Verification", Rating.IDENTIFIES, Ability.VERIFY),
        ("face_detection", Rating.DOES_NOT, Ability.DETECT),
        ("facial emotion recognition", Rating.DOES_NOT, Ability.EMOTION),
    ],
)
def test_a_model_card_that_states_its_task_is_believed(task: str, rating: Rating, ability: Ability) -> None:
    card = {"modelParameters": {"task": task}}
    (one,) = found(model(modelCard=card))
    assert (one.rating, one.kind, one.confidence) == (rating, FindingKind.MODEL, Confidence.LIKELY)
    assert ability in one.abilities
    (xml,) = found(
        '<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components><component type="machine-learning-model"><name>m</name>'
        f"<modelCard><modelParameters><task>{task}</task></modelParameters></modelCard></component></components></bom>",
        "bom.xml",
    )
    assert xml.rating is rating
    graph = [{"type": "ai_AIPackage", "spdxId": "m", "name": "m", "ai_domain": [task]}]
    (third,) = found({"@context": "https://spdx.org/rdf/3.0.1/x", "@graph": graph})
    assert third.rating is rating


@pytest.mark.parametrize(
    "task", ["image-classification", "surface recognition", "speech recognition", "facerecognition of coins", ""]
)
def test_other_tasks_are_no_finding(task: str) -> None:
    assert found(model(modelCard={"modelParameters": {"task": task}})) == []


def test_a_part_without_a_package_url_is_likely_what_its_whole_name_says() -> None:
    bill = {
        "bomFormat": "CycloneDX",
        "components": [{"type": "library", "name": "insightface"}, {"type": "library", "name": "dlib-notes"}],
    }
    (one,) = found(bill)
    assert (one.component, one.kind, one.confidence) == ("insightface", FindingKind.PACKAGE, Confidence.LIKELY)


def test_a_file_is_not_known_by_the_name_of_a_package() -> None:
    names = ["./lib/insightface", "/x/deepface", "dlib"]
    files = [{"SPDXID": f"SPDXRef-{number}", "fileName": name} for number, name in enumerate(names)]
    assert found({"spdxVersion": "SPDX-2.3", "files": files}) == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("bom.json", '{"bomFormat": "CycloneDX", '),
        ("bom.xml", '<bom xmlns="http://cyclonedx.org/schema/bom/1.4">'),
        (
            "bom.xml",
            '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><bom xmlns="http://cyclonedx.org/schema/bom/1.4">&a;</bom>',
        ),
        ("a.json", '{"bomFormat": ' + "[" * 50_000),
        ("a.spdx.rdf", "<rdf/>"),
    ],
)
def test_a_broken_bill_is_named(path: str, content: str) -> None:
    (one,) = observe(path, content)
    assert isinstance(one, Unread)
    assert one.reason


def test_deep_and_circular_bills_end() -> None:
    nested: dict[str, object] = {"name": "insightface", "purl": PURL}
    for number in range(150):
        nested = {"name": "x", "bom-ref": str(number), "components": [nested]}
    bill = {
        "bomFormat": "CycloneDX",
        "components": [nested],
        "dependencies": [{"ref": "1", "dependsOn": ["2"]}, {"ref": "2", "dependsOn": ["1"]}],
    }
    assert [one.component for one in packages("bom.json", bill)] == ["insightface"]


def test_what_is_no_bill_is_not_read_as_one() -> None:
    assert observe("data.json", {"components": [{"name": "insightface", "purl": PURL}]}) == []
    assert observe("page.xml", "<a>insightface</a>") == []


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from([PURL, "DESCRIBES", "Package", "i"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["components", "packages", "@graph", "name", "purl", "bom-ref", "dependencies", "ref", "dependsOn", "type", "to",
                 "relationships", "metadata", "component", "hashes", "modelCard", "files", "externalRefs", "rootElement"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["bomFormat", "spdxVersion"]),
    st.dictionaries(st.sampled_from(["components", "packages", "@graph", "metadata"]), ODD),
)
def test_no_bill_raises(sign: str, content: dict[str, object]) -> None:
    for one in observe("x.json", {sign: "x"} | content):
        assert isinstance(one, Finding | PackageMention | Unread)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(BILLS)), st.data())
def test_a_damaged_bill_never_raises(path: str, data: st.DataObject) -> None:
    content = BILLS[path]
    raw = bytearray((content if isinstance(content, str) else json.dumps(content)).encode())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=5)):
        raw[place] = data.draw(st.integers(0, 255))
    observe(path, bytes(raw[: data.draw(st.integers(0, len(raw)))]))
