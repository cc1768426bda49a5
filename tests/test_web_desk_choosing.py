"""What the desk lists, opens and takes: nothing outside, nothing twice, nothing on disk, and why something is refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.desk_choosing import PNG, Desk, choosing_desk
from tests.gateway_tools import wait_for

from passerby.desk.intake.dropped import DroppedFiles, HeldFile, plain_name
from passerby.desk.intake.opened import DeskFiles, fitting_output
from passerby.desk.intake.places import Places
from passerby.desk.project import known_digest, known_digests
from passerby.errors import UsageError
from passerby.values import Digest, digest_file


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with choosing_desk(tmp_path) as made:
        yield made


# the list


def test_the_list_holds_folders_and_files_and_says_which_are_footage(desk: Desk) -> None:
    (desk.home / "Videos").mkdir()
    (desk.home / "b.MP4").write_bytes(b"1234")
    (desk.home / "a.txt").write_text("x")
    (desk.home / ".hidden.mp4").write_text("x")
    found = desk.shown()
    assert [name for name, _ in found["folders"]] == ["Videos"]
    assert [(one["name"], one["likely"], one["size_bytes"]) for one in found["files"]] == [
        ("a.txt", False, 1),
        ("b.MP4", True, 4),
    ]
    assert found["parent"] == "", "above the home folder there is nothing to list"
    assert [one["path"] for one in found["starts"]] == [str(desk.home), str(desk.home / "Videos")]
    assert desk.shown(desk.home / "Videos")["parent"] == str(desk.home)


def test_a_name_that_is_no_text_costs_its_file_and_not_the_page(desk: Desk) -> None:
    (desk.home / os.fsdecode(b"caf\xe9.png")).write_bytes(PNG)
    (desk.home / "a.png").write_bytes(PNG)
    found = desk.shown()
    assert ([one["name"] for one in found["files"]], found["left_out"]) == (["a.png"], 1)
    assert desk.open(desk.home).status_code == 200
    told = {one["name"]: (one["phase"], one["hint"]) for one in desk.settled()}
    assert told == {"a.png": ("done", ""), "caf?.png": ("failed", "rename it first")}


@pytest.mark.parametrize(
    "folder", ["/proc", "/sys", "/dev", "/", "/etc", "{home}/..", "{home}/out", "{home}/proc/self", "{home}/none"]
)
def test_nothing_outside_is_listed_or_opened_by_whatever_way(desk: Desk, tmp_path: Path, folder: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (desk.home / "out").symlink_to(tmp_path)
    (desk.home / "proc").symlink_to("/proc")
    asked = folder.format(home=desk.home)
    answer = desk.client.get("/api/list", params={"folder": asked})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "hint", "kind"}
    assert answer.json()["kind"] == "UsageError"
    assert desk.open(Path(asked) / "secret.mp4").status_code == 400
    assert desk.files() == []
    assert desk.shown()["folders"] == [], "a link that leads elsewhere is not shown"


def test_a_medium_that_is_mounted_may_be_listed_and_what_was_named(tmp_path: Path) -> None:
    home, media, named = (tmp_path / name for name in ("home", "media", "named"))
    for folder in (home, media / "CARD" / "DCIM", named):
        folder.mkdir(parents=True)
    places = Places(home, [named], media=[media, tmp_path / "none"])
    assert list(dict.fromkeys(places.shortcuts())) == [named, home, media / "CARD"]
    assert [name for name, _ in places.contents(media / "CARD").folders] == ["DCIM"]
    assert places.first == named
    with pytest.raises(UsageError):
        places.contents(media)


def test_the_system_s_folders_stay_closed_even_where_they_were_named() -> None:
    with pytest.raises(UsageError, match="must lie"):
        Places(Path("/"), [Path("/proc")]).allowed(Path("/proc/self"))


def test_of_a_huge_folder_the_first_entries_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"")
    found = Places(tmp_path, most=20).contents(tmp_path)
    assert (len(found.files), found.left_out) == (20, 10)


# opening


def test_a_file_is_veiled_once_and_opened_as_it_is_the_next_time(desk: Desk) -> None:
    source = desk.home / "a.png"
    source.write_bytes(PNG)
    assert desk.open(source).json()["files"][0]["phase"] in {"waiting", "veiling", "done"}
    [first] = desk.settled()
    assert (first["phase"], first["stood"], first["faces"], first["share"]) == ("done", False, 1, 1.0)
    assert first["output"] == str(desk.home / "a_veiled.png")
    desk.open(source)
    assert [one["id"] for one in desk.settled()] == [first["id"]], "what is open already is no second file"
    with DeskFiles() as another:
        another.open(source)
        wait_for(lambda: not another.busy)
        assert another.get("1").stood


def test_what_stands_under_the_output_s_name_is_left_alone(tmp_path: Path) -> None:
    source, wanted = tmp_path / "a.png", tmp_path / "a_veiled.png"
    source.write_bytes(PNG)
    wanted.write_bytes(b"somebody's own")
    assert fitting_output(source, wanted) == (tmp_path / "a_veiled 2.png", False)
    second = tmp_path / "a_veiled 2.png"
    second.write_bytes(b"veiled")
    tracks = tmp_path / "a_veiled 2.png.tracks.json"
    tracks.write_text(json.dumps({"source": digest_file(source), "output": digest_file(second)}) + "\n")
    assert fitting_output(source, wanted) == (second, True)
    manifest = tmp_path / "a_veiled 2.png.manifest.json"
    manifest.write_text(json.dumps({"settings": {"write": {"start_s": 1.0, "end_s": None}}}))
    assert fitting_output(source, wanted) == (tmp_path / "a_veiled 3.png", False), "its frames are not the input's"
    manifest.unlink()
    second.write_bytes(b"changed since")
    assert fitting_output(source, wanted) == (tmp_path / "a_veiled 3.png", False)
    tracks.write_text("[]\n")
    assert fitting_output(source, wanted) == (tmp_path / "a_veiled 3.png", False)


def test_a_digest_is_known_until_the_file_is_another(tmp_path: Path) -> None:
    file, reads = tmp_path / "a", list[Path]()

    def read(path: Path) -> Digest:
        reads.append(path)
        return digest_file(path)

    for content in (b"one", b"two"):
        file.write_bytes(content)
        assert known_digest(file, read=read) == digest_file(file), "its time may be the same as before"
    assert len(reads) == 2
    for _ in range(3):
        assert known_digest(file, read=read, now_ns=lambda: 1 << 62) == digest_file(file)
    assert len(reads) == 3, "known once the change lies behind"
    file.write_bytes(b"another")
    assert known_digests(file, file) == [digest_file(file)] * 2


def test_a_folder_is_opened_whole_and_what_cannot_be_veiled_says_what_helps(desk: Desk) -> None:
    (desk.home / "a.png").write_bytes(PNG)
    (desk.home / "b.pdf").write_bytes(b"%PDF-1.7\n")
    (desk.home / "notes.txt").write_text("x")
    assert desk.open(desk.home).status_code == 200
    told = {one["name"]: one for one in desk.settled()}
    assert set(told) == {"a.png", "b.pdf"}
    assert told["a.png"]["phase"] == "done"
    assert told["b.pdf"]["phase"] == "failed"
    assert "input must be" in told["b.pdf"]["error"]
    assert told["b.pdf"]["kind"] == "UnsupportedError"
    assert "pdftoppm" in told["b.pdf"]["hint"]


def test_wrong_input_is_answered_with_the_refusal_s_own_words(desk: Desk) -> None:
    (desk.home / "a.pdf").write_bytes(b"%PDF-1.7\n")
    (desk.home / "empty").mkdir()
    [refused] = desk.open(desk.home / "a.pdf").json()["files"]
    assert refused["phase"] == "failed"
    assert "pdftoppm" in refused["hint"]
    assert "no picture or clip" in desk.open(desk.home / "empty").json()["error"]
    (desk.home / "a.pdf").write_bytes(PNG)
    desk.open(desk.home / "a.pdf")
    assert [one["phase"] for one in desk.settled()] == ["done"], "mended, it is opened under its old number"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"paths": []}', '{"paths": "a"}', '{"paths": [1]}', "x" * 70_000])
def test_what_is_no_request_is_refused(desk: Desk, body: str) -> None:
    assert desk.client.post("/api/open", content=body).status_code == 400
    assert desk.client.post("/api/files/99/stop").status_code == 404


def test_a_file_is_stopped_and_begun_again(desk: Desk) -> None:
    (desk.home / "slow.png").write_bytes(PNG)
    desk.open(desk.home / "slow.png")
    wait_for(lambda: desk.files()[0]["share"] == 0.25)
    assert desk.client.post("/api/files/1/stop").json()["phase"] == "stopped"
    assert desk.client.post("/api/files/1/again").json()["phase"] in {"waiting", "veiling"}
    wait_for(lambda: desk.files()[0]["share"] == 0.25)
    desk.client.post("/api/files/1/stop")
    assert [one.name for one in desk.home.iterdir()] == ["slow.png"]


def test_several_files_at_once_each_with_its_own_progress(desk: Desk) -> None:
    for name in ("slow1.png", "slow2.png", "c.png"):
        (desk.home / name).write_bytes(PNG)
    desk.open(*(desk.home / name for name in ("slow1.png", "slow2.png", "c.png")))
    wait_for(lambda: [one["share"] for one in desk.files()][:2] == [0.25, 0.25])
    assert desk.files()[2]["phase"] == "waiting"
    desk.client.post("/api/files/1/stop")
    wait_for(lambda: desk.files()[2]["phase"] == "done")


# files that are dropped


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files of memory")
class TestDropped:
    def test_its_bytes_are_in_memory_and_its_output_where_the_user_says(self, desk: Desk) -> None:
        (desk.home / "Pictures").mkdir()
        where = {"name": "C:\\fakepath\\party.png", "folder": str(desk.home / "Pictures")}
        answer = desk.client.put("/api/drop", params=where, content=PNG)
        assert answer.status_code == 200, answer.text
        [file] = desk.settled()
        assert (file["name"], file["folder"], file["phase"]) == ("party.png", "", "done"), file
        assert file["notes"] == [str(len(PNG))], "the process that veils read every byte"
        assert file["output"] == str(desk.home / "Pictures" / "party_veiled.png")
        bare = [one for one in desk.home.rglob("*") if one.is_file() and PNG[1000:1400] in one.read_bytes()]
        assert bare == []

    def test_more_than_there_is_room_for_is_answered_with_the_list(self, desk: Desk) -> None:
        for content in (bytes(2 << 20), iter([bytes(1 << 19)] * 4)):
            answer = desk.client.put("/api/drop", params={"name": "a.png"}, content=content)
            assert answer.status_code == 400
            assert "at most 1 MB" in answer.json()["error"]
            assert "list" in answer.json()["hint"]
        assert desk.client.put("/api/drop", params={"name": "a.png"}, content=PNG).status_code == 200, (
            "room was given back"
        )

    def test_what_is_no_footage_is_refused_and_let_go_of(self, desk: Desk) -> None:
        for _ in range(3):
            answer = desk.client.put("/api/drop", params={"name": "a.pdf"}, content=b"%PDF-1.7\n" + bytes(500_000))
            assert "pdftoppm" in answer.json()["files"][0]["hint"]

    def test_a_result_goes_nowhere_outside(self, desk: Desk) -> None:
        for where in ({"folder": "/etc"}, {"folder": "/proc/self"}, {"name": ".."}, {"name": ""}):
            assert desk.client.put("/api/drop", params={"name": "a.png"} | where, content=PNG).status_code == 400

    def test_a_drop_that_breaks_off_leaves_nothing(self) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            raise ConnectionResetError

        async def take(dropped: DroppedFiles) -> None:
            await dropped.hold("a.mp4", broken())

        with DroppedFiles(4) as dropped:
            with pytest.raises(ConnectionResetError):
                asyncio.run(take(dropped))
            held = asyncio.run(self.hold(dropped, b"full"))
            assert held.path.read_bytes() == b"full"
            folder = held.path.parent.parent
        assert not folder.exists()
        held_still = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        assert not [name for name in held_still if "memfd:passerby" in name]

    @staticmethod
    async def hold(dropped: DroppedFiles, data: bytes) -> HeldFile:
        async def parts() -> AsyncIterator[bytes]:
            yield data

        return await dropped.hold("a.mp4", parts())


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a/b.mp4", "b.mp4"),
        ("..\\..\\b.mp4", "b.mp4"),
        (".b.mp4", "b.mp4"),
        ("a\0b\n.mp4", "ab.mp4"),
        ("x" * 500 + ".mp4", "x" * 120 + ".mp4"),
        ("集" * 500 + ".mp4", "集" * 40 + ".mp4"),
    ],
)
def test_a_dropped_file_s_name_is_one_that_a_file_may_have(name: str, kept: str) -> None:
    assert plain_name(name) == kept
