"""What findings are called when they are told to people: what a component can do, in the law's words where it has one.

Source: Regulation (EU) 2024/1689, Article 3(34) biometric data, (35) identification, (36) verification, (39) emotion
recognition, (40) categorisation, (42) and (43) real-time and post.
"""

from __future__ import annotations

from passerby.scan.catalogue import read_catalogue
from passerby.scan.declarations import CheckedDeclaration, DeclarationOutcome, Promise
from passerby.scan.files import shown_path
from passerby.scan.report.scanned import ComponentFound, components_found
from passerby.scan.values import Ability, Confidence, Evidence, Finding, FindingKind, Rating, ScanResult, Weights

PRESENCE = "Presence is not use"
PRESENCE_MEANING = (
    f"{PRESENCE}: this says what is there and what it is able to do, never that somebody does it. "
    "What was not read is listed, and what is not listed may still be there under another name."
)
CORRECTION = "docs/catalogue.md"
"""Where a maker finds how to correct what is said of a component."""

ABILITY_WORDS = {
    Ability.SEARCH: "one-to-many: whose face of a list this is (biometric identification, Art. 3(35))",
    Ability.GROUP: "one-to-many without a list: sorts faces by person",
    Ability.VERIFY: "one-to-one: whether two faces are one person (biometric verification, Art. 3(36))",
    Ability.EMBED: "makes descriptors of faces, which serve one-to-many and one-to-one (biometric data, Art. 3(34))",
    Ability.PERSON: "finds a person again by body or clothes",
    Ability.GAIT: "knows people by the way they walk (biometric identification, Art. 3(35))",
    Ability.AGE: "estimates age (biometric categorisation, Art. 3(40))",
    Ability.GENDER: "estimates gender (biometric categorisation, Art. 3(40))",
    Ability.ETHNICITY: "estimates ethnicity (biometric categorisation, Art. 3(40))",
    Ability.EMOTION: "infers emotions (emotion recognition, Art. 3(39))",
    Ability.GENERAL_EMBED: "makes descriptors of any picture, which can serve for faces",
    Ability.LIVENESS: "tells a living face from a picture of one",
    Ability.LANDMARKS: "finds the parts of a face",
    Ability.DETECT: "finds that there is a face, not whose",
}
ABILITY_SHORT = {
    Ability.SEARCH: "one-to-many",
    Ability.GROUP: "sorts faces by person",
    Ability.VERIFY: "one-to-one",
    Ability.EMBED: "face descriptors",
    Ability.PERSON: "finds persons again",
    Ability.GAIT: "gait",
    Ability.AGE: "categorisation by age",
    Ability.GENDER: "categorisation by gender",
    Ability.ETHNICITY: "categorisation by ethnicity",
    Ability.EMOTION: "emotion",
    Ability.GENERAL_EMBED: "descriptors of any picture",
    Ability.LIVENESS: "liveness",
    Ability.LANDMARKS: "landmarks",
    Ability.DETECT: "detection",
}
RATING_WORDS = {
    Rating.IDENTIFIES: "identifies",
    Rating.CAN: "can, when given weights or a key",
    Rating.DOES_NOT: "does not identify",
}
RATING_MEANING = {
    Rating.IDENTIFIES: "It identifies, verifies or makes face descriptors with what it brings or fetches by itself.",
    Rating.CAN: "The code is there; somebody has to give it weights, a key or a further part.",
    Rating.DOES_NOT: "It finds or describes faces, or works on pictures, without telling whose face it is.",
}
WEIGHTS_WORDS = {
    Weights.HELD: "holds its weights",
    Weights.FETCHED: "fetches them at run time",
    Weights.GIVEN: "has to be given weights",
    Weights.SERVICE: "on somebody else's machine",
    Weights.NONE: "needs none",
}
CONFIDENCE_WORDS = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.MAY_BE: "may be",
}
KIND_WORDS = {
    FindingKind.PACKAGE: "package",
    FindingKind.MODEL: "model",
    FindingKind.STORE: "store of descriptors",
    FindingKind.CALL: "call in source code",
    FindingKind.BINARY: "binary",
    FindingKind.WIRING: "camera wiring",
    FindingKind.PROCESS: "running process",
    FindingKind.CAMERA: "camera",
}
KINDS_WORDS = {
    FindingKind.PACKAGE: "packages",
    FindingKind.MODEL: "models",
    FindingKind.STORE: "stores of descriptors",
    FindingKind.CALL: "files of source code",
    FindingKind.BINARY: "binaries",
    FindingKind.WIRING: "places of camera wiring",
    FindingKind.PROCESS: "running processes",
    FindingKind.CAMERA: "cameras",
}
_DETECTION = {Ability.DETECT, Ability.LANDMARKS, Ability.LIVENESS}
_TIMING = {
    "real-time": "real-time: made for streams (Art. 3(42))",
    "recorded": "recorded: made for pictures and recordings (Art. 3(43))",
    "both": "real-time and recorded (Art. 3(42), (43))",
}


def shown(text: str) -> str:
    r"""Return text of a target with control characters and direction marks escaped, as paths are.

    >>> shown("x\x1b[2J")
    'x\\x1b[2J'
    """
    return shown_path(text)


def title_of(finding: Finding) -> str:
    """Return what it is called, with its version."""
    return shown(f"{finding.title} {finding.version}" if finding.version else finding.title)


def timing_of(finding: Finding) -> str:
    """Return whether it is made for streams, recordings or both; empty where nothing is known of it."""
    component = read_catalogue().components.get(finding.component)
    return _TIMING[component.real_time] if component else ""


def abilities_of(finding: Finding) -> tuple[str, ...]:
    """Return what it can do, in the law's words; what only detects says so."""
    if finding.abilities and set(finding.abilities) <= _DETECTION:
        return ("detection only", *(ABILITY_WORDS[ability] for ability in finding.abilities))
    return tuple(ABILITY_WORDS[ability] for ability in finding.abilities) or ("nothing with faces that is known",)


def abilities_short(finding: Finding) -> str:
    """Return what it can do in few words."""
    if finding.abilities and set(finding.abilities) <= _DETECTION:
        others = [ABILITY_SHORT[ability] for ability in finding.abilities if ability is not Ability.DETECT]
        return ", ".join(["detection only", *others])
    return ", ".join(ABILITY_SHORT[ability] for ability in finding.abilities) or "nothing with faces that is known"


def place_of(evidence: Evidence) -> str:
    """Return where evidence stands, with its line."""
    return shown(evidence.path) + (f":{evidence.line}" if evidence.line else "")


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "file", "files"), counted(2000, "file", "files")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {one if number == 1 else many}"


def size_words(size_bytes: int) -> str:
    """Return a size for people.

    >>> size_words(999), size_words(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    for unit, worth in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= worth:
            return f"{size_bytes / worth:.1f} {unit}"
    return counted(size_bytes, "byte", "bytes")


def kinds_of(found: ComponentFound) -> str:
    """Return as what a component was found: ``package, 3 calls in source code``."""
    return ", ".join(
        KIND_WORDS[kind] if number == 1 else f"{number:,} {KINDS_WORDS[kind]}" for kind, number in found.kinds
    )


def answer_of(result: ScanResult) -> str:
    """Return the answer of one target in one sentence."""
    ratings = [found.whole.rating for found in components_found(result.findings)]
    counts = {rating: ratings.count(rating) for rating in Rating}
    if counts[Rating.IDENTIFIES]:
        number = counted(counts[Rating.IDENTIFIES], "component", "components")
        answer = f"{number} found that can identify people by their faces"
    else:
        answer = "nothing found that identifies people by their faces"
    rest = [f"{counts[rating]:,} that {words}" for rating, words in _REST.items() if counts[rating]]
    return "; ".join([answer, *rest])


_REST = {Rating.CAN: "could when given weights or a key", Rating.DOES_NOT: "cannot"}


def read_of(result: ScanResult) -> str:
    """Return how much was read; empty of a camera, which has no files."""
    if not result.files and any(finding.kind is FindingKind.CAMERA for finding in result.findings):
        return ""
    return ", ".join(
        (
            counted(result.files, "file", "files") + " read",
            size_words(result.size_bytes),
            counted(result.packages, "package", "packages") + " named",
        )
    )


def hiding_of(result: ScanResult) -> str:
    """Return what has to be said of what was not read; empty where all was, or where it hides nothing."""
    hiding = sum(unread.hides for unread in result.unread)
    if not hiding:
        return ""
    return f"{counted(hiding, 'place was', 'places were')} not read and could hide something"


PROMISE_WORDS = {
    Promise.IDENTIFIES_NOBODY: "nothing in it identifies people by their faces",
    Promise.CANNOT_IDENTIFY: "nothing in it could identify people by their faces",
    Promise.NO_FACES: "nothing in it works on faces",
}


def declaration_of(checked: CheckedDeclaration) -> tuple[str, ...]:
    """Return what is to be said of a declaration: what was promised, what follows, who signed, what it leaves out."""
    said = checked.declaration
    product = f"{said.product} {said.version}".strip()
    told = [
        shown(f"{said.supplier} declared of {product} on {said.date}: {PROMISE_WORDS[said.promise]}. {said.statement}"),
        _follows(checked),
    ]
    if checked.signature.signer:
        told.append(shown(f"signed by {checked.signature.signer} with the key {checked.signature.key}"))
    elif checked.signature.good:
        told.append(f"signed with the key {checked.signature.key}, for which nobody vouches here (--signers)")
    reasons = {one.component: one.reason for one in said.excludes}
    told += [
        shown(f"left out by the supplier: {title_of(one)} ({reasons[one.component]}); {one.path}")
        for one in checked.excluded
    ]
    return tuple(told)


def _follows(checked: CheckedDeclaration) -> str:
    match checked.outcome:
        case DeclarationOutcome.HOLDS:
            return "it holds: nothing that was found contradicts it"
        case DeclarationOutcome.CONTRADICTED:
            against = [f"{title_of(one)} ({shown(one.path)})" for one in checked.against[:_MOST_AGAINST]]
            rest = len(checked.against) - _MOST_AGAINST
            more = [f"{rest:,} more"] if rest > 0 else []
            return "it is contradicted by " + ", ".join([*against, *more])
        case DeclarationOutcome.SIGNATURE_WRONG:
            return f"its signature is wrong, so that nothing follows from it: {checked.signature.reason}"


_MOST_AGAINST = 10
