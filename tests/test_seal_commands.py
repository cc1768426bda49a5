"""``passerby seal`` as operator, custodian, authorities and requester type it: a test opening from the plan to the result."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.gateway_tools import free_port
from tests.seal_faces import SIDE, drawn_face, three_faces
from tests.seal_tools import CAMERA as PACK_CAMERA
from tests.seal_tools import HOUR, Memory, holders, parcel_of, read, sealed

from passerby.cli import main
from passerby.register import LogReader, SealTestOpened, verify
from passerby_seal.custody import hour_key, hour_of
from passerby_seal.keys import SealingKey, read_policy
from passerby_seal.patches import PatchSealer, cut_patches
from passerby_seal.pieces import BucketContext, SealBucket
from passerby_seal.pieces.opening import custody_boxes

ORIGIN, CAMERA = "cameras.example.org/log", "0f" * 16
DIGEST = "sha256:" + "ab" * 32


class Hands:
    """One machine's shell for all who take part; each has files of their own in one folder.

    Attributes:
        out, err: Of the last command.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        code = caught.value.code
        return code if isinstance(code, int) else 0 if code is None else 1

    def do(self, *words: object) -> str:
        assert self(*words) == 0, self.err
        return self.out

    def path(self, name: str) -> Path:
        return self.folder / name

    def append(self, text: str | list[dict[str, Any]], *more: str) -> int:
        """As the operator, append entries; returns the index of the first."""
        self.path("entries.json").write_text(text if isinstance(text, str) else json.dumps(text))
        lines = self.do("register", "append", self.path("log"), self.path("entries.json"), *more).split()
        return int(lines[0])

    def prove(self, index: int, name: str) -> Path:
        self.do("register", "prove", self.path("log"), index, "-o", self.path(name))
        return self.path(name)


@pytest.fixture
def hands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Hands:
    return Hands(tmp_path, capsys)


@pytest.fixture
def witnessed(hands: Hands) -> Iterator[Hands]:
    """A log with a real witness process, keys of three authorities and a requester, and a custodian's keys."""
    port = free_port()
    name = hands.do("register", "witness", "init", hands.path("w"), "--name", "w.example").strip()
    hands.path("named").write_text(f"witness w {name} http://127.0.0.1:{port}\nquorum w\n")
    vkey = hands.do("register", "init", hands.path("log"), "--origin", ORIGIN, "--policy", hands.path("named")).strip()
    hands.do("register", "witness", "add-log", hands.path("w"), vkey)
    hands.path("witnesses").write_text(f"log {vkey}\n" + hands.path("named").read_text())
    lines = []
    for number in (1, 2, 3):
        public = hands.do("seal", "key", "authority", f"Court {number}", "-o", hands.path(f"court{number}.key")).strip()
        lines.append(f'  - {{name: Court {number}, role: court, key: "{public}"}}')
    hands.path("requester.pub").write_text(hands.do("seal", "key", "requester", "Auditor", "-o", hands.path("r.key")))
    hands.path("authorities.yaml").write_text(
        "needed: 2\nretention: 1h\ncustodian: {name: Archive, who: authority}\nauthorities:\n" + "\n".join(lines) + "\n"
    )
    hands.do(
        "seal",
        "custody",
        "make",
        hands.path("keys"),
        "--public",
        hands.path("custody"),
        "--policy",
        hands.path("authorities.yaml"),
        "--camera",
        CAMERA,
        "--hours",
        2,
    )
    command = [
        sys.executable,
        "-m",
        "passerby",
        "register",
        "witness",
        "serve",
        str(hands.path("w")),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr
        serving.stderr.readline()  # it listens
        try:
            yield hands
        finally:
            serving.terminate()
            serving.communicate(timeout=20)


def registered() -> list[dict[str, Any]]:
    return [
        {
            "kind": "camera.registered",
            "camera": CAMERA,
            "label": "Hall",
            "purpose": {"en": "safety"},
            "legal_basis": {"en": "order 12"},
            "position": "act-2024",
            "retention_h": 0,
        }
    ]


def opened_face(hands: Hands) -> NDArray[np.uint8]:
    """The first picture that was read back, cut to the middle of the face."""
    shown = np.asarray(Image.open(hands.path("opened/piece-1-0.png")))
    top, left = (shown.shape[0] - SIDE // 2) // 2, (shown.shape[1] - SIDE // 2) // 2
    return shown[top : top + SIDE // 2, left : left + SIDE // 2]


def is_test_face(hands: Hands) -> bool:
    """As the authority sees it: rings around the middle."""
    shown, drawn = opened_face(hands).astype(float), drawn_face()[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4]
    return float(np.corrcoef(shown.ravel(), drawn.ravel())[0, 1]) > 0.9


def sealed_pack(hands: Hands, begin: datetime, name: str = "hour.seal", camera: str = CAMERA) -> list[str]:
    """As the gateway, seal three faces from an instant on; returns the roots for the heartbeat."""
    policy, hour = read_policy(hands.path("authorities.yaml")), hour_of(begin)
    custodian = SealingKey(hour_key(hands.path("custody"), CAMERA, hour))
    path, roots = hands.path(name), []

    class File:
        def append(self, data: bytes) -> None:
            with path.open("ab") as file:
                file.write(data)

    with SealBucket(BucketContext(ORIGIN, camera, hour), policy, custodian, File()) as bucket:
        sealer = PatchSealer(bucket)
        for frame in range(5):
            sealer.take(cut_patches(three_faces(begin, frame), 5.0).patches)
        sealer.close()
        tree = bucket.take_tree()
        assert tree
        roots.append(tree.root.hex())
    return roots


def heartbeat(roots: list[str]) -> list[dict[str, Any]]:
    now = datetime.now(UTC).replace(microsecond=0)
    begin, end = (now - timedelta(minutes=1)).isoformat(), now.isoformat()
    fields = {"frames": 9, "faces_covered": 10, "covered_whole_s": 0, "stalled_s": 0, "down_s": 0, "tracks_sealed": 0}
    return [
        {
            "kind": "heartbeat",
            "camera": CAMERA,
            "begin": begin.replace("+00:00", "Z"),
            "end": end.replace("+00:00", "Z"),
        }
        | fields
        | {"sealed_roots": roots, "pieces_sealed": 0, "unsealed_faces": 0}
    ]


def planned(hands: Hands) -> datetime:
    """As an authority, plan a face to be shown in two minutes; returns when."""
    hands.path("face.png").write_bytes(b"a drawn face")
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=120)
    if hour_of(begin) != hour_of(begin + timedelta(seconds=60)):
        begin += timedelta(seconds=60)  # a test stays within one hour
    text = hands.do(
        "seal", "test", "plan", "--camera", CAMERA, "--begin", f"{begin:%Y-%m-%dT%H:%M:%S}", "--seconds", 60,
        "--face", hands.path("face.png"), "-o", hands.path("plan.json"),
    )  # fmt: skip
    assert CAMERA not in text, "which camera is tested is nobody's business before"
    assert hands.append(text, "--witnessed") == 1
    hands.prove(1, "planned.proof")
    return begin


def announced(hands: Hands, *pieces: int) -> str:
    numbers = [word for piece in pieces for word in ("--piece", piece)]
    return hands.do(
        "seal", "test", "announce", hands.path("hour.seal"), "--plan", hands.path("plan.json"), *numbers,
        "--requester", hands.path("requester.pub"), "--log", hands.path("log"),
    )  # fmt: skip


def release(hands: Hands, number: int, proof: Path, out: str = "", **other: Path) -> int:
    return hands(
        "seal", "release", other.get("pack", hands.path("hour.seal")), "--key", hands.path(f"court{number}.key"),
        "--boxes", hands.path("boxes.json"), "--proof", proof, "--witnesses", other.get("witnesses", hands.path("witnesses")),
        "--planned", hands.path("planned.proof"), "--plan", hands.path("plan.json"), "--heartbeat", hands.path("heartbeat.proof"),
        "--requester", other.get("requester", hands.path("requester.pub")), "-o", hands.path(out or f"parcel{number}"),
    )  # fmt: skip


def combine(hands: Hands, *numbers: int, out: str = "opened") -> int:
    parcels = [word for number in numbers for word in ("--parcel", hands.path(f"parcel{number}"))]
    return hands(
        "seal", "combine", hands.path("hour.seal"), *parcels, "--key", hands.path("r.key"), "-o", hands.path(out)
    )


def unlocked(hands: Hands, begin: datetime, proof: Path) -> None:
    """As the custodian, hand out the hour."""
    key = hands.path("keys") / CAMERA / f"{hour_of(begin)}.key"
    hands.do(
        "seal", "unlock", hands.path("hour.seal"), "--key", key, "-o", hands.path("boxes.json"),
        "--proof", proof, "--witnesses", hands.path("witnesses"),
    )  # fmt: skip


def test_a_test_opening_from_the_plan_to_the_result_and_nothing_without_its_entry(witnessed: Hands) -> None:
    hands = witnessed
    hands.append(registered())
    begin = planned(hands)
    roots = sealed_pack(hands, begin)

    # a piece that no heartbeat put on record cannot be named
    refused = (
        "seal", "test", "announce", hands.path("hour.seal"), "--plan", hands.path("plan.json"), "--piece", 1,
        "--requester", hands.path("requester.pub"), "--log", hands.path("log"),
    )  # fmt: skip
    assert hands(*refused) == 1, "the register refuses it, the command was not wrong"
    assert "must stand on record" in hands.err
    hands.prove(hands.append(heartbeat(roots), "--witnessed"), "heartbeat.proof")
    assert ", on record in entry 2" in hands.do("seal", "list", hands.path("hour.seal"), "--log", hands.path("log"))

    # nothing is handed out or released under another entry, or under one that no witness saw
    key = hands.path("keys") / CAMERA / f"{hour_of(begin)}.key"
    other = hands.prove(0, "other.proof")
    assert hands(
        "seal", "unlock", hands.path("hour.seal"), "--key", key, "-o", hands.path("boxes.json"), "--proof", other,
        "--witnesses", hands.path("witnesses"),
    ) == 1  # fmt: skip
    assert "boxes must rest on an entry that names pieces of their pack" in hands.err
    index = hands.append(announced(hands, 1), "--witnessed")
    proof = hands.prove(index, "announced.proof")
    unlocked(hands, begin, proof)
    assert release(hands, 1, other) == 1
    assert "must rest on an opening" in hands.err
    alone = hands.path("alone")
    alone.write_text(hands.path("witnesses").read_text().splitlines()[0] + "\nquorum none\n")
    assert release(hands, 1, proof, witnesses=alone) == 1
    assert "policy must ask for witnesses" in hands.err
    assert not hands.path("parcel1").exists()

    # a pack that was cut off is looked at with a warning, and nothing is released out of it unasked
    cut = hands.path("cut.seal")
    cut.write_bytes(hands.path("hour.seal").read_bytes()[:-1])
    assert "piece 1" in hands.do("seal", "list", cut)
    assert "has no close" in hands.err
    assert release(hands, 1, proof, pack=cut) == 1
    assert "must hold whole records" in hands.err
    assert not hands.path("parcel1").exists()

    # two of three authorities release, to the requester whom the entry names and to nobody else
    hands.path("thief.pub").write_text(hands.do("seal", "key", "requester", "Thief", "-o", hands.path("t.key")))
    assert release(hands, 1, proof, requester=hands.path("thief.pub")) == 1
    assert "requester whom the entry names" in hands.err
    for number in (1, 3):
        assert release(hands, number, proof) == 0, hands.err
    assert combine(hands, 1) == 1
    assert "shares must come from 2 authorities, got 1" in hands.err
    assert not hands.path("opened").exists()
    assert combine(hands, 1, 3) == 0, hands.err
    names = sorted(path.name for path in hands.path("opened").iterdir())
    assert names == [*(f"piece-1-{n}.png" for n in range(5)), "piece-1.json"], "this one and no other"
    assert is_test_face(hands)
    assert hands.path("opened/piece-1-0.png").stat().st_mode & 0o077 == 0

    # the result and the reveal of the plan stand in the log, and it holds together
    text = hands.do(
        "seal", "test", "result", hands.path("hour.seal"), "--plan", hands.path("plan.json"),
        "--opened", hands.path("opened"), "--planned", 1, "--same-face",
    )  # fmt: skip
    hands.append(text, "--witnessed")
    with closing(LogReader.open(hands.path("log"))) as reader:
        last = [entry for entry in reader.entries() if isinstance(entry, SealTestOpened)]
        kinds = {problem.kind for problem in verify(reader).problems}
    assert [entry.passed for entry in last] == [True]
    assert kinds <= {"sealing", "order"}, "that this log never announced its sealing, and never started its camera"


def test_what_was_opened_outside_of_the_plan_does_not_pass(hands: Hands) -> None:
    """A test must not be a way to open anybody's face: the time is part of the commitment."""
    value = json.dumps({"begin": "2026-11-30T10:00:00+00:00", "camera": CAMERA, "face": DIGEST, "seconds": 60})
    hands.path("plan.json").write_text(json.dumps({"test": "7e" * 16, "salt": "5a" * 32, "value": value}))
    for number in (1, 2, 3):
        public = hands.do("seal", "key", "authority", f"Court {number}", "-o", hands.path(f"court{number}.key")).strip()
        hands.path(f"{number}.pub").write_text(public)
    keys = [hands.path(f"{number}.pub").read_text() for number in (1, 2)]
    hands.path("authorities.yaml").write_text(
        "needed: 2\nretention: 1h\ncustodian: {name: Archive, who: authority}\nauthorities:\n"
        + "".join(f'  - {{name: Court {n}, role: court, key: "{key}"}}\n' for n, key in enumerate(keys))
    )
    now = datetime.now(UTC)
    hands.do(
        "seal",
        "custody",
        "make",
        hands.path("keys"),
        "--public",
        hands.path("custody"),
        "--policy",
        hands.path("authorities.yaml"),
        "--camera",
        CAMERA,
        "--hours",
        2,
    )
    sealed_pack(hands, now)
    hands.path("opened").mkdir()
    hands.path("opened/piece-1.json").write_text(json.dumps({"begin_ms": round(now.timestamp() * 1000)}))
    code = hands(
        "seal", "test", "result", hands.path("hour.seal"), "--plan", hands.path("plan.json"),
        "--opened", hands.path("opened"), "--planned", 1, "--same-face",
    )  # fmt: skip
    assert code == 1
    assert "piece 1 is not of the time that was planned" in hands.err
    assert json.loads(hands.out)[0]["passed"] is False


def test_a_test_is_planned_within_one_hour(hands: Hands) -> None:
    """Keys are of hours: a plan over the edge of two would name pieces of both."""
    hands.path("face.png").write_bytes(b"a drawn face")
    day = datetime.now(UTC) + timedelta(days=2)

    def plan(at: str, seconds: int) -> int:
        return hands(
            "seal", "test", "plan", "--camera", CAMERA, "--begin", f"{day:%Y-%m-%d}T{at}", "--seconds", seconds,
            "--face", hands.path("face.png"), "-o", hands.path("plan.json"),
        )  # fmt: skip

    assert plan("10:59:01", 60) == 2
    assert "within one full hour" in hands.err
    assert not hands.path("plan.json").exists()
    assert plan("10:59:00", 60) == 0, hands.err


def test_a_hold_outlives_the_hour_s_key(witnessed: Hands) -> None:
    hands = witnessed
    hands.append(registered())
    begin = planned(hands)
    roots = sealed_pack(hands, begin)
    hands.prove(hands.append(heartbeat(roots), "--witnessed"), "heartbeat.proof")
    digest = json.loads(hands.do("seal", "list", hands.path("hour.seal"), "--json"))["pieces"][1]["digest"]
    case = "c5" * 16
    details = {"digest": DIGEST, "reveal_by": "2027-11-30T10:00:00Z"}
    until = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    index = hands.append(
        [
            {"kind": "request.received", "case": case, "position": "act-2024", "details": details},
            {"kind": "seal.held", "case": case, "camera": CAMERA, "pieces": [digest], "until": until},
        ],
        "--witnessed",
    )
    proof = hands.prove(index + 1, "held.proof")
    unlocked(hands, begin, proof)
    for number in (1, 3):
        hands.do(
            "seal", "hold", hands.path("hour.seal"), "--key", hands.path(f"court{number}.key"),
            "--boxes", hands.path("boxes.json"), "--proof", proof,
            "--witnesses", hands.path("witnesses"), "-o", hands.path(f"hold{number}"),
        )  # fmt: skip
    assert release(hands, 1, proof) == 1, "a hold releases nothing"
    hands.path("boxes.json").unlink()
    proof = hands.prove(hands.append(announced(hands, 1), "--witnessed"), "announced.proof")
    for number in (1, 3):
        hands.do(
            "seal", "release", hands.path("hour.seal"), "--key", hands.path(f"court{number}.key"),
            "--hold", hands.path(f"hold{number}"), "--proof", proof, "--witnesses", hands.path("witnesses"),
            "--planned", hands.path("planned.proof"), "--plan", hands.path("plan.json"),
            "--heartbeat", hands.path("heartbeat.proof"),
            "--requester", hands.path("requester.pub"), "-o", hands.path(f"parcel{number}"),
        )  # fmt: skip
    assert combine(hands, 1, 3) == 0, hands.err
    assert is_test_face(hands)


def test_a_policy_is_told_in_words_and_a_wrong_one_by_its_line(hands: Hands) -> None:
    publics = [hands.do("seal", "key", "authority", f"Court {n}", "-o", hands.path(f"{n}.key")).strip() for n in (1, 2)]
    text = "needed: 2\nretention: 72h\ncustodian: {name: City, who: operator}\nauthorities:\n" + "".join(
        f'  - {{name: Court {n}, role: court, key: "{public}"}}\n' for n, public in enumerate(publics)
    )
    hands.path("a.yaml").write_text(text)
    told = hands.do("seal", "policy", hands.path("a.yaml"))
    assert "any 2 of 2 open together" in told
    assert "after 72 hours by City, the operator itself" in told
    hands.path("a.yaml").write_text(text.replace("needed: 2", "needed: 1"))
    assert hands("seal", "policy", hands.path("a.yaml")) == 2
    assert "a.yaml:1:" in hands.err


def test_without_the_distribution_the_verb_says_how_to_get_it() -> None:
    """In a process that cannot find it, as where it was never installed."""
    program = (
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'passerby_seal' else found(name, package)\n"
        "from passerby.cli import main\n"
        "main(['seal', 'list', 'x', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "sealing must be installed to be used" in done.stderr


def test_keys_are_made_for_the_owner_alone_and_never_over_another(hands: Hands) -> None:
    hands.do("seal", "key", "authority", "Court", "-o", hands.path("a.key"))
    assert hands.path("a.key").stat().st_mode & 0o077 == 0
    assert hands("seal", "key", "authority", "Court", "-o", hands.path("a.key")) == 2
    assert "must not exist yet" in hands.err


def test_a_key_of_files_is_told_to_go_by_hand(hands: Hands) -> None:
    who = holders()
    shared = hands.do("seal", "key", "custodian-of-files", "City", "-o", hands.path("files.key")).strip()
    lines = "".join(f'  - {{name: {one.name}, role: court, key: "{one.key.text}"}}\n' for one in who.policy.authorities)
    hands.path("a.yaml").write_text(
        f'needed: 2\nretention: 72h\ncustodian: {{name: City, who: operator, key: "{shared}"}}\nauthorities:\n{lines}'
    )
    told = hands.do("seal", "policy", hands.path("a.yaml"))
    assert "keys of cameras are destroyed after 72 hours" in told
    assert "the key goes by hand only" in told


def test_a_piece_whose_meta_lies_is_refused_by_its_error(hands: Hands) -> None:
    who, memory = holders(), Memory()
    with SealBucket(BucketContext(ORIGIN, PACK_CAMERA, HOUR), who.policy, who.custodian.public, memory) as bucket:
        writer = bucket.open_piece()
        writer.write(b"no pictures")
        writer.close({"codec": "h264/1", "begin_ms": 0, "frames": "x", "canvas": [16, 16]})
    hands.path("hour.seal").write_bytes(memory)
    pack = read(bytes(memory))
    boxes = custody_boxes(pack, who.custodian)
    for number in (1, 2):
        hands.path(f"parcel{number}").write_bytes(parcel_of(pack, who, boxes, number, 0).to_json())
    who.requester.save(hands.path("r.key"))
    assert combine(hands, 1, 2) == 1
    assert "a piece must be of codec h264/1 with whole numbers in its meta" in hands.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forbid it")
def test_no_seal_command_can_be_dumped() -> None:
    program = (
        "import ctypes, sys\n"
        "from passerby.cli import main\n"
        "try:\n"
        "    main(['seal', 'policy', 'missing.yaml'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('dumpable', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["dumpable", "0"], done.stderr


@pytest.mark.parametrize("name", ["", " ", "District\nCourt", "District\u2028Court", "x" * 201])
def test_a_key_s_holder_has_a_name_of_one_line(hands: Hands, name: str) -> None:
    assert hands("seal", "key", "authority", name, "-o", hands.path("a.key")) == 2
    assert "must be one line" in hands.err
    assert not hands.path("a.key").exists()


def test_a_test_is_planned_for_a_camera_of_the_register(hands: Hands) -> None:
    hands.path("face.png").write_bytes(b"a drawn face")
    assert hands("seal", "test", "plan", "--camera", "Hall", "--begin", "2999-01-01T10:00:00", "--face",
                 hands.path("face.png"), "-o", hands.path("plan.json")) == 2  # fmt: skip
    assert "must be its identifier" in hands.err
    assert not hands.path("plan.json").exists()


def test_a_folder_of_pictures_is_a_new_one(hands: Hands) -> None:
    """Where it cannot be made it is said, as of any output, and what stands there stays."""
    who = holders()
    hands.path("hour.seal").write_bytes(sealed(who, b"face"))
    pack = read(hands.path("hour.seal").read_bytes())
    boxes = custody_boxes(pack, who.custodian)
    for number in (1, 2):
        hands.path(f"parcel{number}").write_bytes(parcel_of(pack, who, boxes, number, 0).to_json())
    who.requester.save(hands.path("r.key"))
    hands.path("taken").mkdir()
    assert combine(hands, 1, 2, out="taken") == 2
    assert "must not exist yet" in hands.err
    assert combine(hands, 1, 2, out="parcel1/below") == 1
    assert "cannot make" in hands.err
    assert list(hands.path("taken").iterdir()) == []


@pytest.mark.parametrize("name", ["piece-x.json", "piece-.json", "piece-9999999999.json"])
def test_a_folder_that_is_none_of_opened_pieces_is_refused(hands: Hands, name: str) -> None:
    value = json.dumps({"begin": "2026-11-30T10:00:00+00:00", "camera": CAMERA, "face": DIGEST, "seconds": 60})
    hands.path("plan.json").write_text(json.dumps({"test": "7e" * 16, "salt": "5a" * 32, "value": value}))
    hands.path("hour.seal").write_bytes(sealed(holders(), b"face"))
    hands.path("opened").mkdir()
    (hands.path("opened") / name).write_text("{}")
    assert hands("seal", "test", "result", hands.path("hour.seal"), "--plan", hands.path("plan.json"),
                 "--opened", hands.path("opened"), "--planned", 1, "--same-face") == 2  # fmt: skip
    assert f"holds {name}" in hands.err


def test_a_key_of_another_role_is_wrong_use(hands: Hands) -> None:
    who = holders()
    hands.path("hour.seal").write_bytes(sealed(who, b"face"))
    who.authorities[0].save(hands.path("r.key"))
    hands.path("parcel1").write_text("{}")
    assert combine(hands, 1) == 2
    assert "must be of role requester, got authority" in hands.err
