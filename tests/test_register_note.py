"""Notes, checkpoints, cosignatures, policies, proofs and keys: what is read, and what is refused and why."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby.errors import FormatError, StorageError, UsageError, VerificationError
from passerby.register import FileSigner, Policy, Proof, ProvenEntry, VerifierKey, require
from passerby.register.notes.checkpoint import Checkpoint, cosign
from passerby.register.notes.note import COSIGNATURE, Signature, encode_base64, open_note, sign_note, split_note
from passerby.register.notes.times import judge_witnesses
from passerby.register.tiles.merkle import EMPTY_ROOT, leaf_hash

# Source: C2SP signed-note, "Verifier keys, Example"
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# Source: C2SP tlog-cosignature, the checkpoint at its top
SPEC_COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()

LOG = FileSigner("example.com/log", 1, b"l" * 32)
WITNESSES = [FileSigner(f"w{i}.example", COSIGNATURE, bytes([i]) * 32) for i in range(1, 4)]
TEXT = Checkpoint("example.com/log", 1, leaf_hash(b"entry")).to_text()
SIGNED_S = 1_700_000_000
"""In November 2023."""
CLOCK = datetime.fromtimestamp(SIGNED_S + 60, UTC)


def signed(*witnesses: FileSigner, time_s: int = SIGNED_S) -> bytes:
    note = sign_note(TEXT, [LOG])
    return note + "".join(cosign(TEXT, w, time_s + i).to_line() for i, w in enumerate(witnesses)).encode()


def policy(quorum: str = "group q 2 w1 w2 w3\nquorum q\n") -> Policy:
    lines = "".join(f"witness w{i} {w.key}\n" for i, w in enumerate(WITNESSES, 1))
    return Policy.parse(f"log {LOG.key}\n{lines}{quorum}")


def test_specifications_example_note_verifies() -> None:
    key = VerifierKey.parse(SPEC_VKEY)
    assert str(key) == SPEC_VKEY
    note = open_note(SPEC_NOTE, [key])
    assert note.text == "This is an example message.\n"
    assert [k for k, _ in note.signed_by] == [key]


def test_specifications_cosigned_checkpoint_parses() -> None:
    text, signatures = split_note(SPEC_COSIGNED)
    assert Checkpoint.parse(text).size == 20852163
    assert Checkpoint.parse(text).to_text() == text
    assert [s.name for s in signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(signatures[1].value[:8], "big") == 1679315147, "the time that the specification names"
    assert "".join(s.to_line() for s in signatures).encode() == SPEC_COSIGNED.split(b"\n\n")[1]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty line"),
        (b"text\n", "empty line"),
        (b"text\n\n", "signature line"),
        (SPEC_NOTE[:-1], "empty line"),
        (SPEC_NOTE + b"\n", "signature line"),
        (SPEC_NOTE.replace(b"example message", b"example\tmessage"), "control characters"),
        (SPEC_NOTE.replace(b"\n", b"\r\n"), "control characters"),
        (b"\xff" + SPEC_NOTE, "UTF-8"),
        (SPEC_NOTE.replace("— ".encode(), b"- "), "signature line"),
        (SPEC_NOTE.replace(b"foo Uw", b"foo  Uw"), "signature line"),
        (SPEC_NOTE.replace(b"example.com/foo", b"example+com/foo"), "without spaces and plus"),
        (SPEC_NOTE.replace(b"aQM=", b"aQM"), "base64"),
        (SPEC_NOTE.replace(b"aQM=", b"aQN="), "one spelling"),
        (SPEC_NOTE.replace(b"Uw2QOkn8", b"Uw2Q-kn8"), "base64"),
        ("text\n\n— a AAAAAA==\n".encode(), "at least one byte"),
        (b"t\n" * 600_000 + b"\n" + SPEC_NOTE, "at most 1000000 bytes"),
        (SPEC_NOTE + SPEC_NOTE.split(b"\n\n")[1] * 100, "at most 100 signatures"),
    ],
)
def test_malformed_note_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        open_note(raw, [VerifierKey.parse(SPEC_VKEY)])


@pytest.mark.parametrize(
    ("vkey", "words"),
    [
        ("", "name"),
        ("example.com/foo", "name"),
        (SPEC_VKEY.replace("530d903a", "530d903b"), "must be 530d903a"),
        (SPEC_VKEY.replace("530d903a", "530D903A"), "name"),
        (SPEC_VKEY.replace("example.com/foo", "example.com/bar"), "hash of verifier key"),
        (SPEC_VKEY[:-4], "must be 32 bytes"),
        (SPEC_VKEY.replace("+Ae", "+Ag"), "type must be"),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key name"),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key name"),
        ("a+530d903a+", "got nothing"),
    ],
)
def test_malformed_verifier_key_is_refused(vkey: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        VerifierKey.parse(vkey)


def test_wrong_key_with_the_right_name_does_not_count() -> None:
    other = FileSigner("example.com/log", 1, b"x" * 32)
    with pytest.raises(
        VerificationError, match=r"no known key signed the note; it carries signatures named example.com/log"
    ):
        open_note(sign_note(TEXT, [other]), [LOG.key])


def test_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    bad = Signature(LOG.key.name, LOG.key.key_id, b"x" * 64).to_line().encode()
    with pytest.raises(VerificationError, match=r"signature of example.com/log does not fit"):
        open_note(signed() + bad, [LOG.key])


def test_repeated_signature_counts_once_and_is_named() -> None:
    note = signed(WITNESSES[0], WITNESSES[0], WITNESSES[0])
    opened = open_note(note, [LOG.key, WITNESSES[0].key])
    assert len(opened.signed_by) == 2
    assert opened.repeated == ("w1.example", "w1.example")
    with pytest.raises(VerificationError, match="quorum q is not met: 1 of 3"):
        policy().open(note)


def test_unknown_signature_is_passed_over() -> None:
    opened = open_note(signed(WITNESSES[0]), [LOG.key])
    assert [s.name for s in opened.unknown] == ["w1.example"]


def test_signer_that_returns_rubbish_is_not_believed() -> None:
    class Broken(FileSigner):
        def sign(self, message: bytes) -> bytes:
            return super().sign(message + b"!")

    with pytest.raises(VerificationError, match="does not fit the text"):
        sign_note(TEXT, [Broken("example.com/log", 1, b"l" * 32)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "three lines"),
        ("a\n1\n", "three lines"),
        ("a\n01\n" + encode_base64(EMPTY_ROOT) + "\n", "leading zeros"),
        ("a\n+1\n" + encode_base64(EMPTY_ROOT) + "\n", "leading zeros"),
        ("a\n 1\n" + encode_base64(EMPTY_ROOT) + "\n", "leading zeros"),
        ("a\n\u0661\n" + encode_base64(EMPTY_ROOT) + "\n", "leading zeros"),
        ("a\n9223372036854775808\n" + encode_base64(EMPTY_ROOT) + "\n", "from 0 to"),
        ("a\n1\n" + encode_base64(EMPTY_ROOT[:31]) + "\n", "must be 32 bytes, got 31"),
        ("a\n1\nnot base64!\n", "base64"),
        ("\n1\n" + encode_base64(EMPTY_ROOT) + "\n", "none empty"),
        ("a\n1\n" + encode_base64(EMPTY_ROOT) + "\n\nx\n", "none empty"),
        ("a\n1\n" + encode_base64(EMPTY_ROOT), "three lines"),
    ],
)
def test_malformed_checkpoint_is_refused(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        Checkpoint.parse(text)


def test_checkpoint_keeps_extension_lines_and_refuses_a_full_root_of_nothing() -> None:
    text = Checkpoint("a", 1, EMPTY_ROOT, ("more", "lines")).to_text()
    assert Checkpoint.parse(text).extensions == ("more", "lines")
    with pytest.raises(VerificationError, match="hash of nothing"):
        Checkpoint("a", 0, b"x" * 32).check_empty()


def test_cosignature_binds_text_and_time() -> None:
    key = WITNESSES[0].key
    signature = cosign(TEXT, WITNESSES[0], 1679315147)
    assert key.check(TEXT.encode(), signature) == 1679315147
    moved = Signature(key.name, key.key_id, (1679315148).to_bytes(8, "big") + signature.value[8:])
    with pytest.raises(VerificationError, match="does not fit"):
        key.check(TEXT.encode(), moved)
    with pytest.raises(VerificationError, match="must be 72 bytes, got 64"):
        key.check(TEXT.encode(), Signature(key.name, key.key_id, signature.value[8:]))
    with pytest.raises(VerificationError, match="from 1 to"):
        cosign(TEXT, WITNESSES[0], 0)
    with pytest.raises(FormatError, match="type 0x04, got 0x01"):
        cosign(TEXT, LOG, 5)


def test_policy_counts_groups_within_groups() -> None:
    text = policy("group x 2 w1 w2\ngroup y any w3\ngroup xy all x y\nquorum xy\n")
    keys = [w.key for w in WITNESSES]
    assert text.met_by(keys)
    assert not text.met_by(keys[:2])
    assert not text.met_by(keys[1:])
    assert Policy.parse(text.to_text()) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "exactly one quorum line"),
        ("quorum none", "end in a newline"),
        ("quorum none\nquorum none\n", "line 2: must be the only"),
        ("quorum w1\n", "line 1: quorum must be named"),
        ("log x\nquorum none\n", "line 1: verifier key"),
        (f"log {LOG.key}\nlog {LOG.key}\nquorum none\n", "line 2: key of example.com/log stands twice"),
        (f"log {WITNESSES[0].key}\nquorum none\n", "type 0x01, got 0x04"),
        (f"witness a {LOG.key}\nquorum none\n", "type 0x04, got 0x01"),
        (f"witness none {WITNESSES[0].key}\nquorum none\n", "'none' is taken"),
        (f"witness a {WITNESSES[0].key}\ngroup a any a\nquorum none\n", "'a' is taken"),
        (f"witness a {WITNESSES[0].key}\ngroup g 2 a\nquorum g\n", "from 1 to 1, got 2"),
        (f"witness a {WITNESSES[0].key}\ngroup g 0 a\nquorum g\n", "from 1 to 1, got 0"),
        (f"witness a {WITNESSES[0].key}\ngroup g any a a\nquorum g\n", "member only once"),
        (f"witness a {WITNESSES[0].key}\ngroup g any a none\nquorum g\n", "member must be named"),
        (f"witness a {WITNESSES[0].key}\ngroup g any a\ngroup h any a\nquorum h\n", "member only once"),
        ("group g any\nquorum none\n", "must be a log, witness, group or quorum line"),
        ("logs x\nquorum none\n", "must be a log, witness, group or quorum line"),
        ("quorum none\r\n", "control characters"),
        ("# only\n" * 1001 + "quorum none\n", "at most 1000 lines"),
    ],
)
def test_malformed_policy_is_refused(text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        Policy.parse(text)


def test_policy_allows_comments_tabs_and_addresses() -> None:
    witness = f" witness w1 {WITNESSES[0].key} https://w1.example/\n"
    text = f"# who counts\n\n\tlog\t{LOG.key}  https://example.com/log \n{witness}quorum w1\n"
    found = Policy.parse(text)
    assert found.witnesses[0].url == "https://w1.example/"
    assert found.quorum == "w1"


def proof(note: bytes) -> Proof:
    return Proof(0, (), note, b"entry")


def test_proof_is_required_with_its_quorum() -> None:
    with pytest.raises(VerificationError, match="quorum q is not met: 1 of 3 witnesses signed"):
        require(proof(signed(WITNESSES[0])), b"entry", policy())
    proven = require(proof(signed(*WITNESSES[:2])), b"entry", policy())
    assert proven.witnesses == ("w1", "w2")
    assert proven.time_s == SIGNED_S + 1, "the time by which a quorum had seen it"


def test_only_require_says_that_an_entry_is_proven() -> None:
    proven = require(proof(signed(*WITNESSES)), b"entry", policy(), witnessed=True)
    assert (proven.entry, proven.index) == (b"entry", 0)
    with pytest.raises(VerificationError, match=r"only register\.require"):
        ProvenEntry(b"entry", 0, proven.checkpoint, SIGNED_S, ("w1", "w2"), object())
    with pytest.raises((TypeError, ValueError), match="seal"):
        replace(proven, entry=b"another")  # type: ignore[call-arg]
    with pytest.raises(VerificationError, match="must ask for witnesses, asks for none"):
        require(proof(signed(*WITNESSES)), b"entry", policy("quorum none\n"), witnessed=True)


def test_proof_of_another_entry_or_log_is_refused() -> None:
    with pytest.raises(VerificationError, match="does not lead to the root"):
        require(proof(signed(*WITNESSES)), b"another entry", policy())
    other = Policy(logs=(FileSigner("example.org/other", 1, b"o" * 32).key,))
    with pytest.raises(VerificationError, match="no known key signed"):
        require(proof(signed()), b"entry", other)
    with pytest.raises(VerificationError, match="below the checkpoint's size 1, got 1"):
        require(Proof(1, (), signed(*WITNESSES), None), b"entry", policy())


def test_key_of_one_log_does_not_vouch_for_another() -> None:
    note = sign_note(TEXT.replace("example.com/log", "example.com/other"), [LOG])
    with pytest.raises(VerificationError, match=r"no key of the policy for log example.com/other"):
        Policy(logs=(LOG.key,)).open(note)


def test_time_needs_the_quorum() -> None:
    _, note = policy().open(signed(WITNESSES[0]), quorum=False)
    times = judge_witnesses(note, policy(), CLOCK)
    assert times.quorum_s(policy()) is None
    assert times.quorum_s(policy("quorum none\n")) == SIGNED_S


def test_proof_file_reads_back() -> None:
    full = Proof(7, (b"a" * 32, b"b" * 32), signed(WITNESSES[0]), b"extra")
    assert Proof.parse(full.to_text().encode()) == full
    bare = Proof(0, (), signed(), None)
    assert Proof.parse(bare.to_text().encode()) == bare
    assert bare.to_text().startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nexample.com/log\n1\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"@v1", b"@v2"), "must start with"),
        ((b"index 7", b"index 07"), "leading zeros"),
        ((b"index 7\n", b""), "index line"),
        ((b"index 7", b"extra eA==\nindex 7"), "index line"),
        ((b"\n\n", b"\n"), "base64"),
        ((b"YWFh", b"YWF"), "base64"),
        ((encode_base64(b"a" * 32).encode(), encode_base64(b"a" * 31).encode()), "must be 32 bytes"),
        ((b"index 7\n", b"index 7\n" + (encode_base64(b"a" * 32) + "\n").encode() * 64), "at most 63"),
        ((b"\n1\n", b"\n-1\n"), "leading zeros"),
    ],
)
def test_malformed_proof_is_refused(change: tuple[bytes, bytes], words: str) -> None:
    raw = Proof(7, (b"a" * 32, b"b" * 32), signed(), b"extra").to_text().encode()
    with pytest.raises(FormatError, match=words):
        Proof.parse(raw.replace(*change, 1))


def test_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = FileSigner.fresh("example.com/log")
    made.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FileSigner.load(path).key == made.key
    assert path.read_text().startswith("PRIVATE+KEY+example.com/log+")
    with pytest.raises(UsageError, match="must not exist yet"):
        made.save(path)
    for mode in (0o640, 0o604, 0o644, 0o620, 0o601):
        path.chmod(mode)
        with pytest.raises(StorageError, match=rf"by its owner only, got mode {mode:04o}"):
            FileSigner.load(path)


@pytest.mark.parametrize(
    "text", ["", "x", "PRIVATE+KEY+a+00000000+AA==", "PRIVATE+KEY+a+00000000+!", "PRIVATE+KEY+a", "\xff"]
)
def test_malformed_key_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.key"
    path.touch(0o600)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError):
        FileSigner.load(path)


def test_key_file_must_be_there_and_no_link(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        FileSigner.load(tmp_path / "none.key")
    FileSigner.fresh("a").save(tmp_path / "a.key")
    (tmp_path / "link.key").symlink_to(tmp_path / "a.key")
    with pytest.raises(StorageError, match="cannot be read"):
        FileSigner.load(tmp_path / "link.key")
