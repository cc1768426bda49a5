"""Keys and policies are read as they are meant or refused with their line; what must be forgotten is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785
from tests.needs import program
from tests.seal_tools import CAMERA, HOUR, ORIGIN, holders, parcel_of, read

from passerby.errors import ConfigError, StorageError, UsageError
from passerby_seal.keys import (
    SECRET_BYTES,
    AuthorityKey,
    CustodyKey,
    SealingKey,
    parse_policy,
    prefixed,
    random_buffer,
    read_policy,
)
from passerby_seal.pieces import combine
from passerby_seal.pieces.context import FORMAT, Binding, BucketContext
from passerby_seal.pieces.opening import custody_boxes
from passerby_seal.pieces.shares import PieceKey, SeedChain, seeds_of
from passerby_seal.refusals import KeyFormatError, SealFormatError

WHO = holders()
KEYS = [key.public.text for key in WHO.authorities]
POLICY = f"""needed: 2
retention: 72h
custodian:
  name: City archive
  who: authority
authorities:
  - {{name: District court, role: court, key: {KEYS[0]}}}
  - {{name: Data protection, role: supervisory authority, key: {KEYS[1]}}}
  - {{name: Ombudsman, role: third party, key: {KEYS[2]}}}
"""


def written(path: Path, text: str) -> Path:
    (path / "authorities.yaml").write_text(text, encoding="utf-8")
    return path / "authorities.yaml"


def test_a_policy_is_read(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, POLICY))
    assert (policy.needed, policy.retention_s, len(policy.authorities)) == (2, 72 * 3600, 3)
    assert policy.authorities[1].role == "supervisory authority"
    folded = POLICY.replace(KEYS[0], '"' + KEYS[0][:400] + "\n      " + KEYS[0][400:] + '"')
    assert read_policy(written(tmp_path, folded)).digest == policy.digest
    with_key = POLICY.replace("who: authority", f"who: authority\n  key: {WHO.custodian.public.text}")
    assert read_policy(written(tmp_path, with_key)).custodian.key == WHO.custodian.public


@pytest.mark.parametrize(
    ("was", "now", "line", "words"),
    [
        ("needed: 2", "needed: 1", 1, "from 2 to the 3 authorities, got 1"),
        ("needed: 2", "needed: 4", 1, "from 2 to the 3 authorities, got 4"),
        ("needed: 2", "needed: many", 1, "must be a number"),
        ("needed: 2\n", "needed: 2\nneeded: 2\n", 2, "must stand once"),
        ("needed: 2\n", "", 1, "needed must stand here"),
        ("72h", "72", 2, "must be hours, such as 72h"),
        ("72h", "721h", 2, "at most 720h"),
        ("who: authority", "who: nobody", 5, "authority or operator"),
        ("  who: authority\n", "", 4, "who must stand here"),
        ("retention:", "retained:", 2, "got 'retained'"),
        ("role: court", "role: ''", 7, "one line"),
        ("role: court", "role: ' '", 7, "one line"),
        ("role: court", 'role: "c\u2028"', 7, "one line"),
        ("Ombudsman", "District court", 9, "differ in name and key"),
        (KEYS[2], KEYS[0], 9, "differ in name and key"),
        (KEYS[1], KEYS[1][:-8], 8, "must be 1216 bytes"),
        (KEYS[1], "age1xyz", 8, "must start with mlkem768-x25519:"),
        (KEYS[1], "'mlkem768-x25519:!!'", 8, "must be base64"),
        (POLICY, "", 1, "got an empty file"),
        (POLICY, "- a\n", 1, "got no mapping"),
        (POLICY, "a: [", 1, "readable YAML"),
        (POLICY, "#" * 70_000, 1, "at most 65536 bytes"),
    ],
)
def test_a_policy_that_is_wrong_is_refused_with_its_line(
    was: str, now: str, line: int, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, POLICY.replace(was, now, 1))
    with pytest.raises(ConfigError, match=words) as caught:
        read_policy(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_policy_keeps_for_72_hours_where_it_says_nothing(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, POLICY.replace("retention: 72h\n", "")))
    assert policy == read_policy(written(tmp_path, POLICY))
    assert policy.retention_s == 72 * 3600


def test_a_policy_that_cannot_be_read_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe")
    for path, words in (
        (tmp_path / "nothere.yaml", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "odd.yaml", "UTF-8"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            read_policy(path)
        assert caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"needed": 1},
        {"needed": 4},
        {"needed": True},
        {"needed": "2"},
        {"retention_s": None},
        {"retention_s": 10**9},
        {"authorities": []},
        {"custodian": {"name": 1, "who": "authority"}},
        {"custodian": {"name": "archive", "who": "nobody"}},
        {"custodian": {"name": "archive\n", "who": "authority"}},
        {"more": 1},
    ],
)
def test_the_policy_of_a_pack_has_the_same_bounds(change: dict[str, object]) -> None:
    said = json.loads(WHO.policy.to_json())
    assert parse_policy(rfc8785.dumps(said)).digest == WHO.policy.digest
    with pytest.raises(SealFormatError):
        parse_policy(rfc8785.dumps(said | change))
    doubled = said | {"authorities": [*said["authorities"], said["authorities"][0] | {"name": "again"}]}
    with pytest.raises(SealFormatError):
        parse_policy(rfc8785.dumps(doubled))
    with pytest.raises(SealFormatError):
        parse_policy(json.dumps(said).encode())


def test_eight_authorities_and_one_are_refused(tmp_path: Path) -> None:
    row = "  - {{name: A{0}, role: court, key: {1}}}\n"
    head = POLICY[: POLICY.index("  - {name")]
    many = "".join(row.format(number, AuthorityKey.make(name="a").public.text) for number in range(8))
    for rows in (many, row.format(0, KEYS[0])):
        with pytest.raises(ConfigError, match="authorities must be 2 to 7"):
            read_policy(written(tmp_path, head + rows))


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "court.key"
    key = AuthorityKey.make(name="court")
    key.save(path)
    assert AuthorityKey.load(path).public == key.public
    with pytest.raises(UsageError, match="must not exist yet"):
        key.save(path)
    text = path.read_bytes()
    path.chmod(0o644)
    with pytest.raises(StorageError, match="readable by its owner only"):
        AuthorityKey.load(path)
    path.chmod(0o600)
    with pytest.raises(KeyFormatError, match="of role custodian, got authority"):
        CustodyKey.load(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(StorageError):
        AuthorityKey.load(tmp_path / "link")
    for wrong in (
        b"",
        text[:-1],
        text + b"\n",
        text.replace(b"seal-key/1", b"seal-key/2"),
        b"[]" + text[text.index(b"\n") :],
        text.upper(),
    ):
        path.write_bytes(wrong)
        with pytest.raises(KeyFormatError):
            AuthorityKey.load(path)


@pytest.mark.parametrize("name", ["seed", "self", "about"])
def test_a_key_file_that_tells_more_than_its_role_needs_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "key"
    AuthorityKey.make(name="court").save(path)
    path.write_bytes(path.read_bytes().replace(b'"name"', f'"{name}":"","name"'.encode()))
    with pytest.raises(KeyFormatError, match="must tell name"):
        AuthorityKey.load(path)


def test_a_box_opens_for_its_key_and_its_purpose_alone() -> None:
    key = WHO.authorities[0]
    box = key.public.seal(b"seeds", b"purpose")
    assert key.open(box, b"purpose") == bytearray(b"seeds")
    assert key.open(box, b"another") is None
    assert WHO.authorities[1].open(box, b"purpose") is None
    assert key.open(box[:-1] + bytes([box[-1] ^ 1]), b"purpose") is None
    assert key.open(box[:100], b"purpose") is None
    forgotten = AuthorityKey.make(name="gone")
    box = forgotten.public.seal(b"seeds", b"purpose")
    forgotten.forget()
    assert forgotten.open(box, b"purpose") is None
    assert forgotten.seed == bytearray(SECRET_BYTES)
    assert SealingKey.parse(key.public.text) == key.public


def test_seeds_run_forward_in_place_and_are_overwritten() -> None:
    binding = Binding(BucketContext(ORIGIN, CAMERA, HOUR), WHO.policy.digest, WHO.custodian.public.digest, bytes(32))
    seeds = {number: random_buffer() for number in range(3)}
    before = {number: bytes(seed) for number, seed in seeds.items()}
    chain = SeedChain(seeds, binding)
    shares = chain.shares()
    chain.step()
    assert all(seeds[number] != before[number] for number in seeds)
    assert chain.shares() != shares
    key = PieceKey(shares, binding, 0)
    assert all(share == bytearray(SECRET_BYTES) for share in shares.values())
    key.forget()
    assert key.stream == bytearray(SECRET_BYTES)
    chain.forget()
    assert all(seed == bytearray(SECRET_BYTES) for seed in seeds.values())


PAGE = 4096
SEALER = """
import os
import sys
from pathlib import Path
from passerby_seal.keys import Authority, Custodian, SealingKey, SealPolicy
from passerby_seal.pieces import BucketContext, SealBucket

class Out:
    def append(self, data):
        sys.stdout.buffer.write(data)

camera, hour, *keys = sys.argv[1:]
authorities = tuple(Authority(f"a{n}", "court", SealingKey.parse(key)) for n, key in enumerate(keys[1:]))
policy = SealPolicy(2, authorities, Custodian("archive", "authority"), 3600)
bucket = SealBucket(BucketContext("register.example/city", camera, hour), policy, SealingKey.parse(keys[0]), Out())
for number in range(5):
    piece = bucket.open_piece()
    piece.write(b"face" * 6000)
    piece.close({})
bucket.close()
sys.stdout.buffer.flush()
os.close(1)
sys.stdin.read()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/PID/mem")
def test_no_seed_and_no_piece_key_is_left_in_the_memory_of_a_process_that_closed_its_bucket() -> None:
    command = [program("python3") if not sys.executable else sys.executable, "-c", SEALER, CAMERA, HOUR]
    with subprocess.Popen(
        [*command, WHO.custodian.public.text, *KEYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        pack = read(child.stdout.read())
        boxes = custody_boxes(pack, WHO.custodian)
        parcels = [parcel_of(pack, WHO, boxes, number, *pack.pieces) for number in (1, 2)]
        secrets = [bytes(key.stream) for key in combine(parcels, WHO.requester, pack).values()]
        for number, key in enumerate(WHO.authorities, start=1):
            info = pack.binding.info(f"{FORMAT} authority") + bytes([number])
            opened = key.open(boxes.boxes[number - 1], info) or bytearray()
            secrets += [bytes(opened[at : at + 32]) for at in range(0, len(opened), 32)]
            chain = SeedChain(
                {a: opened[32 * row : 32 * row + 32] for row, a in enumerate(seeds_of(number, 3, 2))}, pack.binding
            )
            for _ in range(5):
                secrets += [bytes(share) for share in chain.shares().values()]
                chain.step()
        memory = _memory(child.pid)
        assert pack.binding.json in memory, "it is the right process, and it was read"
        child.communicate(b"")
    assert len(set(secrets)) == 5 + 3 + 5 * 3
    assert sum(secret in memory for secret in secrets) == 0


def _memory(pid: int) -> bytes:
    """Return all pages that a process may write to and that are not empty."""
    pages = []
    with Path(f"/proc/{pid}/maps").open(encoding="ascii") as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            begin, end = (int(place, 16) for place in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(begin)
                region = memory.read(end - begin)
                pages += [
                    region[at : at + PAGE]
                    for at in range(0, len(region), PAGE)
                    if region.count(0, at, at + PAGE) < PAGE
                ]
    return b"".join(pages)


def test_lengths_stand_before_parts_so_that_none_can_be_shifted() -> None:
    assert prefixed(b"ab", b"c") != prefixed(b"a", b"bc")
