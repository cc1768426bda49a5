"""Takes passages of the Artificial Intelligence Act out of EUR-Lex's own page, for `law/data/excerpts/act-2024.yaml`.

    python scripts/excerpts.py eu-ai-act.html > src/passerby/law/data/excerpts/act-2024.yaml

The page is that of the Official Journal (HTML, English). It is refused unless it has the digest stated here, so that everybody
who has it makes the same file to the letter. Passages are kept whole, white space aside; nothing is typed by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import yaml

SOURCE = {
    "title": "Regulation (EU) 2024/1689 (Artificial Intelligence Act)",
    "celex": "32024R1689",
    "address": "https://eur-lex.europa.eu/legal-content/EN/TXT/HTML/?uri=OJ:L_202401689",
    "published": "2024-07-12",
    "copy": "CloudSecurityAlliance-DataSets/dataset-public-laws-regulations-standards, "
    "regulation/europa.eu/ai-act/eu-ai-act.html, commit 7d418867b0650a0982683b90af1bd0a42357a227",
    "sha256": "15a3eb4de3bc69022fc3d85a74663c5d5ca8af67e3e5e24a019737d090ca9870",
    "read": "2026-11-30",
    "terms": "© European Union; reuse authorised provided the source is acknowledged (Commission Decision 2011/833/EU)",
}
PARAGRAPHS = (
    (2, tuple(range(1, 13))), (5, (1, 2, 3, 4, 5, 8)), (6, (2, 3)), (12, (3,)), (14, (5,)), (19, (1,)),
    (26, (1, 6, 7, 8, 10, 11)), (27, (1, 2, 3)), (49, (1, 3, 4)), (50, (3, 5)), (99, (3, 4, 6, 8)), (100, (2, 3)), (111, (2,)),
)  # fmt: skip
DEFINITIONS = (3, 4, *range(34, 47))
RECITALS = (18, 19, 30, 33, 38, 39, 40, 41, 54)
WHOLE = (("113", "art_113"), ("Annex II", "anx_II"), ("Annex III", "anx_III"))
_OPENING = "\u2018"
_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})


class _Texts(HTMLParser):
    """Collects the text below every element that has an id, one string each, in the order of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self._open: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            name = dict(attrs).get("id")
            # texts that the Act puts into other acts bear the same ids further down
            self._open.append(None if name in self.texts else name)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for name in filter(None, self._open):
            self.texts.setdefault(name, []).append(data)


def main() -> None:
    """Write the passages of a page given by its path to the standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    content = parser.parse_args().page.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE["sha256"]:
        sys.exit(f"the page must have the SHA-256 {SOURCE['sha256']}, got {found}")
    texts = _Texts()
    texts.feed(content.decode())
    entries = {name: {"sha256": digest(text), "text": text} for name, text in passages(texts.texts)}
    sys.stdout.write("# Passages of the Act as EUR-Lex has them, made by scripts/excerpts.py. Never written by hand.\n")
    yaml.safe_dump({"source": SOURCE, "excerpts": entries}, sys.stdout, allow_unicode=True, sort_keys=False, width=120)


def passages(texts: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield each passage with the name of its provision."""
    plain = {name: " ".join("".join(parts).split()) for name, parts in texts.items()}
    for article, numbers in PARAGRAPHS:
        for number in numbers:
            yield f"{article}({number})", plain[f"{article:03}.{number:03}"]
    definitions = re.split(rf"(?=\(\d+\) {_OPENING})", plain["art_3"])[1:]
    for text in definitions:
        number = int(text[1 : text.index(")")])
        if number in DEFINITIONS:
            yield f"3({number})", text.strip()
    for name, element in WHOLE:
        yield name, plain[element]
    for number in RECITALS:
        yield f"Recital {number}", plain[f"rct_{number}"]


def digest(text: str) -> str:
    """Return the SHA-256 of a passage as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
