"""Compares a declaration with what was found."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import ScanError
from passerby.scan.declarations.signing import SSH_KEYGEN, SignatureCheck, check_signature
from passerby.scan.declarations.statement import MOST_BYTES, Declaration, Promise, parse_declaration
from passerby.scan.values import Ability, Finding, Rating, ScanResult

_NO_FACES = {Ability.GENERAL_EMBED, Ability.PERSON, Ability.GAIT}
"""What works on pictures or bodies, and not on faces."""


class DeclarationOutcome(enum.StrEnum):
    """What a scan says of a declaration."""

    HOLDS = "holds"
    """Nothing that was found contradicts it."""
    CONTRADICTED = "contradicted"
    SIGNATURE_WRONG = "signature-wrong"
    """It is not known to be the supplier's; nothing follows from it."""


@dataclass(frozen=True, slots=True)
class SignedDeclaration:
    """A declaration, and whether its signature is right."""

    declaration: Declaration
    signature: SignatureCheck


@dataclass(frozen=True, slots=True)
class CheckedDeclaration:
    """A declaration, and what is to be said of it.

    Attributes:
        declaration: As it was signed, or not.
        signature: Whether it was.
        outcome: What follows.
        against: Findings that contradict it.
        excluded: Findings that would, and that it leaves out.
    """

    declaration: Declaration
    signature: SignatureCheck
    outcome: DeclarationOutcome
    against: tuple[Finding, ...] = ()
    excluded: tuple[Finding, ...] = ()


def read_declaration(file: Path, signers: Path | None, *, program: str = SSH_KEYGEN) -> SignedDeclaration:
    """Read a declaration and check who signed it. The signature is the file of the same name with ``.sig`` after it.

    Args:
        file: The declaration.
        signers: Allowed signers, as ``ssh-keygen`` takes them; without them any key may have signed.
        program: Another name of ``ssh-keygen``.

    Raises:
        ScanError: a file is missing, too long or no declaration; there is no ``ssh-keygen``.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ScanError(f"declaration must be readable, got {file}: {exc.strerror}") from exc
    declaration = parse_declaration(data, str(file))
    return SignedDeclaration(
        declaration, check_signature(data, file.with_name(file.name + ".sig"), signers, program=program)
    )


def check_declaration(signed: SignedDeclaration, results: Iterable[ScanResult]) -> CheckedDeclaration:
    """Hold a declaration against results.

    Suppressed findings count: what somebody suppressed here is no word of the supplier's.
    """
    declaration = signed.declaration
    found = [finding for result in results for finding in (*result.findings, *(one for one, _ in result.suppressed))]
    broken = [finding for finding in found if contradicts(finding, declaration.promise)]
    left_out = {one.component for one in declaration.excludes}
    against = tuple(finding for finding in broken if finding.component not in left_out)
    outcome = DeclarationOutcome.CONTRADICTED if against else DeclarationOutcome.HOLDS
    if not signed.signature.good:
        outcome = DeclarationOutcome.SIGNATURE_WRONG
    excluded = tuple(finding for finding in broken if finding.component in left_out)
    return CheckedDeclaration(declaration, signed.signature, outcome, against, excluded)


def contradicts(finding: Finding, promise: Promise) -> bool:
    """Return whether a finding is not as promised."""
    match promise:
        case Promise.IDENTIFIES_NOBODY:
            return finding.rating is Rating.IDENTIFIES
        case Promise.CANNOT_IDENTIFY:
            return finding.rating is not Rating.DOES_NOT
        case Promise.NO_FACES:
            return finding.rating is not Rating.DOES_NOT or bool(set(finding.abilities) - _NO_FACES)
