"""What times are worth: witnesses' against the reader's clock. One table, run here and, in
``web_register/test_web_register_times.py``, in the browser's checker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import EntryError, VerificationError
from passerby.register import (
    FileSigner,
    Log,
    LogReader,
    Policy,
    Proof,
    Remark,
    WriterSettings,
    encode_entry,
    require,
    verify,
    watch,
)
from passerby.register.notes.checkpoint import Checkpoint, SignedCheckpoint
from passerby.register.notes.note import COSIGNATURE, Signature, cosigned_message, sign_note
from passerby.register.notes.times import judge_witnesses, witness_fault
from passerby.register.storage.exchange import Exchanges
from passerby.register.tiles.merkle import leaf_hash
from passerby.register.witness.cosigning import WitnessClient

ORIGIN = "cameras.example.org/log"
KEY = FileSigner(ORIGIN, 1, b"k" * 32)
WITNESSES = [FileSigner(f"w{i}.example", COSIGNATURE, bytes([i]) * 32) for i in range(3)]
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "times.json").read_text())["vectors"]
NOW = datetime.now(UTC).replace(microsecond=0)


def policy(count: int, needed: int) -> Policy:
    names = [f"w{i}" for i in range(count)]
    lines = [f"witness {name} {signer.key}" for name, signer in zip(names, WITNESSES, strict=False)]
    return Policy.parse("\n".join([f"log {KEY.key}", *lines, f"group q {needed} {' '.join(names)}", "quorum q", ""]))


def signed_at(text: str, times: list[int | None]) -> bytes:
    """A note that witnesses signed at any time, also at one that ``cosign`` would refuse."""
    lines = []
    for signer, time_s in zip(WITNESSES, times, strict=False):
        if time_s is not None:
            value = time_s.to_bytes(8, "big") + signer.sign(cosigned_message(text.encode(), time_s))
            lines.append(Signature(signer.key.name, signer.key.key_id, value).to_line())
    return sign_note(text, [KEY]) + "".join(lines).encode()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def parts(vector: dict[str, Any]) -> tuple[Policy, list[int | None], datetime, bytes]:
    """The policy, the times, the clock, and the newest entry of a vector."""
    times = [None if time is None else int(time) for time in vector["times"]]
    at = vector["newest"]
    entry = b"" if at is None else encode_entry(Remark(at=instant(at), text="the newest"))
    return policy(len(times), vector["needed"]), times, instant(vector["clock"]), entry


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_proof_is_worth_what_its_witnesses_times_are_worth(vector: dict[str, Any]) -> None:
    trusted, times, clock, entry = parts(vector)
    note = signed_at(Checkpoint(ORIGIN, 1, leaf_hash(entry)).to_text(), times)
    expect = vector["expect"]
    if not expect.get("witnessed"):
        with pytest.raises(VerificationError, match="time of the cosignature" if "error" in expect else "is not met"):
            require(Proof(0, (), note, entry), entry, trusted, now=clock)
        return
    proven = require(Proof(0, (), note, entry), entry, trusted, now=clock)
    assert str(proven.time_s) == expect["time"]
    assert len(proven.witnesses) == sum(
        time is not None and fault is None for time, fault in zip(times, expect["refused"], strict=True)
    )
    assert [witness_fault(t, clock) for t in times if t is not None].count("ahead") == expect["refused"].count("ahead")


@given(st.integers(1, 2**63 - 1), st.integers(0, 4_000_000_000))
def test_any_time_has_a_verdict_and_words(time_s: int, clock_s: int) -> None:
    clock = datetime.fromtimestamp(clock_s, UTC)
    trusted = policy(1, 1)
    note = signed_at(Checkpoint(ORIGIN, 1, leaf_hash(b"")).to_text(), [time_s])
    found = judge_witnesses(trusted.open(note, quorum=False)[1], trusted, clock)
    assert bool(found.counted) != bool(found.refused)
    assert all("it does not count" in reason for reason in found.reasons())


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1, 1], "1970-01-01T00:00:01Z, is from before there were witnesses"),
        ([2**62, int(NOW.timestamp())], "4611686018427387904 s after 1970, is ahead of now"),
        ([int(NOW.timestamp()) + 2 * 365 * 86_400] * 2, "is ahead of now"),
        ([int(NOW.timestamp()) - 400 * 86_400] * 2, "is long before the newest entry that it signs"),
    ],
)
def test_verifier_and_watcher_name_the_witness_and_say_unwitnessed(
    tmp_path: Path, times: list[int | None], words: str
) -> None:
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=KEY) as log:
        log.append(Remark(at=NOW, text="a"))
        text = log.checkpoint().to_text()
    public = tmp_path / "log" / "public"
    (public / "checkpoint").write_bytes(signed_at(text, times))
    trusted = policy(2, 2)
    report = verify(LogReader.open(public, policy=trusted))
    visit = watch(public, tmp_path / "state", policy=trusted)
    assert (report.witnessed, report.time_s) == (False, None)
    for problems in (report.problems, visit.problems):
        assert {"time", "quorum"} == {problem.kind for problem in problems}
        assert any(words in problem.text for problem in problems)
    sound = signed_at(text, [int((NOW + timedelta(seconds=i)).timestamp()) for i in range(2)])
    (public / "checkpoint").write_bytes(sound)
    assert verify(LogReader.open(public, policy=trusted)).problems == ()


@pytest.mark.parametrize(
    "time_s",
    [1, int(NOW.timestamp()) + 3 * 86_400, 253_402_300_800, 2**62],
    ids=["1970", "in 3 days", "10000", "no year"],
)
def test_writer_publishes_no_signature_of_a_time_that_cannot_be(time_s: int) -> None:
    checkpoint = Checkpoint(ORIGIN, 1, leaf_hash(b""))
    line = signed_at(checkpoint.to_text(), [time_s]).decode().splitlines()[-1]
    trusted = Policy.parse(f"witness w0 {WITNESSES[0].key} http://w0.example\nquorum w0\n")
    exchanges = Exchanges(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream((line + "\n").encode())))
    )
    witness = WitnessClient(trusted.witnesses[0], exchanges, [KEY.key], clock=lambda: NOW)
    signed = SignedCheckpoint(checkpoint, sign_note(checkpoint.to_text(), [KEY]))
    assert witness.ask(signed, lambda _old, _new: ()) is None
    assert "must sign at the present time, signed at" in str(witness.failure)


def test_writer_refuses_a_typo_and_tells_of_a_clock_that_is_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def dated(**ahead: float) -> Remark:
        return Remark(at=NOW + timedelta(**ahead), text="a")

    with Log.create(tmp_path / "log", origin=ORIGIN, settings=WriterSettings(clock=lambda: NOW)) as log:
        for wrong in (dated(days=2), dated(days=365 * 73), Remark(at=datetime(9998, 12, 31, tzinfo=UTC), text="a")):
            with pytest.raises(EntryError, match="must not be dated ahead of this machine's clock"):
                log.append_many([dated(), wrong])
        assert log.size == 0, "none of them is written"
        log.append_many([dated(), dated(minutes=5), dated(days=-400)])
        assert caplog.messages == []
        log.append(dated(hours=1))
        assert ["verifiers will name it" in message for message in caplog.messages] == [True]
        assert log.size == 4, "what waited while a clock was corrected is not lost"
