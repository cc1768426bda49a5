"""``passerby scan``: what is here that can identify people by their faces.

Exit codes: 0 nothing that identifies, 3 something that identifies, 1 an error, 2 wrong use.
"""

from __future__ import annotations

from collections.abc import Iterable

import typer

from passerby.cli.options import command_of
from passerby.cli.scan.options import FailOn, ScanOptions
from passerby.cli.scan.outputs import check_outputs, print_text, terminal_width, write_reports, write_text
from passerby.cli.scan.running import scan_all
from passerby.errors import UsageError
from passerby.scan import (
    Ability,
    DeclarationOutcome,
    Finding,
    Rating,
    ScanReport,
    catalogue_to_json,
    catalogue_to_text,
    check_declaration,
    dump_json,
    read_catalogue,
    read_declaration,
)
from passerby.values import utc_now

ERROR = 1
IDENTIFIES = 3
_OUTPUTS = ("json", "sarif", "cyclonedx", "html", "facts")


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scan")(command_of(ScanOptions, scan))


def scan(options: ScanOptions) -> None:
    """Find software, models and stores that can identify people by their faces. Presence is not use.

    Nothing of a target is run, and nothing is sent anywhere. Exits 3 if something can identify, 0 if nothing was found that
    does, 1 after an error.
    """
    check_outputs(options)
    if options.catalogue:
        _list_catalogue(options)
        return
    if not options.targets and not options.host and not options.camera:
        raise UsageError("a target must be given", hint="passerby scan FOLDER, or passerby scan --catalogue")
    if options.signers is not None and options.declaration is None:
        raise UsageError("--signers goes with --declaration, got it alone")
    signed = read_declaration(options.declaration, options.signers) if options.declaration else None
    results, failed = scan_all(options)
    if results:
        declared = check_declaration(signed, results) if signed else None
        report = ScanReport(results, utc_now(), read_catalogue().digest, declared)
        write_reports(report, options)
        code = answer_of(report, options.fail_on or ())
    raise typer.Exit(ERROR if failed or not results else code)


def answer_of(report: ScanReport, fail_on: Iterable[FailOn]) -> int:
    """Return the code that a report ends with."""
    outcome = report.declaration.outcome if report.declaration else DeclarationOutcome.HOLDS
    if outcome is DeclarationOutcome.SIGNATURE_WRONG:
        return ERROR
    also = tuple(fail_on)
    found = any(counts(finding, also) for finding in report.findings())
    return IDENTIFIES if found or outcome is DeclarationOutcome.CONTRADICTED else 0


def counts(finding: Finding, fail_on: Iterable[FailOn]) -> bool:
    """Return whether a finding makes the answer 3."""
    able = set(finding.abilities)
    also = {
        FailOn.EMBED: bool(
            able & {Ability.SEARCH, Ability.GROUP, Ability.EMBED, Ability.GENERAL_EMBED, Ability.PERSON}
        ),
        FailOn.VERIFY: bool(able & {Ability.SEARCH, Ability.GROUP, Ability.VERIFY}),
        FailOn.DETECT: bool(able - {Ability.GENERAL_EMBED, Ability.PERSON, Ability.GAIT}),
        FailOn.CAN: finding.rating is Rating.CAN,
    }
    return finding.rating is Rating.IDENTIFIES or any(also[word] for word in fail_on)


def _list_catalogue(options: ScanOptions) -> None:
    wrong = [name for name in _OUTPUTS[1:] if getattr(options, name) is not None]
    wrong += [name for name in ("host", "camera") if getattr(options, name)]
    if options.targets or wrong:
        got = "targets" if options.targets else f"--{wrong[0]}"
        raise UsageError(f"--catalogue goes with --json alone, got {got}", hint="leave one of the two out")
    catalogue = read_catalogue()
    if options.json is not None:
        write_text(dump_json(catalogue_to_json(catalogue)), options.json)
    if options.json is None or str(options.json) != "-":
        print_text(catalogue_to_text(catalogue, width=terminal_width()))
