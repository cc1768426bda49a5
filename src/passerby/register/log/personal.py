"""Asks about words that look like a person's before they stand in public for ever: e-mail, phone, postal address, name.

It guesses: it misses most nicknames and rare names, and takes some places for people. So nothing is refused for good; whoever
appends says that the words are meant for the public.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

from passerby.errors import EntryError
from passerby.register.entries import Entry

NO_WORDS = frozenset(
    {
        "kind", "v", "at", "begin", "end", "until", "reveal_by", "camera", "case", "digest", "salt", "key", "replaces",
        "signature", "configuration", "weights", "warrant", "report", "position", "software", "page", "authority_contact", "list",
        "begins", "sealed_roots", "pieces", "test", "requester", "who",
    }
)  # fmt: skip
"""Fields that hold no words of a person: keys, digests, identifiers, instants, addresses of pages."""
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?\b|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)\b")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00)[1-9]\d{0,2}[ ()./-]{0,4}\d(?:[ ()./-]{0,4}\d){5,12}(?!\w)"
    r"|(?<![\w.:-])\(?0\d{1,4}\)?(?: ?/ ?|[ .-])\d{2,}(?:[ /.-]?\d{2,}){1,5}(?!\w)"
    r"|(?<![\w.:-])\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}(?!\w)"
    r"|(?<![\w.:-])0[1-9]\d{8,9}(?!\w)"
)
_STREET = re.compile(
    r"\b\d{1,4}[a-z]?,? (?:[^\W\d_][\w'.-]{0,40} ){1,3}(?:street|st|road|rd|avenue|ave|lane|drive|close|court|crescent|terrace)\b"
    r"|(?<![\w-])[\w-]{0,40}?(?:stra(?:ß|ss)e|str\.|gasse|weg|allee|platz|damm|ufer|straat|laan|plein|gatan|vägen|vej)"
    r"\s?\d{1,4}\s?[a-z]?\b"
    r"|\b\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|quai|impasse|allée|route)\b"
    r"|\b(?:rue|chemin|via|viale|piazza|corso|calle|avenida|plaza|rua|praça|ulica|ul\.)\s{1,3}"
    r"(?:[^\W\d_][\w'.]{0,40}\s{1,3}){1,4}\d{1,4}\b",
    re.IGNORECASE,
)
_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-Ž][\w'\u2019-]{1,40}"
_TITLED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Mme|Mlle|M\.|Signora?|Señora?|Sra?|Pan[i]?|Dhr|Mevr)\.?\s{1,3}"
    rf"(?:Dr\.?\s{{1,3}}|Prof\.?\s{{1,3}})?(?:[A-Z]\.\s{{0,3}})?{_CAPITAL}"
)
_PAIR = re.compile(
    rf"(?=\b({_CAPITAL})\s{{1,3}}(?:[A-Z]\.\s{{1,3}})?(?:(?:van|von|de|der|den|da|di|del|el|al|bin|ben)\s{{1,3}})*({_CAPITAL}))"
)
_PLACES_TEXT = """
street square station road avenue lane park bridge hall gate school hospital airport line house terminal centre center
church library market mall tower depot entrance platform platz straße strasse bahnhof brücke kirche schule klinikum
krankenhaus haltestelle tor haus gasse weg allee gare rue place pont quai hôpital école stazione piazza calle estación
"""
_PLACES = frozenset(_PLACES_TEXT.split())
_FIRST_TEXT = """
aaron adam adrian agnes ahmed aisha alan albert alberto alejandro alessandro alex alexander alexandra alfred ali alice alina
amanda amélie ana anastasia anders andrea andreas andrew andré angela angelika anita anja ann anna anne annika antoine anton
antonio arthur astrid barbara bartosz beatrice ben benjamin bernard bernd bert björn bob boris brian brigitte bruno camille
carla carlos carmen caroline catherine cécile céline charles charlotte chiara chloé christian christiane christina christine
christoph christophe claire clara claude claudia clemens cristina daniel daniela daniele david deborah denis dennis diana
diego dieter dirk dmitri dominik donald dorota dorothea edith eduard edward ekaterina elena eleonora elias elif elisabeth
elise elizabeth ella ellen elsa emil emilia emily emma emmanuel enrico eric erik erika ernst esther eva evelyn fabian fabio
fatima fatma federico felix fernando filip florian francesca francesco francisco franck frank françois françoise franz
frédéric friedrich fritz gabriel gabriele georg george gerard gerd gerhard giorgio giovanni giulia giuseppe grzegorz guido
guillaume günter gustav hamza hanna hannah hannes hans harald harry hasan hassan heather heidi heike heinrich heinz helen
helena helga helmut henri henrik henry herbert hermann hugo ian ibrahim ida igor ilse ines inga ingrid irene irina isabel
isabelle ivan jack jacqueline jacques jakob jakub james jan jana jane janet jean jeanne jennifer jens jessica jim joachim
joan joanna johan johann johannes john jonas jonathan jorge josé josef joseph juan judith jukka jules julia julian julie
julien jürgen karen karin karl karolina katarzyna kate katharina kathrin katja kevin khaled kim klara klaus konrad krzysztof
kurt lars laura laurent lea leila lena leo leon leonardo leonie lina linda lisa liam louis louise luca lucas lucia lucie
luis luisa lukas lydia magdalena manfred manon manuel marc marcel marco marcus marek margaret margarete maria mariam
marianne marie mario marion marta martha martin martina mary maryam mathieu mathilde matteo matthew matthias maurice max
maximilian mehmet melanie mette mia michael michaela michel michelle miguel mikael mikhail mohamed mohammed monika monique
moritz muhammad mustafa nadia natalia nathalie nicholas nicola nicolas nicole niklas nils nina noah nora norbert oksana olaf
ole oleg olga oliver olivia olivier omar oscar otto pablo paola paolo pascal patricia patrick paul paula pauline pavel pedro
peter petra philip philipp philippe pierre piotr rachel rafael rainer ralf raphaël rebecca renate richard rita robert
roberto robin roland roman rosa ruth sabine salma samuel sandra sara sarah sebastian sergei silke silvia simon simone sofia
sonja sophia sophie stefan stefanie stephan stephen steven susan susanne sven sylvie tanja tatjana teresa thomas thérèse tim
timo tobias tom tomasz tomáš torsten ulrich ulrike ursula uwe valentin valentina valerie vanessa vera véronique victor
viktor vincent viola vladimir walter werner wilhelm william wolfgang xavier yasmin yusuf yves yvonne zeynep zoé zofia
"""
_FIRST = frozenset(_FIRST_TEXT.split())


def personal_texts(entry: Entry) -> list[str]:
    """Return what of an entry's words looks like a person's, a sentence each: field, and what it looks like, never the words."""
    found = []
    for name, words in _texts(entry):
        held = personal_kind(words)
        if held is not None:
            found.append(f"{name} looks as if it held {held}")
    return found


def personal_kind(words: str) -> str | None:
    """Return what of a person a text seems to hold, or None.

    >>> personal_kind("ask Jane Doe at the desk"), personal_kind("Station hall, north")
    ("a person's name", None)
    """
    text = _plain(words)
    without = _EMAIL.sub(" ", text)
    if without != text:
        return "an e-mail address"
    without = _DATE.sub(" ", without)
    if _PHONE.search(without):
        return "a phone number"
    if _STREET.search(without):
        return "a postal address"
    if _TITLED.search(without) or any(_is_name(*pair) for pair in _PAIR.findall(without)):
        return "a person's name"
    return None


def check_personal(entry: Entry) -> None:
    """Refuse an entry whose words look like a person's.

    Raises:
        EntryError: they do.
    """
    found = personal_texts(entry)
    if found:
        raise EntryError(
            f"words of a public entry must not be a person's: {'; '.join(found)}",
            hint="leave it out; or, where it is meant for the public for ever, say so: --yes-public, in Python public_text=True",
        )


def _is_name(first: str, last: str) -> bool:
    return first.casefold() in _FIRST and last.casefold() not in _PLACES


def _texts(entry: Entry) -> Iterator[tuple[str, str]]:
    for name, value in entry.model_dump(mode="json", exclude_none=True).items():
        if name in NO_WORDS:
            continue
        if name == "contact":
            box = _contact(str(value))
            if box:
                yield name, box
        elif name == "value":
            yield name, _unquoted(str(value))
        elif isinstance(value, str):
            yield name, value
        else:
            for part in value if isinstance(value, list) else [value]:
                yield from _texts_of_part(name, part)


def _texts_of_part(name: str, part: object) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, text in part.items():
            if isinstance(text, str) and key not in NO_WORDS:
                yield f"{name}.{key}", text


def _contact(address: str) -> str:
    """Who a mailbox belongs to, by its name: an office's address is meant to stand there."""
    if not address.startswith("mailto:"):
        return ""
    return re.sub(r"[._+-]+", " ", address.removeprefix("mailto:").partition("@")[0]).title()


def _unquoted(value: str) -> str:
    """A revealed value is JSON as a rule: its words, without what only JSON needs."""
    try:
        return " | ".join(_leaves(json.loads(value)))
    except (ValueError, RecursionError):
        return value


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield str(value)


def _plain(words: str) -> str:
    """The words as they are read: no marks that nobody sees, and no capitals throughout."""
    text = "".join(c for c in unicodedata.normalize("NFKC", words) if unicodedata.category(c) != "Cf")
    return re.sub(r"\b[^\W\d_]{2,}\b", lambda word: word[0].title() if word[0].isupper() else word[0], text)
