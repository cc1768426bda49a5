"""Parts ``law`` and ``register`` of the probe of ``bench/same.py``: assessments of worked cases, and a public log."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from same_names import START, Digests, ProbeError, Told, digest, digest_files, drawn, fix_chance, fix_clock, take

ORIGIN = "same.example.org/log"
CAMERA, CASE = "0" * 31 + "1", "0" * 31 + "2"
SOME_DIGEST = "sha256:" + "5" * 64
ED25519 = 1
QUICK_CASES = 5
MANY = 600
"""Remarks beyond those of each kind: two full tiles and a part of a third."""

RENAMED = (b"passerby register verify", b"passerby register check")
"""A command that the citizen's pages name: the one difference that was meant, put right in the older tree's pages."""


def law(told: Told) -> Digests:
    """Assess every worked case under every position; digest the JSON, the text and the page of each."""
    positions = take("positions")()
    found: Digests = {}
    cases = list(worked(told))
    for number, (name, case) in enumerate(cases):
        if told.quick and number % QUICK_CASES:
            continue
        about = take("Deployment")(
            name, case["id"], case.get("description", ""), case.get("day"), dict(case["facts"]), {}
        )
        layers = tuple(case.get("overlays", ()))
        done = take("assess_deployment")(about, positions, overlays=layers)
        if not case.get("amended", True):
            plain = take("assess_all")(about.facts, positions, on=about.on, overlays=layers, amended=False)
            done = dataclasses.replace(done, verdicts=plain)
        found[f"{name}: json"] = digest(take("dump_json")(take("assessment_to_json")(done)))
        found[f"{name}: text"] = digest(take("assessment_to_text")(done))
        found[f"{name}: page"] = digest(take("assessment_to_html")(done))
    return found


def worked(told: Told) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each worked case with its name, its facts complete.

    Raises:
        ProbeError: there is none.
    """
    paths = sorted(told.cases.glob("*.yaml"))
    if not paths:
        raise ProbeError(f"worked cases must stand in {told.cases}, found none")
    for path in [*paths, *([told.scenarios] if told.scenarios else [])]:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        bases = {} if isinstance(content, list) else content.get("bases", {})
        for case in content if isinstance(content, list) else content["cases"]:
            facts = {**bases.get(case.get("like"), {}), **case["facts"]}
            yield f"{path.stem} {case['id']}", {**case, "facts": facts}


def register(told: Told) -> Digests:
    """Write a log with entries of every kind, many remarks, two changes of key and other witnesses; digest every file of it.

    Some entries contradict others, so that verification has something to find. Digested are also the proofs, what a witness
    answers, what verification says, and the citizen's pages.
    """
    # every module is loaded before the clock is set, because it is set where each module keeps it
    tools = {name: take(name) for name in ("Log", "Reader", "Witness", "Policy", "FileSigner", "Follower", "Place",
                                           "write_site", "copy_log", "verify", "build")}  # fmt: skip
    fix_chance()
    fix_clock()
    found: Digests = {}
    path = told.work / "log"
    proofs = write(path, tools, found)
    found["proofs"] = digest(*proofs)
    found |= digest_files(path / "public", "public") | digest_files(path / "private", "private")
    reader = tools["Reader"].open(path)
    report = tools["verify"](reader, now=START + timedelta(days=40))
    found["verification"] = digest(json.dumps(dataclasses.asdict(report), sort_keys=True, default=str))
    found["entries read back"] = digest(*(reader.raw(index) for index in range(reader.size)))
    found |= witnessed(told.work / "witness", path, tools)
    where = tools["Place"]("https://same.example.org/", "./")
    follower = tools["Follower"](
        path, **{"addresses" if "addresses" in parameters(tools["Follower"]) else "place": where}
    )
    tools["write_site"](follower, told.work / "site", now=START + timedelta(days=40))
    tools["copy_log"](follower, told.work / "site")
    follower.close()
    for page in (told.work / "site").rglob("*.html"):
        page.write_bytes(page.read_bytes().replace(*RENAMED))
    return found | digest_files(told.work / "site", "site")


def write(path: Path, tools: Mapping[str, Any], found: Digests) -> Sequence[str]:
    """Write the log in two sittings and return the proofs of its entries, as text."""
    with tools["Log"].create(path, origin=ORIGIN, **fixed()) as log:
        value = "the camera over the north gate"
        promise = log.salts.commit(value, START + timedelta(days=30))
        told = [*entries(promise.digest)]
        known = set(take("kinds")())
        if missing := known - {entry["kind"] for entry in told} - {"reveal"}:
            raise ProbeError(f"the probe must write entries of every kind, got none of {', '.join(sorted(missing))}")
        receipts = [log.append(tools["build"](entry)) for entry in told]
        index = next(receipt.index for receipt, entry in zip(receipts, told, strict=True) if "details" in entry)
        receipts.append(log.append(log.salts.reveal(index, promise)))
        salts = log.salts.commit("never shown", START + timedelta(days=30))
        found["commitments"] = digest(promise.digest, salts.digest, take("commit")(value, "ab" * 32))
    with tools["Log"].open(path, **fixed()) as log:
        # one call is one batch up to the log's largest: how it is cut depends on no thread
        receipts += log.append_many([tools["build"](remark(number)) for number in range(MANY)])
        receipts.append(log.rotate())
        receipts.append(log.rotate(tools["FileSigner"](ORIGIN, ED25519, drawn("handed in")(32))))
        receipts.append(log.name_witnesses(tools["Policy"](logs=(log.key,))))
        newest = [log.prove(index).to_text() for index in (0, 255, 256, log.size - 1)]
    return [*(receipt.proof.to_text() for receipt in receipts), *newest]


def witnessed(folder: Path, path: Path, tools: Mapping[str, Any]) -> Digests:
    """Ask a witness twice to sign the log's checkpoint; digest its answers and files."""
    tools["Witness"].create(folder, "witness.example.org")
    key = (path / "public" / "policy").read_text(encoding="utf-8").split("log ", 1)[1].split("\n", 1)[0]
    tools["Witness"].add_log(folder, key)
    witness = tools["Witness"].open(folder, **(fixed() or {"clock": START.timestamp}))
    asked = b"old 0\n\n" + (path / "public" / "checkpoint").read_bytes()
    answers = [repr(dataclasses.astuple(witness.add_checkpoint(asked))) for _ in range(2)]
    witness.close()
    return {"witness answers": digest(*answers), **digest_files(folder, "witness")}


def parameters(function: Callable[..., object]) -> AbstractSet[str]:
    """Return the names that a function takes."""
    return inspect.signature(function).parameters.keys()


def fixed() -> dict[str, Any]:
    """Return the arguments that hand a writer its clock; none where a tree's writer takes no clock (see ``fix_clock``)."""
    settings = getattr(importlib.import_module("passerby.register"), "WriterSettings", None)
    return {} if settings is None else {"settings": settings(clock=lambda: START)}


def remark(number: int) -> dict[str, Any]:
    """Return the fields of a remark."""
    return {"kind": "remark", "v": 1, "at": instant(number), "text": f"remark {number} äöü ☂"}


def instant(minutes: int) -> str:
    """Return an instant of the log, as entries spell it."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entries(promised: str) -> Iterator[dict[str, Any]]:
    """Yield the fields of entries of every kind but ``reveal``, which the log makes itself.

    Args:
        promised: Digest of a commitment.
    """
    span = {"begin": instant(0), "end": instant(60)}
    words = {"en": "to keep the gate", "fr": "garder la porte"}
    camera = {
        "label": "North gate", "purpose": words, "legal_basis": words, "position": "act-2024", "retention_h": 72,
        "place": {"latitude_e6": 48_137_000, "longitude_e6": 11_575_000},
    }  # fmt: skip
    year = {
        "year": 2025,
        "cameras": 3,
        "requests": 4,
        "granted": 1,
        "refused": 2,
        "withdrawn": 1,
        "opened": 1,
        "notified": 1,
    }
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("operator.stated", {"name": "Town of Same", "contact": "mailto:cameras@example.org", "grace_s": 60}),
        ("key.added", {"holder": "auditor", "name": "Audit office", "use": "report", "key": "ssh-ed25519 AAAA"}),
        ("camera.registered", {"camera": CAMERA, **camera}),
        ("access.tested", {"camera": CAMERA, "exclusive": "tested", "method": "port scan"}),
        ("running.started", {"camera": CAMERA, "mode": "veil", "software": "passerby 0.1.0",
                             "configuration": SOME_DIGEST, "weights": SOME_DIGEST}),
        ("selftest", {"camera": CAMERA, "passed": True, "runs": 12}),
        ("heartbeat", {"camera": CAMERA, **span, "frames": 45_000, "faces_covered": 7, "covered_whole_s": 3}),
        ("fault", {"camera": CAMERA, **span, "what": "stalled", "cause": "detector-stalled"}),
        ("camera.changed", {"camera": CAMERA, "retention_h": 24}),
        ("spotcheck", {"camera": CAMERA, "auditor": "Audit office", "passed": False, "report": SOME_DIGEST}),
        ("request.received", {"case": CASE, "position": "act-2024", "camera": CAMERA,
                              "details": {"digest": promised, "reveal_by": instant(30 * 24 * 60)}}),
        ("request.decided", {"case": CASE, "outcome": "granted", "approvals": 3, "needed": 2, "warrant": SOME_DIGEST}),
        ("request.opened", {"case": CASE, "warrant": SOME_DIGEST}),
        ("request.notified", {"case": CASE, "outcome": "put-off", "until": instant(10_000)}),
        ("request.received", {"case": "0" * 31 + "3", "position": "act-2024",
                              "details": {"digest": SOME_DIGEST, "reveal_by": instant(30 * 24 * 60)}}),
        ("request.refused", {"case": "0" * 31 + "3", "by": "law", "provision": "Art. 5(1)(h)"}),
        ("request.withdrawn", {"case": "0" * 31 + "4"}),
        ("request.deleted", {"case": "0" * 31 + "3", "items": 2}),
        ("retention.shredded", {**span, "camera": CAMERA, "keys": 24}),
        ("running.stopped", {"camera": CAMERA, "reason": "planned"}),
        ("camera.retired", {"camera": CAMERA, "reason": "the gate is gone"}),
        ("key.retired", {"key": "ssh-ed25519 AAAA", "reason": "expired"}),
        ("statistics.year", year),
        ("remark", {"entry": 3, "text": "the scan was made at night"}),
    )  # fmt: skip
    for number, (kind, fields) in enumerate(rows):
        yield {"kind": kind, "v": 1, "at": instant(number), **fields}
