"""Declarations of suppliers, signed by the real ssh-keygen, held against what is there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from tests.needs import program
from tests.scan_results import DETECTOR, DIGEST, HOSTILE, INSIGHT, NOW, OPENCV

from passerby import scan
from passerby.cli import main
from passerby.errors import ScanError
from passerby.scan import DeclarationOutcome, Finding, ScanReport, ScanResult
from passerby.scan.declarations.statement import MOST_BYTES, Promise

STATEMENT = """\
schema: passerby-declaration/1
supplier: Example Vision
product: Example VMS
version: "7.2"
promise: {promise}
statement: Our product recognises nobody.
date: 2026-11-01
"""


@dataclass
class Supplier:
    """Signs with a key of its own."""

    key: Path
    folder: Path

    def declare(self, text: str, *, namespace: str = scan.NAMESPACE) -> Path:
        file = self.folder / "declaration.yaml"
        file.write_text(text, encoding="utf-8")
        Path(f"{file}.sig").unlink(missing_ok=True)
        keygen = program("ssh-keygen")
        subprocess.run(
            [keygen, "-q", "-Y", "sign", "-f", self.key, "-n", namespace, file], check=True, capture_output=True
        )
        return file

    def signers(self, *, name: str = "sales@vision.example", options: str = "") -> Path:
        file = self.folder / "signers"
        public = self.key.with_suffix(".pub").read_text().split()[:2]
        file.write_text(" ".join(filter(None, (name, options, *public))) + "\n")
        return file


def supplier(folder: Path, kind: str = "ed25519") -> Supplier:
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    subprocess.run([program("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", "", "-f", key], check=True)
    return Supplier(key, folder)


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Supplier:
    return supplier(tmp_path_factory.mktemp("vision"))


def outcome(file: Path, signers: Path | None, *findings: Finding) -> scan.CheckedDeclaration:
    return scan.check_declaration(scan.read_declaration(file, signers), [ScanResult("t", findings)])


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_signed_declaration_holds_against_nothing(kind: str, tmp_path: Path) -> None:
    maker = supplier(tmp_path, kind)
    checked = outcome(maker.declare(STATEMENT.format(promise="no-faces")), maker.signers())
    assert checked.outcome is DeclarationOutcome.HOLDS
    assert checked.signature.signer == "sales@vision.example"
    assert checked.signature.key.startswith("SHA256:")


@pytest.mark.parametrize(
    ("promise", "finding", "holds"),
    [
        (Promise.IDENTIFIES_NOBODY, INSIGHT, False),
        (Promise.IDENTIFIES_NOBODY, OPENCV, True),
        (Promise.IDENTIFIES_NOBODY, DETECTOR, True),
        (Promise.CANNOT_IDENTIFY, OPENCV, False),
        (Promise.CANNOT_IDENTIFY, DETECTOR, True),
        (Promise.NO_FACES, DETECTOR, False),
    ],
)
def test_a_promise_is_held_against_each_class(
    vision: Supplier, promise: Promise, finding: Finding, *, holds: bool
) -> None:
    checked = outcome(vision.declare(STATEMENT.format(promise=promise)), vision.signers(), finding)
    assert checked.outcome is (DeclarationOutcome.HOLDS if holds else DeclarationOutcome.CONTRADICTED)
    assert checked.against == (() if holds else (finding,))


def test_a_suppressed_finding_contradicts_too(vision: Supplier) -> None:
    signed = scan.read_declaration(vision.declare(STATEMENT.format(promise="identifies-nobody")), None)
    result = ScanResult("t", suppressed=((INSIGHT, "in a test, until 2027-01-01"),))
    assert scan.check_declaration(signed, [result]).outcome is DeclarationOutcome.CONTRADICTED


def test_what_the_supplier_leaves_out_is_named_and_does_not_contradict(vision: Supplier) -> None:
    text = (
        STATEMENT.format(promise="cannot-identify")
        + "excludes:\n  - {component: opencv, reason: never given weights}\n"
    )
    checked = outcome(vision.declare(text), vision.signers(), OPENCV)
    assert checked.outcome is DeclarationOutcome.HOLDS
    assert checked.excluded == (OPENCV,)
    report = ScanReport((ScanResult("t", (OPENCV,)),), NOW, DIGEST, checked)
    assert "left out by the supplier: OpenCV 4.10 (never given weights)" in scan.report_to_text(report)


def test_json_is_a_declaration_as_well(vision: Supplier) -> None:
    values = {"schema": "passerby-declaration/1", "supplier": "S", "product": "P", "promise": "no-faces",
              "statement": "None.", "date": "2026-11-01"}  # fmt: skip
    assert outcome(vision.declare(json.dumps(values)), vision.signers()).outcome is DeclarationOutcome.HOLDS


def test_without_signers_the_key_is_named_and_nobody_vouches_for_it(vision: Supplier) -> None:
    checked = outcome(vision.declare(STATEMENT.format(promise="no-faces")), None)
    assert checked.outcome is DeclarationOutcome.HOLDS
    assert checked.signature.signer == ""
    report = ScanReport((ScanResult("t"),), NOW, DIGEST, checked)
    assert "for which nobody vouches here" in scan.report_to_text(report)


def changed(vision: Supplier, _folder: Path) -> tuple[Path, Path]:
    file = vision.declare(STATEMENT.format(promise="identifies-nobody"))
    file.write_text(file.read_text().replace("identifies-nobody", "no-faces"))
    return file, vision.signers()


def of_another_key(vision: Supplier, folder: Path) -> tuple[Path, Path]:
    return supplier(folder / "other").declare(STATEMENT.format(promise="no-faces")), vision.signers()


def for_something_else(vision: Supplier, _folder: Path) -> tuple[Path, Path]:
    return vision.declare(STATEMENT.format(promise="no-faces"), namespace="git"), vision.signers()


def no_signature_at_all(vision: Supplier, _folder: Path) -> tuple[Path, Path]:
    file = vision.declare(STATEMENT.format(promise="no-faces"))
    Path(f"{file}.sig").write_text("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n")
    return file, vision.signers()


def no_longer_allowed(vision: Supplier, _folder: Path) -> tuple[Path, Path]:
    return vision.declare(STATEMENT.format(promise="no-faces")), vision.signers(options='valid-before="20200101"')


def allowed_for_something_else(vision: Supplier, _folder: Path) -> tuple[Path, Path]:
    return vision.declare(STATEMENT.format(promise="no-faces")), vision.signers(options='namespaces="git"')


@pytest.mark.parametrize(
    "forge",
    [changed, of_another_key, for_something_else, no_signature_at_all, no_longer_allowed, allowed_for_something_else],
)
def test_a_wrong_signature_is_said_and_nothing_follows(
    forge: Callable[[Supplier, Path], tuple[Path, Path]],
    vision: Supplier,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, signers = forge(vision, tmp_path)
    checked = outcome(file, signers)
    assert checked.outcome is DeclarationOutcome.SIGNATURE_WRONG
    assert checked.signature.reason
    target = tmp_path / "empty"
    target.mkdir()
    with pytest.raises(SystemExit) as caught:
        main(["scan", str(target), "--declaration", str(file), "--signers", str(signers)])
    assert caught.value.code == 1
    assert "its signature is wrong" in capsys.readouterr().out


def test_signers_may_share_a_line(vision: Supplier) -> None:
    signers = vision.signers(name="a@vision.example,b@vision.example")
    assert outcome(vision.declare(STATEMENT.format(promise="no-faces")), signers).signature.signer == "a@vision.example"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not fit a declaration"),
        ("- a\n", "does not fit a declaration"),
        (STATEMENT.format(promise="everything"), "'promise' does not fit"),
        (STATEMENT.format(promise="no-faces") + "extra: 1\n", "'extra' does not fit"),
        (STATEMENT.format(promise="no-faces").replace("2026-11-01", "soon"), "'date' does not fit"),
        ("a: [" * 200, "document must be YAML"),
        ("x" * (MOST_BYTES + 1), "at most 65536 bytes"),
    ],
)
def test_what_is_no_declaration_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(text)
    with pytest.raises(ScanError, match=message):
        scan.read_declaration(file, None)


def test_what_is_missing_is_named(vision: Supplier, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="declaration must be readable"):
        scan.read_declaration(tmp_path / "gone.yaml", None)
    file = vision.declare(STATEMENT.format(promise="no-faces"))
    with pytest.raises(ScanError, match="ssh-keygen must be there"):
        scan.read_declaration(file, None, program=str(tmp_path / "no-such-program"))
    with pytest.raises(ScanError, match="file must be readable"):
        scan.read_declaration(file, tmp_path / "gone")
    Path(f"{file}.sig").unlink()
    with pytest.raises(ScanError, match="file must be readable") as caught:
        scan.read_declaration(file, None)
    assert caught.value.hint
    assert "ssh-keygen -Y sign -n passerby-declaration" in caught.value.hint


def test_every_report_tells_it_and_escapes_it(vision: Supplier) -> None:
    hostile = json.dumps({"schema": "passerby-declaration/1", "supplier": HOSTILE.replace("\udcff", ""), "product": "P",
                          "promise": "identifies-nobody", "statement": "<b>None</b>", "date": "2026-11-01"})  # fmt: skip
    checked = outcome(vision.declare(hostile), vision.signers(), INSIGHT)
    report = ScanReport((ScanResult("t", (INSIGHT,)),), NOW, DIGEST, checked)
    values = scan.report_to_json(report)
    jsonschema.Draft202012Validator(scan.read_schema()).validate(values)
    page = scan.report_to_html(report)
    assert "<b>None" not in page
    for text in (
        scan.report_to_text(report),
        page,
        scan.dump_json(values),
        scan.dump_json(scan.report_to_sarif(report)),
        scan.dump_json(scan.report_to_cyclonedx(report)),
    ):
        assert "it is contradicted by InsightFace 0.7.3 (requirements.txt)" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_contradiction_is_3_and_what_holds_is_0(
    vision: Supplier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "product"
    target.mkdir()
    (target / "requirements.txt").write_text("opencv-python==4.10.0.84\n")
    for promise, code, words in (
        ("identifies-nobody", 0, "it holds: nothing that was found contradicts it"),
        ("cannot-identify", 3, "it is contradicted by OpenCV"),
    ):
        file = vision.declare(STATEMENT.format(promise=promise))
        with pytest.raises(SystemExit) as caught:
            main(["scan", str(target), "--declaration", str(file), "--signers", str(vision.signers())])
        assert (caught.value.code or 0) == code
        assert words in capsys.readouterr().out
