"""Writes what to send about a mapped camera that is silent or stands in no register, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from passerby.web.mapped.city_map import one_line, osm_address
from passerby.web.mapped.comparison import Compared, MapStanding
from passerby.web.register import LogFollower, Translation, contact_of, shown_address, status_of


def letter_about(words: Translation, compared: Compared, registers: Sequence[LogFollower], now: datetime) -> str | None:
    """Return the letter to send about a mapped camera, or None where it is on record.

    Args:
        words: The language of the letter.
        compared: The camera.
        registers: All registers that it was looked for in.
        now: When.
    """
    mapped, stated = compared.mapped, compared.stated
    place = f"{mapped.latitude:.5f}, {mapped.longitude:.5f}"
    if compared.standing is MapStanding.SILENT and stated is not None:
        status = status_of(stated.history, now)
        contact = contact_of(stated.register.state, stated.history)
        address = contact.entry.contact if contact else None
        operator = stated.register.state.operator
        return words.text(
            "letter.silent",
            operator=one_line(operator.entry.name) if operator else words.text("letter.operator"),
            contact=shown_address(address) if address else stated.register.base_url,
            label=stated.label, page=stated.page, place=place, today=words.day(now),
            since=words.moment(status.since) if status.since else words.text("letter.no_word"),
        )  # fmt: skip
    if compared.standing is not MapStanding.NOT_ON_RECORD:
        return None
    removed = ""
    if stated is not None and stated.history.retired is not None:
        when = words.day(stated.history.retired.entry.at)
        removed = words.text("letter.removed", label=stated.label, page=stated.page, when=when) + "\n\n"
    return words.text(
        "letter.missing",
        operator=mapped.operator or words.text("letter.operator"),
        place=place, object=osm_address(mapped), today=words.day(now), removed=removed,
        registers="\n".join(f"- {register.base_url}" for register in registers),
    )  # fmt: skip
