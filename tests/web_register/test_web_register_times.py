"""The table of times again, in the checker that anyone can host, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.test_register_times import KEY, ORIGIN, VECTORS, WITNESSES, parts, signed_at

from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.tiles.merkle import leaf_hash
from passerby.web.register.pages import verifier_page

if TYPE_CHECKING:
    from tests.web_register.conftest import Visit

pytestmark = pytest.mark.browser


def test_the_browser_s_checker_gives_the_same_verdicts(visit: Callable[..., Visit], tmp_path: Path) -> None:
    (tmp_path / "check.html").write_bytes(verifier_page()[0])
    page = visit().page
    page.goto((tmp_path / "check.html").as_uri())
    for vector in VECTORS:
        trusted, times, clock, entry = parts(vector)
        note = signed_at(Checkpoint(ORIGIN, 1, leaf_hash(entry)).to_text(), times)
        found = page.evaluate(
            """async ({note, policy, key, clock, entry, names}) => {
                const bytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
                const parsed = await parsePolicy(policy);
                try {
                    const { witnessed } = await openCheckpoint(bytes(note), await parseKey(key), parsed.witnesses);
                    const made = judgeTimes(parsed, witnessed, clock, instantOf(bytes(entry)));
                    const faults = Object.fromEntries(made.refused.map(({ key, fault }) => [key.name, fault]));
                    return { witnessed: made.time !== null, refused: names.map((name) => faults[name] ?? null),
                             time: made.time === null ? null : String(made.time) };
                } catch (error) {
                    return { error: error.reason ?? String(error) };
                }
            }""",
            {
                "note": note.decode("latin-1"),
                "policy": trusted.to_text(),
                "key": str(KEY.key),
                "clock": clock.timestamp(),
                "entry": entry.decode(),
                "names": [signer.key.name for signer in WITNESSES[: len(times)]],
            },
        )
        assert found == vector["expect"], vector["name"]
