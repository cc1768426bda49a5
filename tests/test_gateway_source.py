"""Cameras in: servers that we wrote and one that we did not, files, MJPEG over HTTP, and what can be wrong with them."""

from __future__ import annotations

import asyncio
import base64
import http.server
import io
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.gateway_tools import PASSWORD, SMALL, USER, Served, certificate, feed, missing, program, wait_for
from tests.rtsp_camera import EncodedPictures, OddCamera, encoded

from passerby.gateway.config import InputConfig, PushConfig, RtspConfig
from passerby.gateway.picture.scene import Scene, read_number
from passerby.gateway.rtsp.push import RtspPusher
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.load import Load
from passerby.gateway.worker.reader import CameraAway, CameraReader
from passerby.gateway.worker.source import (
    CameraFrame,
    SourceError,
    Stamper,
    Taint,
    address_with_secret,
    frames,
    reachable,
)
from passerby.media import DecodePatience, DecodeWatch


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


def some(config: InputConfig, count: int) -> list[CameraFrame]:
    return list(islice(frames(config), count))


def number_of(frame: CameraFrame) -> int:
    picture = frame.picture
    found = read_number(np.asarray(picture.to_ndarray(format="yuv420p"), np.uint8)[: picture.height])
    return -9 if found is None else found


def own_ns(frame: CameraFrame) -> int:
    """Return the camera's own time of a picture. FFmpeg counts from the first one and gives it no time."""
    pts, base = frame.picture.pts, frame.picture.time_base
    return int(pts * base * 10**9) if pts is not None and base is not None else 0


def in_rhythm(config: InputConfig, step_ms: float) -> list[CameraFrame]:
    """Read until 14 pictures kept the camera's own rhythm, and check that every other one had a reason not to.

    A picture that comes earlier than all before it shows that those came late, and one that comes more than 0.4 s after its
    time begins anew: both have the time at which they came. What was read while probing, and what a busy camera catches up
    with, comes like that; so the time that passes says nothing here, and the camera's own stamps say all.
    """
    got: list[CameraFrame] = []
    kept = 0
    for picture in islice(frames(config), 600):
        assert 0 <= picture.arrived_ns - picture.captured_ns <= 400_000_000
        if got:
            step_ns, own_step_ns = picture.captured_ns - got[-1].captured_ns, own_ns(picture) - own_ns(got[-1])
            assert step_ns > 0
            assert own_step_ns / 1e6 == pytest.approx(step_ms, abs=0.1), "no picture is lost"
            if picture.captured_ns < picture.arrived_ns:
                assert step_ns == pytest.approx(own_step_ns, abs=2)
                kept += 1
            elif len(got) > 1:
                assert step_ns <= own_step_ns + 2 or step_ns > own_step_ns + 399_000_000
        got.append(picture)
        if kept == 14:
            return got
    pytest.fail("no picture came in the camera's rhythm")


def rtsp(served: Served, **changes: object) -> InputConfig:
    url = f"rtsp://127.0.0.1:{served.server.port}/hall"
    return InputConfig(url, USER, PASSWORD, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_gives_every_picture_with_the_cameras_rhythm(served: Served, transport: str) -> None:
    got = in_rhythm(rtsp(served, transport=transport), 80)
    assert set(np.diff([number_of(p) for p in got]).tolist()) == {1}
    assert not any(p.corrupt for p in got)


@pytest.mark.parametrize("password", ["wrong", None])
def test_wrong_password_is_named_and_not_shown(served: Served, password: str | None) -> None:
    config = InputConfig(f"rtsp://127.0.0.1:{served.server.port}/hall", USER, password)
    with pytest.raises(SourceError, match="must accept user and password") as caught:
        some(config, 1)
    assert caught.value.reason is CoverReason.PASSWORD
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_rtsps_is_read_where_the_certificate_is_known(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    served = Served(RtspConfig(port=0, tls_port=0, certificate=cert, key=key))
    url = f"rtsps://127.0.0.1:{served.server.tls_port}/hall"
    assert len(some(InputConfig(url, USER, PASSWORD, tls_ca=cert), 3)) == 3
    assert len(some(InputConfig(url, USER, PASSWORD, tls_verify=False), 3)) == 3
    with pytest.raises(SourceError, match="the camera must"):
        some(InputConfig(url, USER, PASSWORD), 1)
    served.close()


def test_closed_port_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = InputConfig(f"rtsp://127.0.0.1:{port}/x")
    assert not reachable(config)
    with pytest.raises(SourceError, match="accept connections") as caught:
        some(config, 1)
    assert caught.value.reason is CoverReason.NO_PICTURE


def test_server_that_never_answers_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        config = InputConfig(f"rtsp://127.0.0.1:{deaf.getsockname()[1]}/x", open_timeout_s=0.7)
        assert reachable(config)
        with pytest.raises(SourceError, match=r"within 0\.7 s"):
            some(config, 1)
        assert time.monotonic() - began < 5


def test_camera_that_falls_silent_is_frozen() -> None:
    served = Served(feeding=False)
    task = asyncio.run_coroutine_threadsafe(feed(served.relay), served.thread.loop)
    source = frames(rtsp(served, read_timeout_s=0.7))
    next(source)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"within 0\.7 s, got silence"):
        list(source)
    assert time.monotonic() - began < 6
    served.close()


def test_end_of_stream_is_a_failure() -> None:
    served = Served()
    source = frames(rtsp(served))
    next(source)
    served.thread.call(served.server.stop())
    with pytest.raises(SourceError, match="must go on"):
        list(source)
    served.close()


def test_unknown_path_is_named() -> None:
    served = Served()
    served.server.gate.may_read = lambda *_: True  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="path, got 404"):
        some(InputConfig(f"rtsp://127.0.0.1:{served.server.port}/attic", USER, PASSWORD), 1)
    served.close()


def clip(path: Path, codec: str, count: int = 10) -> Path:
    scene = Scene(SMALL)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 320, 192
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(count):
            frame = scene.frame(number)
            container.mux(stream.encode(frame if codec != "mjpeg" else frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("codec", "name"), [("libx264", "a.mp4"), ("libx265", "a.mkv"), ("mjpeg", "a.avi")])
def test_file_plays_in_a_loop_at_its_pace(tmp_path: Path, codec: str, name: str) -> None:
    path = clip(tmp_path / name, codec)
    began = time.monotonic()
    got = some(InputConfig(str(path)), 25)
    assert [number_of(p) for p in got] == [*range(10), *range(10), *range(5)]
    assert time.monotonic() - began > 0.8
    assert all(a.captured_ns < b.captured_ns for a, b in pairwise(got))
    assert 24 < got[0].fps < 26


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(5000)])
def test_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="the camera must"):
        some(InputConfig(str(path)), 1)
    with pytest.raises(SourceError, match="the camera must"):
        some(InputConfig(str(tmp_path / "none.mp4")), 1)


class Mjpeg(http.server.BaseHTTPRequestHandler):
    """A camera that sends JPEG pictures, one after the other, behind a password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="cam"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        scene = Scene(SMALL)
        for number in range(60):
            out = io.BytesIO()
            rgb = np.asarray(scene.frame(number).to_ndarray(format="rgb24"), np.uint8)
            Image.fromarray(rgb).save(out, "JPEG", quality=90)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {out.tell()}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + out.getvalue() + b"\r\n")
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_mjpeg_over_http() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/mjpg"
    got = some(InputConfig(url, USER, PASSWORD), 15)
    assert np.diff([number_of(p) for p in got]).tolist() == [1] * 14
    with pytest.raises(SourceError) as caught:
        some(InputConfig(url, USER, "wrong"), 1)
    assert caught.value.reason is CoverReason.PASSWORD
    server.shutdown()
    server.server_close()


GST_CAMERA = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, Gst, GstRtspServer, GLib
Gst.init(None)
class Cameras(GstRtspServer.RTSPServer):
    pass
server = Cameras(); server.set_service(sys.argv[1]); server.set_address("127.0.0.1")
def mount(path, launch, record=False):
    factory = GstRtspServer.RTSPMediaFactory(); factory.set_launch(launch); factory.set_shared(True)
    if record:
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    server.get_mount_points().add_factory(path, factory)
source = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=192,framerate=15/1 ! "
mount("/h264", "( " + source + "x264enc tune=zerolatency key-int-max=15 ! rtph264pay name=pay0 pt=96 config-interval=1 )")
mount("/h265", "( " + source + "x265enc tune=zerolatency key-int-max=15 ! rtph265pay name=pay0 pt=96 config-interval=1 )")
mount("/jpeg", "( " + source + "jpegenc ! rtpjpegpay name=pay0 pt=26 )")
decode = "( rtph264depay name=depay0 ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! "
mount("/push", decode + "filesink location=" + sys.argv[2] + " )", True)
server.attach(None)
secure = Cameras(); secure.set_service("0"); secure.set_address("127.0.0.1")
auth = GstRtspServer.RTSPAuth(); auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(sys.argv[3], sys.argv[4]))
token = GstRtspServer.RTSPToken(); token.set_string("media.factory.role", "reader")
auth.add_basic(GstRtspServer.RTSPAuth.make_basic(sys.argv[5], sys.argv[6]), token); secure.set_auth(auth)
permissions = GstRtspServer.RTSPPermissions()
for what in ("access", "construct"):
    permissions.add_permission_for_role("reader", "media.factory." + what, True)
factory = GstRtspServer.RTSPMediaFactory(); factory.set_permissions(permissions); factory.set_launch(
    "( " + source + "x264enc tune=zerolatency key-int-max=15 ! rtph264pay name=pay0 pt=96 config-interval=1 )")
secure.get_mount_points().add_factory("/h264", factory); secure.attach(None)
print(secure.get_bound_port(), flush=True)
print("ready", flush=True)
GLib.MainLoop().run()
"""


class GstServer(NamedTuple):
    """GStreamer's server: its ports, what was pushed to it, its certificate."""

    port: int
    out: Path
    tls_port: int
    cert: Path


@pytest.fixture(scope="module")
def gst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GstServer]:
    """GStreamer's RTSP server as cameras, and as a recorder that can be pushed to."""
    python = program("/usr/bin/python3")
    probe = "import gi; gi.require_version('GstRtspServer','1.0'); from gi.repository import GstRtspServer"
    if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode:
        missing("GStreamer's RTSP server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = tmp_path_factory.mktemp("gst") / "pushed.yuv"
    script = out.with_name("camera.py")
    script.write_text(GST_CAMERA)
    cert, key = certificate(out.parent)
    process = subprocess.Popen(
        [python, str(script), str(port), str(out), str(cert), str(key), USER, PASSWORD],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    tls_port = int(process.stdout.readline())
    process.stdout.readline()
    yield GstServer(port, out, tls_port, cert)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.tool
@pytest.mark.parametrize(("path", "transport"), [("h264", "tcp"), ("h264", "udp"), ("h265", "tcp"), ("jpeg", "tcp")])
def test_gstreamers_camera_is_read(gst: GstServer, path: str, transport: Literal["tcp", "udp"]) -> None:
    url = f"rtsp://127.0.0.1:{gst.port}/{path}"
    got = in_rhythm(InputConfig(url, transport=transport, open_timeout_s=30.0, read_timeout_s=15.0), 1000 / 15)
    assert {(p.picture.width, p.picture.height) for p in got} == {(320, 192)}
    assert not any(p.corrupt for p in got[1:])


@pytest.mark.tool
def test_gstreamers_camera_is_read_over_tls(gst: GstServer) -> None:
    config = InputConfig(f"rtsps://127.0.0.1:{gst.tls_port}/h264", USER, PASSWORD, tls_ca=gst.cert, open_timeout_s=15.0)
    got = some(config, 10)
    assert {(p.picture.width, p.picture.height) for p in got} == {(320, 192)}
    with pytest.raises(SourceError) as caught:
        some(replace(config, password="wrong"), 1)
    assert caught.value.reason is CoverReason.PASSWORD
    with pytest.raises(SourceError, match="the camera must"):
        some(replace(config, tls_ca=None), 1)


@pytest.mark.tool
def test_stream_is_pushed_to_gstreamers_server(gst: GstServer, served: Served) -> None:
    port, out = gst.port, gst.out
    pusher = RtspPusher(PushConfig(f"rtsp://127.0.0.1:{port}/push"), served.relay)
    served.thread.do(pusher.start)
    try:
        wait_for(lambda: out.exists() and out.stat().st_size > 10 * 320 * 192 * 3 // 2, 20)
        assert pusher.state.connected
        first = np.fromfile(out, np.uint8, 320 * 192).reshape(192, 320)
        assert read_number(first) is not None
    finally:
        served.thread.call(pusher.stop())


def test_push_that_is_refused_keeps_trying_and_names_why(served: Served) -> None:
    # our own server takes no stream, but asks for the password first, so that the way through Digest is gone too
    url = f"rtsp://u:secret@127.0.0.1:{served.server.port}/hall"
    pusher = RtspPusher(PushConfig(url, USER, PASSWORD), served.relay)
    served.thread.do(pusher.start)
    wait_for(lambda: pusher.state.failures >= 1)
    served.thread.call(pusher.stop())
    assert pusher.state.last_failure == "the server must accept ANNOUNCE, got 405"
    wrong = RtspPusher(PushConfig(url, USER, "wrong"), served.relay)
    served.thread.do(wrong.start)
    wait_for(lambda: wrong.state.failures >= 1)
    served.thread.call(wrong.stop())
    assert wrong.state.last_failure == "the server must accept ANNOUNCE, got 401"


def test_push_to_a_frozen_server_holds_up_nothing(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        pusher = RtspPusher(PushConfig(f"rtsp://127.0.0.1:{deaf.getsockname()[1]}/x"), served.relay)
        served.thread.do(pusher.start)
        before = served.relay.meter.units
        wait_for(lambda: served.relay.meter.units - before > 8)
        assert pusher.state.failures == 0, "it still waits for the answer"
        served.thread.call(pusher.stop())


# streams that never give a picture

SOON = DecodePatience(0.5, 1.5)


def scrambled(nal: bytes) -> bytes:
    return nal if len(nal) < 60 else nal[:3] + bytes(byte ^ 0x5A for byte in nal[3:])


@pytest.mark.parametrize(
    ("codec", "change", "described", "message", "hint"),
    [
        ("H265", lambda made: made.without(32), "", "never sends VPS", "H.264"),
        ("H265", lambda made: made.without(32, 33, 34), "", "never sends VPS and SPS and PPS", "firmware"),
        ("H264", lambda made: made.without(7, 8), "", "never sends SPS and PPS", "firmware"),
        ("H265", lambda made: made, "H264", "describes H.264 and sends H.265", "codec anew"),
        ("H264", lambda made: made, "H265", "neither its parameter sets nor a key frame", "codec anew"),
        ("H264", lambda made: made, "X-SVAC", "its codec is unknown", "set the video codec to H.264"),
        ("H265", lambda made: made.changed(scrambled), "", "profile Main must decode", "encryption"),
        ("H264", lambda made: made.without(5), "", "must send a key frame", "key frame interval"),
    ],
    ids=["no VPS", "no sets", "no sets, H.264", "other codec", "other codec, H.265", "unknown", "scrambled", "no key"],
)
def test_a_stream_that_never_decodes_is_named_with_what_to_set(
    codec: str, change: Callable[[EncodedPictures], EncodedPictures], described: str, message: str, hint: str
) -> None:
    with OddCamera(change(encoded(codec)), described=described) as odd, pytest.raises(SourceError) as found:
        next(frames(InputConfig(odd.url), patience=SOON))
    assert found.value.reason is CoverReason.UNDECODABLE
    assert message in found.value.message
    assert hint in (found.value.hint or "")


@pytest.mark.parametrize("sets_described", [True, False])
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_a_camera_that_begins_between_two_key_frames_is_waited_for(codec: str, *, sets_described: bool) -> None:
    made = encoded(
        codec, 40, **({} if codec == "H264" else {"x265-params": "log-level=none:repeat-headers=1:keyint=30"})
    )
    sets = tuple(nal for nal in made.units[0] if made.kind(nal) in {7, 8, 32, 33, 34}) if sets_described else ()
    late = EncodedPictures(codec, made.units[3:10] * 3 + made.units)
    with OddCamera(late, sets=sets) as odd:
        assert next(frames(InputConfig(odd.url))).picture.width == 320


def test_what_a_camera_must_be_set_to_is_told_with_the_failure() -> None:
    with OddCamera(encoded("H264"), described="X-SVAC") as odd:
        reader, stopping = CameraReader(InputConfig(odd.url), Load("rate")), threading.Event()
        thread = threading.Thread(target=reader.run, args=(stopping,), daemon=True)
        thread.start()
        away = reader.waiting.get(timeout=30)
        stopping.set()
        thread.join(10)
    assert isinstance(away, CameraAway)
    assert away.reason is CoverReason.UNDECODABLE
    assert "set the video codec to H.264" in away.detail


@given(packets=st.lists(st.binary(max_size=40), max_size=30), codec=st.sampled_from(["h264", "hevc", "mjpeg"]))
def test_any_packets_end_in_a_reason_and_never_in_an_error(packets: list[bytes], codec: str) -> None:
    watch = DecodeWatch(codec, b"", patience=SOON)
    for number, packet in enumerate(packets):
        watch.judge(b"\0\0\1" + packet, key=False, now_s=number * 0.01)
    why = watch.judge(b"\0\0\1\x09", key=False, now_s=99.0)
    assert (why is not None) == (len(packets) > 0)
    watch.decoded()
    assert watch.judge(b"", key=True, now_s=999.0) is None


def test_secret_stands_only_in_the_address_for_ffmpeg() -> None:
    config = InputConfig("rtsp://cam:554/a?x=1", "u@x", "p/w:ü")
    assert address_with_secret(config) == "rtsp://u%40x:p%2Fw%3A%C3%BC@cam:554/a?x=1"
    assert address_with_secret(InputConfig("rtsp://cam/a")) == "rtsp://cam/a"


def test_times_are_even_grow_and_are_never_in_the_future() -> None:
    random = np.random.default_rng(0)
    stamper, stamps, now = Stamper(), [], 10**12
    for number in range(200):
        now = 10**12 + number * 80_000_000 + int(random.integers(0, 60_000_000))
        stamps.append(stamper.stamp(number * 80_000_000, now))
        assert stamps[-1] <= now
    assert (np.diff(stamps) > 0).all()
    assert np.abs(np.diff(stamps[50:]) - 80_000_000).max() < 25_000_000
    # the camera's clock starts again from zero
    assert now - stamper.stamp(0, now + 80_000_000) < 0
    assert stamper.stamp(None, now + 160_000_000) == now + 160_000_000


def test_a_burst_is_stamped_as_it_comes_and_the_rhythm_holds_after_it() -> None:
    stamper, stamps = Stamper(), []
    # the first picture comes 320 ms late; the ones that waited behind it come 1 ms apart, then each at its time
    arrivals = [10**12 + max(320_000_000 + number * 1_000_000, number * 80_000_000) for number in range(12)]
    for number, now in enumerate(arrivals):
        stamps.append(stamper.stamp(number * 80_000_000, now))
    assert stamps == arrivals
    late = arrivals[-1] + 380_000_000
    assert stamper.stamp(12 * 80_000_000, late) == arrivals[-1] + 80_000_000, "late, but at its own time"
    assert stamper.stamp(13 * 80_000_000, late + 600_000_000) == late + 600_000_000, "so late that all begins anew"


def test_damage_lasts_until_a_whole_key_frame() -> None:
    taint = Taint()
    assert not taint.judge(key=False, corrupt=False, now_s=0)
    taint.strike(1)
    assert taint.judge(key=False, corrupt=False, now_s=2)
    assert taint.judge(key=True, corrupt=True, now_s=3)
    assert not taint.judge(key=True, corrupt=False, now_s=4)
    taint.strike(5)
    assert taint.judge(key=False, corrupt=False, now_s=14.9)
    assert not taint.judge(key=False, corrupt=False, now_s=15.1), "cameras that refresh by slices send no key frame"
