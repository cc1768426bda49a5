"""The verbs at the top of ``passerby``: who uses each, what its line in the help says, and which module adds it.

`docs/commands.md` draws the whole tree and says what each word means.
"""

from __future__ import annotations

from typing import NamedTuple

PICTURES = "Journalists and researchers: pictures and clips"
CAMERAS = "Operators: cameras that run"
LAW = "Regulators, lawyers, courts, citizens: the law and the public record"


class Verb(NamedTuple):
    """One verb.

    Attributes:
        module: Of this room; adds the verb to an application by its ``add_to(app)``.
        users: Heading in the help: who uses it. None hides it: an old name.
        line: What the help says of it.
    """

    module: str
    users: str | None
    line: str


VERBS = {
    "veil": Verb("veil.veil", PICTURES, "Hide every face in pictures and clips."),
    "verify": Verb("veil.verify", PICTURES, "Look at a veiled file once more: is a face left?"),
    "desk": Verb("desk.desk", PICTURES, "Veil files, look them over and mend them, on a page of this machine."),
    "demo": Verb("veil.demo", PICTURES, "Make a short clip, veil it, and measure what is left."),
    "run": Verb("gateway.run", CAMERAS, "Veil the cameras of a configuration, and serve what is veiled."),
    "discover": Verb("gateway.discover", CAMERAS, "Find cameras and print their entries for a configuration."),
    "account": Verb("gateway.account", CAMERAS, "List, add, reset and remove accounts of a gateway."),
    "doctor": Verb(
        "veil.doctor", CAMERAS, "Show what runs where on this machine, and who can pull a camera's picture."
    ),
    "seal": Verb("gateway.seal", CAMERAS, "Keys, custody and tests of locked faces, where sealing is installed."),
    "assess": Verb("law.assess", LAW, "Say whether a described deployment is banned, and why."),
    "law": Verb("law.law", LAW, "Compare positions, read the rules, list the facts, draft letters."),
    "scan": Verb("scan.scan", LAW, "Find software and models that can identify people by their faces."),
    "audit": Verb("audit.audit", LAW, "Measure a face system: who is missed, who is wronged."),
    "register": Verb("register.register", LAW, "Keep, read, check, watch and witness a public log of cameras."),
    "authority": Verb("register.authority", LAW, "Make an authority's keys, and serve its witness."),
    "witness": Verb("register.old_witness", None, "Old name of `passerby register witness`."),
}
"""Each verb, in the order of the help."""
