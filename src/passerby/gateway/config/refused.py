"""Keys that other programs know and this one refuses, with the reason. Checked against the path with ``*`` for names."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import get_args, get_origin

from passerby.gateway.config.key import Path_, Read, Section, hints_of

NEVER_OFF = "veiling cannot be turned off, by anyone, for any camera"
_IN_CAMERA = r"(?:cameras\.\*\.)?"
REASONS: tuple[tuple[str, str], ...] = (
    (r".*(?:privacy|detect|mask|veil|masking|anonymize|blur)\.enabled", NEVER_OFF),
    (r".*(?:veil|masking|anonymize|blur|bypass|unmask\w*|raw|original|show_faces|disable\w*)", NEVER_OFF),
    (_IN_CAMERA + r"privacy\.(?:style|on_failure|on_overload)", "a live picture has no reversible style and no way out"),
    (r".*(?:exclude\w*|keep\w*|allow_reversible)", "a live camera has no exempt zone, face or style; those exist for files only"),
    (_IN_CAMERA + r"(?:motion|objects)(?:\..*)?", "motion never decides whether a face is covered"),
    (r"cameras\.\*\.(?:mask|motion_mask)", "in Frigate a mask is what detection ignores; what shall be covered goes into zones"),
    (r".*zones\.\*\.(?:enabled|objects|filters|inertia|loitering_time)", "a zone is always covered, whatever is in it"),
    (r".*(?:min_score|threshold|min_area|thorough)", "how sure the detector must be was measured, and is not set"),
    (_IN_CAMERA + r"detect\.(?:fps|width|height)", "the detector sees every picture's own size, and how often adapts by itself"),
    (r".*roles\.\*", "the roles are detect, record and live; audio is not served, because voices identify people"),
    (r".*audio(?:\..*)?", "audio is not served, because voices identify people"),
    (r"cameras\.\*\.(?:ffmpeg\.)?inputs", "one input is veiled and serves every role; make a second stream a camera of its own"),
    (r".*(?:hwaccel_args|input_args|output_args|global_args|exec|runOn\w*|run_on\w*)", "no command can be given here"),
    (r"(?:go2rtc|streams|paths)(?:\..*)?", "cameras go under cameras, by name"),
    (r".*(?:face_recognition|lpr|semantic_search|genai|classification)(?:\..*)?", "Passerby identifies nobody"),
    (_IN_CAMERA + r"snapshots(?:\..*)?", "snapshots are made when asked for, from the veiled stream, and not kept"),
    (r"auth(?:\..*)?", "accounts are made in the console or with passerby account, and are always needed"),
    (r"tls(?:\..*)?", "write it under server"),
)  # fmt: skip


def reason_for(path: Path_) -> str | None:
    """Return why a key or value is refused here, or None.

    >>> reason_for(("cameras", "hall", "privacy", "enabled"))
    'veiling cannot be turned off, by anyone, for any camera'
    """
    names = [str(part) for part in path]
    for place in (0, 2):
        if len(names) > place + 1 and names[place] in {"cameras", "zones"}:
            names[place + 1] = "*"
    dotted = ".".join("*" if part.isdecimal() else part for part in names)
    for pattern, reason in REASONS:
        if re.fullmatch(pattern, dotted):
            return reason
    return None


def fields_at(section: type[Section], path: Path_) -> list[str]:
    """Return the keys that are known at a path below a section; empty where keys are free."""
    here: type[Section] | None = section
    parts = list(path)
    while here is not None and parts:
        here, many = section_in(hints_of(here).get(str(parts.pop(0))))
        if many and parts:
            parts.pop(0)
    return list(hints_of(here)) if here is not None else []


def section_in(hint: object) -> tuple[type[Section] | None, str]:
    """Return the section that an annotation holds, and what stands between for each mapping or list of them.

    >>> from passerby.gateway.config.camera import ZoneConfig
    >>> section_in(dict[str, ZoneConfig])[1], section_in(tuple[ZoneConfig, ...])[1], section_in(ZoneConfig | None)[1]
    ('.NAME', '[]', '')
    """
    if isinstance(hint, type) and issubclass(hint, Section):
        return hint, ""
    if any(isinstance(mark, Read) for mark in getattr(hint, "__metadata__", ())):
        return None, ""
    many = {dict: ".NAME", tuple: "[]"}.get(get_origin(hint), "")  # type: ignore[arg-type]  # None is found nowhere
    for inner in get_args(hint):
        found, deeper = section_in(inner)
        if found is not None:
            return found, many + deeper
    return None, ""


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known word that is most like another, or None.

    >>> nearest("camera", ["cameras", "mqtt"])
    'cameras'
    """
    found = get_close_matches(word, known, n=1, cutoff=0.5)
    return found[0] if found else None
