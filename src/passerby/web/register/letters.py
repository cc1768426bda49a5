"""The letters that a camera's page offers: drafts of the law room, filled in with what the register states.

What the log does not say (who the operator is in law, what kind of place it is) is not guessed: a letter then names both laws
that may apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from passerby import law
from passerby.web.register.camera import CameraHistory
from passerby.web.register.rows import contact_of, shown_address, source
from passerby.web.register.state import State
from passerby.web.register.translation import Translation
from passerby.web.register.view import plain_label

WAYS = (
    (law.LetterKind.ACCESS_REQUEST, law.Addressee.OPERATOR),
    (law.LetterKind.QUESTION, law.Addressee.OPERATOR),
    (law.LetterKind.COMPLAINT, law.Addressee.AUTHORITY),
)
"""What the page offers, in its order."""
_VEILED = frozenset({"veil", "veil-and-seal", "cover-whole"})


@dataclass(frozen=True, slots=True)
class OfferedLetter:
    """A letter as the page shows it.

    Attributes:
        key: Its name in the translations and on the page.
        text: The letter, a paragraph a line.
        hints: What to know before sending it.
        bases: The articles that it rests on, each with how sure its source is.
    """

    key: str
    text: str
    hints: tuple[str, ...]
    bases: tuple[str, ...]


def letters_view(words: Translation, state: State, camera: CameraHistory, now: datetime, page: str) -> dict[str, Any]:
    """Return everything the page of a camera's letters shows.

    Args:
        words: The language, of the letters too.
        state: What the log says.
        camera: Which.
        now: The day of the letters.
        page: Address of the camera's page for everybody.
    """
    facts, known = _facts(camera), _known(state, camera, page)
    verdict = _verdict(tuple(facts.items()), now.date())
    w = law.wording_in(words.language)
    offered = []
    for kind, to in WAYS:
        letter = law.draft_letter(facts, verdict, kind=kind, to=to, language=words.language, known=known)
        bases = tuple(f"{w.cite(basis.article)} ({w.of(basis.certainty)})" for basis in letter.bases)
        offered.append(OfferedLetter(kind.value, "\n".join(letter.rows), letter.hints, bases))
    return {"label": plain_label(camera), "letters": offered, "filled": tuple(_entries(state, camera))}


def _facts(camera: CameraHistory) -> dict[str, law.FactValue]:
    """What the log states of the use; a camera that offers to recognise faces itself may do more than cover them."""
    recognises = camera.registered.entry.recognises if camera.registered else None
    if camera.started is None or camera.started.entry.mode not in _VEILED or recognises:
        return {}
    return {"function": "anonymisation"}


def _known(state: State, camera: CameraHistory, page: str) -> law.LetterCamera:
    operator, contact = state.operator, contact_of(state, camera)
    address = contact.entry.contact if contact else None
    entrusted = operator.entry.authority_contact if operator else None
    place = camera.registered.entry.place if camera.registered else None
    return law.LetterCamera(
        operator=operator.entry.name if operator else None,
        contact=shown_address(address) if address else None,
        authority=operator.entry.authority if operator else None,
        authority_contact=shown_address(entrusted) if entrusted else None,
        place=f"{place.latitude_e6 / 1e6:.5f}, {place.longitude_e6 / 1e6:.5f}" if place else None,
        camera=plain_label(camera),
        page=page,
    )


def _entries(state: State, camera: CameraHistory) -> Iterator[int]:
    """Yield the entries that the letters are filled in from, each once."""
    fields = ("label", "place", "contact", "recognises")
    said = [
        source(camera, name).index for name in fields if camera.registered and getattr(camera.registered.entry, name)
    ]
    said += [word.index for word in (state.operator, camera.started) if word]
    yield from sorted(set(said))


@lru_cache(maxsize=64)
def _verdict(facts: tuple[tuple[str, law.FactValue], ...], on: date) -> law.Verdict:
    return law.assess(dict(facts), on=on)
