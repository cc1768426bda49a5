"""Openings, faults and silences as an Atom feed (RFC 4287), so that a newspaper needs no program of ours."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from passerby.languages import straight
from passerby.register import format_instant
from passerby.web.register.state import State
from passerby.web.register.status import Light, sealed_of, status_of
from passerby.web.register.translation import Translation
from passerby.web.register.view import News, news, ordered, plain_label, seal_news

MAX_SILENT = 100
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: XML 1.0, production 2, Char."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the feed."""

    id: str
    title: str
    updated: str
    href: str
    proof: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The whole feed."""

    id: str
    title: str
    updated: str
    author: str
    self: str
    alternate: str
    items: tuple[Item, ...]


def feed_of(words: Translation, state: State, now: datetime, *, origin: str, home: str, root: str) -> Feed:
    """Return the feed.

    Args:
        words: The language.
        state: What the log says.
        now: When it is read; silences are those of this instant.
        origin: The log's name, which every identifier is made from.
        home: Address of the page of all cameras in this language.
        root: Address of the register's first page.
    """
    first = sealings(words, state, now)
    known_first = {row.index for row in first}
    rows = [*first, *silences(words, state, now), *(row for row in news(words, state) if row.index not in known_first)]
    items = tuple(item(row, origin, home, root) for row in rows)
    name = state.operator.entry.name if state.operator else words.text("page.no_operator")
    known = [
        row.at for row in rows if row.at <= now
    ]  # one dated ahead would leave the feed as if it never changed again
    latest = max(known, default=min(state.latest or datetime(1970, 1, 1, tzinfo=UTC), now))
    return Feed(
        id=identifier(origin, "feed", words.language),
        title=xml(words.text("feed.title", operator=name)),
        updated=format_instant(latest),
        author=xml(name),
        self=f"{home}feed.atom",
        alternate=home,
        items=items,
    )


def sealings(words: Translation, state: State, now: datetime) -> list[News]:
    """Return the cameras at which faces are kept locked, or will be: they stand before everything else."""
    found = []
    for camera in ordered(state):
        sealed = sealed_of(camera, now)
        for said in (sealed.now, sealed.coming):
            if said:
                title, text = seal_news(words, said.entry, plain_label(camera))
                found.append(News(said.entry.at, title, text, said.index, camera.camera))
    return found[:MAX_SILENT]


def silences(words: Translation, state: State, now: datetime) -> list[News]:
    """Return the cameras that are silent at an instant; no entry says so, that is what silence is."""
    found = []
    for camera in ordered(state):
        status = status_of(camera, now)
        if status.light is Light.UNKNOWN and status.since is not None:
            name = plain_label(camera)
            text = words.text("feed.silent_text", since=words.moment(status.since))
            found.append(News(status.since, words.text("feed.silent", camera=name), text, None, camera.camera))
    return sorted(found, key=lambda row: row.at, reverse=True)[:MAX_SILENT]


def item(row: News, origin: str, home: str, root: str) -> Item:
    """Return one piece of news as an entry of the feed."""
    key = str(row.index) if row.index is not None else f"silent {row.camera} {format_instant(row.at)}"
    return Item(
        id=identifier(origin, "entry", key),
        title=xml(row.title),
        updated=format_instant(row.at),
        href=f"{home}c/{row.camera}/" if row.camera else home,
        proof=f"{root}proof/{row.index}" if row.index is not None else None,
        text=xml(row.text),
    )


def identifier(origin: str, *parts: str) -> str:
    """Return a name that stays the same wherever the feed is served from."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join((origin, *parts))).urn


def xml(text: str) -> str:
    """Return a text without the characters that XML cannot hold, and without direction marks."""
    return _NOT_XML.sub("\ufffd", str(straight(text)))
