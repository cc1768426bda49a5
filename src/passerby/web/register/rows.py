"""A camera's statements, each bound to the entries it comes from.

Every value stands in an element that names its entry (``data-entry``) and its field there (``data-claim``, a JSON pointer),
so that a verifier can compare what the page shows with what the log holds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from passerby.register import CameraRegistered, OperatorStated, format_instant
from passerby.web.register.camera import CameraHistory, Said, Tally
from passerby.web.register.state import State
from passerby.web.register.status import hidden_requests, sealed_of, totals_of
from passerby.web.register.translation import Translation, element

AUTHORITIES = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"
"""All data protection authorities of the Union, by the European Data Protection Board."""


@dataclass(frozen=True, slots=True)
class Row:
    """One statement.

    Attributes:
        key: Its name in the translations and its anchor on the page.
        body: What is stated.
        entries: Where in the log.
        by: ``said`` where the operator states it, ``reckoned`` where the page works it out from what is stated, nothing
            where the log says nothing.
        warn: Whether a reader should notice.
        span: Whether ``entries`` are the first and last of many.
    """

    key: str
    body: Markup
    entries: tuple[int, ...] = ()
    by: str = "said"
    warn: bool = False
    span: bool = False


def claim(said: Said[Any], field: str, shown: object = None, *, tag: str = "span", **attributes: object) -> Markup:
    """Return a value as an element that names its entry and field there.

    Args:
        said: The entry.
        field: JSON pointer into it, without the first slash.
        shown: What a reader sees, where that is not the value itself.
        tag: ``span`` shows the value itself; ``data`` and ``code`` carry it beside what is shown.
        attributes: More attributes.
    """
    value: Any = said.entry
    for part in field.split("/"):
        listed = isinstance(value, tuple)
        value = value[int(part) if listed else part] if listed or isinstance(value, dict) else getattr(value, part)
    bound = {"data_entry": said.index, "data_claim": f"/{field}", **attributes}
    if isinstance(value, datetime):
        return element("time", shown if shown is not None else value, datetime=format_instant(value), **bound)
    if shown is None:
        return element(tag, value, **bound)
    spelled = str(value).lower() if isinstance(value, bool) else value
    return element("data", shown, value=spelled, **bound)


def source(camera: CameraHistory, field: str) -> Said[CameraRegistered]:
    """Return a camera's registration with the entry that states the present value of one of its fields."""
    if camera.registered is None:
        raise LookupError(field)
    return Said(index=camera.sources.get(field, camera.registered.index), entry=camera.registered.entry)


def rows_of(words: Translation, state: State, camera: CameraHistory, now: datetime) -> dict[str, list[Row]]:
    """Return all statements about a camera, by section, in the order of the page."""
    sections: dict[str, list[Callable[[Translation, State, CameraHistory, datetime], Iterator[Row]]]] = {
        "why": [_operator, _governed],
        "runs": [_running, _itself, _tests],
        "counts": [_totals, _silences, _faults],
        "requests": [_requests],
        "kept": [_kept],
    }
    return {
        name: [row for make in makers for row in make(words, state, camera, now)] for name, makers in sections.items()
    }


def _operator(words: Translation, state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    if state.operator is None:
        yield Row("operator", words.say("row.operator.none"), by="", warn=True)
    else:
        yield Row("operator", claim(state.operator, "name"), (state.operator.index,))
    contact = contact_of(state, camera)
    if contact is not None and contact.entry.contact is not None:
        address = contact.entry.contact
        link = element("a", claim(contact, "contact", shown_address(address)), href=address, rel="noreferrer nofollow")
        yield Row("contact", link, (contact.index,))
    yield from _authority(words, state)


def _authority(words: Translation, state: State) -> Iterator[Row]:
    """Whom to complain to; the list of all where the operator does not say."""
    operator = state.operator
    if operator is None or operator.entry.authority is None:
        every = element("a", words.text("row.authority.all"), href=AUTHORITIES, rel="noreferrer")
        yield Row("authority", words.say("row.authority.none", all=every), by="")
        return
    body = claim(operator, "authority")
    if address := operator.entry.authority_contact:
        shown = claim(operator, "authority_contact", shown_address(address))
        body += Markup(", ") + element("a", shown, href=address, rel="noreferrer nofollow")
    yield Row("authority", body, (operator.index,))


def contact_of(state: State, camera: CameraHistory) -> Said[CameraRegistered] | Said[OperatorStated] | None:
    """Return the entry that states whom to contact: the camera's own, else the operator's."""
    if camera.registered and camera.registered.entry.contact:
        return source(camera, "contact")
    return state.operator


def shown_address(address: str) -> str:
    """Return an address as people write it.

    >>> shown_address("mailto:privacy@example.org")
    'privacy@example.org'
    """
    return address.removeprefix("mailto:").removeprefix("tel:")


def _governed(words: Translation, _state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    if camera.registered is None:
        yield Row("registered", words.say("row.registered.none"), by="", warn=True)
        return
    for field in ("purpose", "legal_basis"):
        said = source(camera, field)
        language, _text = words.pick(getattr(said.entry, field))
        foreign = language if language != words.language else None
        yield Row(field, claim(said, f"{field}/{language}", lang=foreign), (said.index,))
    said = source(camera, "position")
    known = f"position.{said.entry.position}"
    shown = words.text(known) if known in words else said.entry.position
    yield Row("position", claim(said, "position", shown), (said.index,))
    if camera.registered.entry.place:
        said = source(camera, "place")
        place = [
            claim(said, f"place/{field}", f"{getattr(said.entry.place, field) / 1e6:.5f}")
            for field in ("latitude_e6", "longitude_e6")
        ]
        yield Row("place", Markup(", ").join(place), (said.index,))


def _running(words: Translation, _state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    if camera.started is None:
        yield Row("software", words.say("row.software.none"), by="")
        return
    said = camera.started
    mode = claim(said, "mode", words.text(f"mode.{said.entry.mode}"))
    yield Row("mode", mode, (said.index,))
    yield Row("software", claim(said, "software"), (said.index,))
    for field in ("weights", "configuration"):
        yield Row(field, claim(said, field, tag="code"), (said.index,))


def _itself(words: Translation, _state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    """What the camera says of its own recognition; that it was not asked is said as well."""
    if camera.registered is None:
        return
    names = camera.registered.entry.recognises
    if names is None:
        yield Row("recognises", words.say("row.recognises.none"), by="")
        return
    said = source(camera, "recognises")
    if not names:
        yield Row("recognises", words.say("row.recognises.no"), (said.index,))
        return
    listed = Markup(", ").join(claim(said, f"recognises/{place}") for place in range(len(names)))
    yield Row("recognises", words.say("row.recognises.yes", names=listed), (said.index,), warn=True)


def _tests(words: Translation, _state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    if camera.access is None:
        yield Row("access", words.say("row.access.none"), by="", warn=True)
    else:
        access = camera.access.entry
        shown = words.text(f"access.{access.exclusive}")
        body = words.say(
            "row.access.value", result=claim(camera.access, "exclusive", shown), when=_at(words, camera.access)
        )
        yield Row("access", body, (camera.access.index,), warn=access.exclusive != "tested")
    yield from _result(words, "selftest", camera.selftest)
    failed = camera.selftest_failed
    if failed and camera.selftest and failed.index != camera.selftest.index:
        yield Row("selftest_failed", _at(words, failed), (failed.index,))
    yield from _result(words, "spotcheck", camera.spotcheck)


def _result(words: Translation, key: str, said: Said[Any] | None) -> Iterator[Row]:
    if said is None:
        yield Row(key, words.say(f"row.{key}.none"), by="")
        return
    passed = said.entry.passed
    result = claim(said, "passed", words.text("passed" if passed else "failed"))
    by = claim(said, "auditor") if key == "spotcheck" else ""
    yield Row(
        key, words.say(f"row.{key}.value", result=result, when=_at(words, said), by=by), (said.index,), warn=not passed
    )


def _at(words: Translation, said: Said[Any]) -> Markup:
    return words.instant(said.entry.at, data_entry=said.index, data_claim="/at")


def _totals(words: Translation, _state: State, camera: CameraHistory, now: datetime) -> Iterator[Row]:
    totals = totals_of(camera, now)
    if totals.first is None or totals.last is None:
        yield Row("faces", words.say("row.faces.none"), by="")
    else:
        entries = (totals.first,) if totals.first == totals.last else (totals.first, totals.last)
        yield Row("faces", words.count("row.faces.value", totals.faces), entries, span=True)
        for key, seconds in (("whole", totals.covered_whole_s), ("stalled", totals.stalled_s), ("down", totals.down_s)):
            body = words.say(f"row.{key}.value", span=words.span(seconds)) if seconds else words.say("row.no_time")
            yield Row(key, body, entries, warn=seconds * 10 > totals.stated_s, span=True)


def _silences(words: Translation, _state: State, camera: CameraHistory, now: datetime) -> Iterator[Row]:
    seconds = totals_of(camera, now).not_known_s
    if camera.running is not None:
        body = words.say("row.unknown.value", span=words.span(seconds)) if seconds else words.say("row.no_time")
        entries = tuple(gap.index for gap in camera.gaps[-3:]) if seconds else ()
        yield Row("unknown", body, entries, by="reckoned", warn=seconds > 0)
    if camera.contradictions:
        yield Row(
            "contradictions", words.count("row.contradictions.value", camera.contradictions), by="reckoned", warn=True
        )


def _faults(words: Translation, _state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    if camera.fault_count:
        last = camera.faults[-1]
        body = words.count(
            "row.faults.value", camera.fault_count,
            what=claim(last, "what", words.text(f"fault.{last.entry.what}")), cause=claim(last, "cause"),
            when=words.instant(last.entry.begin, data_entry=last.index, data_claim="/begin"),
        )  # fmt: skip
        yield Row("faults", body, (last.index,))


def _requests(words: Translation, state: State, camera: CameraHistory, _now: datetime) -> Iterator[Row]:
    yield from tally_rows(words, camera.tally)
    if hidden := hidden_requests(state):
        body = words.count("row.hidden.value", len(hidden), until=words.day(hidden[-1]))
        yield Row("hidden", body, by="reckoned")


def tally_rows(words: Translation, tally: Tally) -> Iterator[Row]:
    """Return requests, openings, refusals and the time that decisions took, of one camera or all."""
    for key in ("requests", "opened", "refused"):
        n = getattr(tally, key)
        entries = tuple(tally.entries.get(key, ())) if n else ()
        body = (
            words.count(f"row.{key}.value", n, tracks=words.number(tally.tracks)) if n else words.say(f"row.{key}.none")
        )
        yield Row(key, body, entries, by="said" if n else "")
    if tally.decision_s:
        half = round(statistics.median(tally.decision_s))
        body = words.count(
            "row.decision.value",
            len(tally.decision_s),
            median=words.span(half),
            longest=words.span(max(tally.decision_s)),
        )
        yield Row("decision", body, by="reckoned")


def _kept(words: Translation, _state: State, camera: CameraHistory, now: datetime) -> Iterator[Row]:
    if camera.registered is None:
        return
    yield from _sealed(words, camera, now)
    for key in ("retention_h",) if camera.seals else ("retention_h", "sealed_h"):
        said = source(camera, key)
        hours = getattr(said.entry, key)
        shown = words.text(f"row.{key}.none") if hours == 0 else words.span(hours * 3600)
        yield Row(key, claim(said, key, shown), (said.index,))
    if camera.shredded:
        yield Row(
            "shredded", words.say("row.shredded.value", when=_at(words, camera.shredded)), (camera.shredded.index,)
        )


def seal_lines(words: Translation, camera: CameraHistory, now: datetime) -> list[Row]:
    """Return what stands first of all about a camera: that faces are kept locked here, from when on, or until when."""
    found, lines = sealed_of(camera, now), []
    if found.now:
        hours = claim(found.now, "retention_h", _hours(words, found.now.entry.retention_h))
        lines.append(Row("sealed", words.say("sealed.now", hours=hours), (found.now.index,), warn=True))
    if found.coming:
        hours = claim(found.coming, "retention_h", _hours(words, found.coming.entry.retention_h))
        begins = claim(found.coming, "begins", words.moment(found.coming.entry.begins))
        body = words.say("sealed.coming", begins=begins, hours=hours)
        lines.append(Row("seal_coming", body, (found.coming.index,), warn=True))
    if found.ended and found.until:
        when = claim(found.ended, "begins", words.moment(found.ended.entry.begins))
        body = words.say("sealed.ended", when=when, until=words.moment(found.until))
        lines.append(Row("seal_ended", body, (found.ended.index,), warn=True))
    return lines


def plain_seal_lines(words: Translation, camera: CameraHistory, now: datetime) -> list[str]:
    """Return the same as plain text, for a sign and a feed."""
    return [row.body.striptags() for row in seal_lines(words, camera, now)]


def _hours(words: Translation, hours: int) -> str:
    return words.text(words.form("sealed.hours", hours), n=words.number(hours))


def _sealed(words: Translation, camera: CameraHistory, now: datetime) -> Iterator[Row]:
    found = sealed_of(camera, now)
    said = found.now or found.coming
    yield from seal_lines(words, camera, now)
    if said and said.entry.authorities and said.entry.custodian:
        held = said.entry.authorities
        names = Markup(", ").join(claim(said, f"authorities/{place}/name") for place in range(len(held)))
        needed = claim(said, "needed", words.number(said.entry.needed or 0))
        body = words.say("sealed.who", needed=needed, n=words.number(len(held)), names=names)
        yield Row("seal_who", body, (said.index,))
        custodian = claim(said, "custodian/name")
        yield Row("seal_custodian", words.say(f"sealed.{said.entry.custodian.who}", name=custodian), (said.index,))
    if camera.heartbeat and camera.heartbeat.entry.pieces_sealed is not None:
        counted = camera.heartbeat
        pieces = claim(counted, "pieces_sealed", words.number(counted.entry.pieces_sealed or 0))
        missed = words.number(counted.entry.unsealed_faces or 0)
        yield Row("seal_counts", words.say("sealed.counts", pieces=pieces, missed=missed), (counted.index,))
    yield from _seal_test(words, camera)
    yield from _seal_held(words, camera, now)


def _seal_test(words: Translation, camera: CameraHistory) -> Iterator[Row]:
    if camera.seal_test:
        test = camera.seal_test
        result = claim(test, "passed", words.text("passed" if test.entry.passed else "failed"))
        when = claim(test, "at", words.moment(test.entry.at))
        body = words.count("sealed.tests", camera.seal_tests, result=result, when=when)
        yield Row("seal_test", body, (test.index,), warn=not test.entry.passed)


def _seal_held(words: Translation, camera: CameraHistory, now: datetime) -> Iterator[Row]:
    held_now = [one for one in camera.seal_held if one.entry.until > now]
    if held_now:
        in_all = words.number(sum(len(one.entry.pieces) for one in held_now))
        until = words.moment(max(one.entry.until for one in held_now))
        body = words.count("sealed.held", len(held_now), pieces=in_all, until=until)
        yield Row("seal_held", body, tuple(one.index for one in held_now))
