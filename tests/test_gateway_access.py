from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace

import aiohttp
import pytest
from onvif import client as onvif_client
from tests.gateway_tools import PASSWORD, USER, Served
from tests.onvif_simulator import OnvifSimulator
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.errors import CameraError, UsageError
from passerby.gateway.config import CameraConfig, InputConfig, OnvifConfig
from passerby.gateway.onvif.analytics import MOST_NAMES, CameraAnalytics, read_analytics
from passerby.gateway.onvif.client import OnvifUser, Pose, pose_of, read_profiles, read_users, watch_poses
from passerby.gateway.onvif.describe import CameraLogin, DescribeAnswer, describe
from passerby.gateway.onvif.ptz import PtzWatch, at_home
from passerby.gateway.onvif.pull_check import AccessReport, AccessTests, check_camera_access
from passerby.gateway.values import CoverReason


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


@pytest.fixture
def simulator() -> Iterator[OnvifSimulator]:
    made = OnvifSimulator("rtsp://127.0.0.1:8554/main")
    yield made
    made.close()


def onvif(simulator: OnvifSimulator, password: str = "secret", **fields: object) -> OnvifConfig:  # noqa: S107
    return OnvifConfig("127.0.0.1", simulator.port, "admin", password, **fields)  # type: ignore[arg-type]


def camera(served: Served, user: str | None = USER, password: str | None = PASSWORD) -> CameraConfig:
    return CameraConfig("hall", InputConfig(served.url(login=""), username=user, password=password))


# asking for a stream


@pytest.mark.parametrize(
    ("login", "wanted"),
    [
        (CameraLogin(USER, PASSWORD), DescribeAnswer.OPEN),
        (CameraLogin(USER, "wrong"), DescribeAnswer.REFUSED),
        (None, DescribeAnswer.REFUSED),
    ],
)
def test_a_camera_says_whom_it_lets_in(served: Served, login: CameraLogin | None, wanted: DescribeAnswer) -> None:
    assert asyncio.run(describe(camera(served).input, login)) is wanted


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = InputConfig(f"rtsp://127.0.0.1:{free.getsockname()[1]}/x", open_timeout_s=0.5)
        assert asyncio.run(describe(config, None)) is DescribeAnswer.NO_ANSWER


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"x" * 200_000])
def test_what_is_no_answer_opens_nothing(sent: bytes) -> None:
    ear = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        peer, _ = ear.accept()
        with peer:
            peer.recv(4096)
            try:
                peer.sendall(sent)
            except OSError:
                return

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    config = InputConfig(f"rtsp://127.0.0.1:{ear.getsockname()[1]}/x", open_timeout_s=1.0)
    assert asyncio.run(describe(config, None)) is DescribeAnswer.NO_ANSWER
    thread.join(5)
    ear.close()


# what it means


@pytest.mark.parametrize(
    ("report", "wanted"),
    [
        (AccessReport(DescribeAnswer.OPEN, DescribeAnswer.REFUSED, users=(OnvifUser("a", "User"),)), "tested"),
        (AccessReport(DescribeAnswer.OPEN, DescribeAnswer.OPEN, users=(OnvifUser("a", "User"),)), "not-exclusive"),
        (
            AccessReport(
                DescribeAnswer.OPEN, DescribeAnswer.REFUSED, users=(OnvifUser("a", "User"), OnvifUser("b", "User"))
            ),
            "not-exclusive",
        ),
        (
            AccessReport(
                DescribeAnswer.OPEN, DescribeAnswer.REFUSED, (("vms", DescribeAnswer.OPEN),), (OnvifUser("a", "User"),)
            ),
            "not-exclusive",
        ),
        (AccessReport(DescribeAnswer.OPEN, DescribeAnswer.REFUSED, users=None), "untested"),
        (AccessReport(DescribeAnswer.NO_ANSWER, DescribeAnswer.NO_ANSWER, users=(OnvifUser("a", "User"),)), "untested"),
        (AccessReport(DescribeAnswer.REFUSED, DescribeAnswer.REFUSED, users=(OnvifUser("a", "User"),)), "untested"),
    ],
)
def test_exclusive_is_said_only_where_it_was_shown(report: AccessReport, wanted: str) -> None:
    assert report.exclusive == wanted


def test_a_camera_with_one_user_is_tested(served: Served, simulator: OnvifSimulator) -> None:
    report = asyncio.run(check_camera_access(camera(served), onvif(simulator), [CameraLogin("vms", "guess")]))
    assert report is not None
    assert report.exclusive == "tested"
    assert report.others == (("vms", DescribeAnswer.REFUSED),)
    simulator.users["vms"] = "x"
    report = asyncio.run(check_camera_access(camera(served), onvif(simulator)))
    assert report is not None
    assert report.exclusive == "not-exclusive"


def test_tests_are_stated_for_every_camera(served: Served) -> None:
    async def testing() -> list[tuple[str, str]]:
        stated: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        tests = AccessTests(lambda name, word, _: stated.put_nowait((name, word)), lambda *_: None, begin_s=0.0)
        tests.watch([camera(served), CameraConfig("drawn", InputConfig("test://portrait"))], {})
        async with asyncio.timeout(10):
            found = [await stated.get(), await stated.get()]
        await tests.stop()
        return found

    assert sorted(asyncio.run(testing())) == [("drawn", "untested"), ("hall", "untested")]


def test_each_camera_is_asked_once_whether_it_recognises_by_itself(served: Served, simulator: OnvifSimulator) -> None:
    simulator.analytics, simulator.rules = [], ["tt:FaceRecognition", "own:FaceLibraryMatch", "tt:LineDetector"]

    async def testing() -> list[tuple[str, tuple[str, ...]]]:
        told: list[tuple[str, tuple[str, ...]]] = []
        asked = asyncio.Event()

        def take(name: str, names: tuple[str, ...]) -> None:
            told.append((name, names))
            asked.set()

        tests = AccessTests(lambda *_: None, take, begin_s=0.0)
        tests.watch([camera(served), CameraConfig("drawn", InputConfig("test://portrait"))], {"hall": onvif(simulator)})
        async with asyncio.timeout(10):
            await asked.wait()
        await tests.stop()
        return told

    assert asyncio.run(testing()) == [("hall", ("FaceRecognition", "own-rule"))]


# ONVIF


def test_a_camera_tells_what_it_works_out_by_itself(simulator: OnvifSimulator) -> None:
    with pytest.raises(CameraError, match="tells neither"):
        asyncio.run(read_analytics(onvif(simulator)))
    simulator.analytics, simulator.rules = ["tt:CellMotionEngine"], ["tt:FaceRecognition"]
    told = asyncio.run(read_analytics(onvif(simulator)))
    assert told == CameraAnalytics(("CellMotionEngine",), ("FaceRecognition",), ())
    simulator.topics = (
        '<tns1:RuleEngine><Recognition><Face wstop:topic="true"/></Recognition>'
        '<own:Odd wstop:topic="true"/></tns1:RuleEngine>'
    )
    told = asyncio.run(read_analytics(onvif(simulator)))
    assert told.topics == ("RuleEngine/Odd", "RuleEngine/Recognition/Face", "VideoSource/MotionAlarm")
    simulator.analytics = None
    assert asyncio.run(read_analytics(onvif(simulator))) == CameraAnalytics(topics=told.topics)
    with pytest.raises(CameraError, match="refuses the user or password"):
        asyncio.run(read_analytics(onvif(simulator, "wrong")))


def test_hostile_names_are_cut_and_counted(simulator: OnvifSimulator) -> None:
    simulator.analytics = ["tt:" + "Face" * 500, "tt:Face&#x202e;{ Q"]
    simulator.rules = [f"tt:R{n}" for n in range(3 * MOST_NAMES)]
    simulator.topics = "<a>" * 100 + '<Face wstop:topic="true"/>' + "</a>" * 100
    told = asyncio.run(read_analytics(onvif(simulator)))
    assert max(map(len, told.modules)) == 100
    assert "Face Q" in told.modules
    assert len(told.rules) == MOST_NAMES
    assert told.topics == ("VideoSource/MotionAlarm",)


def test_a_cameras_streams_and_users_are_told(simulator: OnvifSimulator) -> None:
    found = asyncio.run(read_profiles(onvif(simulator)))
    assert [(one.name, one.width) for one in found] == [("main", 1280), ("sub", 640)]
    assert found[0].url == "rtsp://127.0.0.1:8554/main"
    assert [user.name for user in asyncio.run(read_users(onvif(simulator)))] == ["admin"]


def test_a_wrong_password_is_named(simulator: OnvifSimulator) -> None:
    with pytest.raises(CameraError, match="refuses the user or password"):
        asyncio.run(read_users(onvif(simulator, "wrong")))


ANSWERS: dict[str, bytes | float] = {
    "is slow": 3.0,
    "hangs up": b"",
    "is no web server": b"SSH-2.0-x\r\n\r\n",
    "sends no XML": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "leaves out what it must say": b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nConnection: close\r\n\r\n"
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><t:GetSystemDateAndTimeResponse '
    b'xmlns:t="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>',
}


@pytest.mark.parametrize("said", ANSWERS)
def test_a_camera_that_does_not_answer_by_onvif_is_named_and_let_go(said: str) -> None:
    answer, asked = ANSWERS[said], threading.Event()
    ear = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        while True:
            try:
                peer, _ = ear.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                if isinstance(answer, bytes):
                    peer.sendall(answer)
                else:
                    asked.wait(answer)

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    for ask in (read_profiles, read_users, read_analytics):
        with pytest.raises(CameraError, match="must answer by ONVIF, got: "):
            asyncio.run(ask(OnvifConfig("127.0.0.1", ear.getsockname()[1], "a", "b"), answer_s=1.0))
    asked.set()
    ear.shutdown(socket.SHUT_RDWR)
    ear.close()
    thread.join(5)
    # what was left open complains when it is collected, and that fails a test
    gc.collect()


def test_a_question_that_is_cut_short_leaves_no_connection(simulator: OnvifSimulator) -> None:
    async def asking() -> None:
        for pause_s in (0.0, 0.001, 0.003, 0.01, 0.03, 0.1):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await read_profiles(onvif(simulator))
            assert not [one for one in gc.get_objects() if isinstance(one, aiohttp.ClientSession) and not one.closed]

    # descriptions are read from the disk once a process, which is the slow part to cut short
    onvif_client._DOCUMENT_CACHE.clear()
    asyncio.run(asking())


def test_an_address_that_reaches_nobody_is_mended(simulator: OnvifSimulator) -> None:
    simulator.stream = "rtsp://0.0.0.0/main"
    assert asyncio.run(read_profiles(onvif(simulator)))[0].url == "rtsp://127.0.0.1:554/main"
    simulator.stream = "rtsp://admin:secret@192.0.2.4:8554/main"
    assert asyncio.run(read_profiles(onvif(simulator)))[0].url == "rtsp://192.0.2.4:8554/main"


@pytest.mark.parametrize(
    ("state", "moving"),
    [
        (None, True),
        (SimpleNamespace(PanTilt="IDLE", Zoom="IDLE"), False),
        (SimpleNamespace(PanTilt="MOVING", Zoom="IDLE"), True),
        (SimpleNamespace(PanTilt="UNKNOWN", Zoom=None), True),
    ],
)
def test_what_does_not_say_that_it_stands_moves(state: object, moving: bool) -> None:
    assert pose_of(SimpleNamespace(MoveStatus=state, Position=None)).moving is moving


def test_home_is_where_the_zones_were_drawn() -> None:
    home = (0.1, -0.2, 0.0)
    assert at_home(Pose(False, (0.101, -0.2, 0.0)), home)
    assert not at_home(Pose(False, (0.2, -0.2, 0.0)), home)
    assert not at_home(Pose(False, None), home), "a camera that does not tell is not at home"
    assert at_home(Pose(False, None), None)


class Covers:
    """Notes which cameras are covered, and lets a test wait for what comes."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.poses = 0
        self._changed = asyncio.Event()

    def hold(self, name: str, reason: CoverReason, detail: str) -> None:
        self.held[f"{name} {reason}"] = detail
        self._changed.set()

    def release(self, name: str, reason: CoverReason) -> None:
        self.held.pop(f"{name} {reason}", None)
        self._changed.set()

    async def ask(self, config: OnvifConfig, every_s: float) -> AsyncIterator[Pose]:
        async for pose in watch_poses(config, every_s):
            self.poses += 1
            self._changed.set()
            yield pose

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                self._changed.clear()
                await self._changed.wait()


def test_a_camera_that_moves_is_covered_until_it_stands_at_home(simulator: OnvifSimulator) -> None:
    async def watching() -> None:
        seen = Covers()
        watch = PtzWatch(seen.hold, seen.release, seen.ask, every_s=0.1, settled_s=0.3)
        watch.watch({"hall": onvif(simulator, ptz=True, home=(0.0, 0.0, 0.0))})
        await seen.until(lambda: bool(seen.held))
        assert set(seen.held) == {f"hall {CoverReason.PTZ}"}, "before anything is known it is covered"
        await seen.until(lambda: not seen.held)
        simulator.moving = "MOVING"
        await seen.until(lambda: bool(seen.held))
        simulator.moving, simulator.position = "IDLE", (0.5, 0.0, 0.0)
        told = seen.poses
        await seen.until(lambda: seen.poses >= told + 8)
        assert seen.held, "it stands, but elsewhere"
        simulator.position = (0.0, 0.0, 0.0)
        await seen.until(lambda: not seen.held)
        simulator.users.clear()
        await seen.until(lambda: bool(seen.held))
        await watch.stop()

    asyncio.run(watching())


def test_a_camera_that_stops_answering_is_covered() -> None:
    async def silent(_: OnvifConfig, __: float) -> AsyncIterator[Pose]:
        yield Pose(False, (0.0, 0.0, 0.0))
        raise CameraError("gone")

    async def watching() -> None:
        seen = Covers()
        watch = PtzWatch(seen.hold, seen.release, silent)
        watch.watch({"hall": OnvifConfig("h", 80, None, None, ptz=True)})
        await seen.until(lambda: "its position is not known" in seen.held.values())
        await watch.stop()

    asyncio.run(watching())


def test_poses_come_over_one_connection(simulator: OnvifSimulator) -> None:
    async def some() -> list[Pose]:
        found = []
        async with contextlib.aclosing(watch_poses(onvif(simulator), 0.01)) as told:
            async for pose in told:
                found.append(pose)
                if len(found) == 3:
                    break
        return found

    assert asyncio.run(some())[0] == Pose(False, (0.0, 0.0, 0.0))


# commands


def test_doctor_tells_who_can_pull_a_camera(served: Served, simulator: OnvifSimulator) -> None:
    simulator.users = {USER: PASSWORD}
    asked = ["doctor", "--camera", served.url(login=""), "--user", USER, "--onvif", f"127.0.0.1:{simulator.port}"]
    environment = {"PASSERBY_CAMERA_PASSWORD": PASSWORD, "PASSERBY_OTHER_PASSWORD": "guess"}
    done = CliRunner().invoke(build(), asked, env=environment)
    assert done.exit_code == 0, done.output
    assert "without a login the stream is refused" in done.output
    assert f"it has the user {USER}" in done.output
    assert "exclusive access: tested" in done.output
    assert "whether it recognises faces by itself is not known" in done.output
    simulator.analytics, simulator.rules = [], ["tt:LineDetector"]
    assert "none of its own analytics names faces" in CliRunner().invoke(build(), asked, env=environment).output
    simulator.rules = ["tt:FaceRecognition"]
    simulator.users["vms"] = "x"
    done = CliRunner().invoke(build(), [*asked, "--other", "vms"], env=environment)
    assert "the camera itself recognises faces: names the rule FaceRecognition" in done.output
    assert done.exit_code == 1
    assert "with the login of vms the stream is refused" in done.output
    assert "exclusive access: not-exclusive" in done.output


@pytest.mark.parametrize(
    ("rules", "code", "words"),
    [
        (["tt:FaceRecognition"], 3, "The camera itself recognises faces"),
        (["tt:LineDetector"], 0, "nothing found that identifies"),
        (None, 1, "error: camera at 127.0.0.1"),
    ],
)
def test_scan_asks_a_camera_what_it_recognises(
    simulator: OnvifSimulator, rules: list[str] | None, code: int, words: str
) -> None:
    simulator.users = {USER: PASSWORD}
    simulator.analytics, simulator.rules = (None, []) if rules is None else ([], rules)
    asked = ["scan", "--camera", f"127.0.0.1:{simulator.port}", "--user", USER]
    done = CliRunner().invoke(build("scan"), asked, env={"PASSERBY_CAMERA_PASSWORD": PASSWORD})
    assert done.exit_code == code
    assert words in done.output
    assert PASSWORD not in done.output


def test_scan_of_a_camera_needs_its_address_and_password(simulator: OnvifSimulator) -> None:
    for words, message in (
        (["--camera", "rtsp://x/y"], "host must be HOST or HOST:PORT"),
        (["--camera", f"127.0.0.1:{simulator.port}", "--user", USER], "PASSERBY_CAMERA_PASSWORD must be set"),
    ):
        done = CliRunner().invoke(build("scan"), ["scan", *words], env={"PASSERBY_CAMERA_PASSWORD": None})
        assert isinstance(done.exception, UsageError)
        assert message in done.exception.message
    assert simulator.asked == []
