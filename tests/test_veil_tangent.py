"""Faces on the sphere: at the seam, at the poles and beside, in pictures and clips."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from passerby import veil
from passerby.config import PORTRAIT
from passerby.media import Picture, Sphere, StereoLayout, probe_clip, read_picture, write_picture
from passerby.media.spheres import say_sphere
from passerby.values import Detections
from passerby.veil.tangent import SphereMap, TangentView, find_on_sphere, tangent_views

FACE = (185.0, 65.0, 265.0, 170.0)
"""The face in the portrait of 512 pixels."""
Rgb = NDArray[np.uint8]
Place = tuple[float, float]


def portrait() -> Rgb:
    with Image.open(PORTRAIT) as image:
        return np.asarray(image.convert("RGB"))


def on_sphere(place: Place, width: int, field_deg: float) -> Rgb:
    """The portrait on a sphere of grey noise, by longitude and latitude in degrees."""
    rgb = portrait()
    rough = np.random.default_rng(2).integers(90, 170, (width // 32, width // 16, 3), np.uint8)
    sphere = np.array(Image.fromarray(rough).resize((width, width // 2), Image.Resampling.BICUBIC))
    turn, up = np.meshgrid(
        (np.arange(width) + 0.5) / width * 2 * np.pi - np.radians(place[0]),
        np.pi / 2 - (np.arange(width // 2) + 0.5) / width * 2 * np.pi,
    )
    pitch, scale = np.radians(place[1]), len(rgb) / (2 * np.tan(np.radians(field_deg / 2)))
    away = np.sin(pitch) * np.sin(up) + np.cos(pitch) * np.cos(up) * np.cos(turn)
    away = np.where(away > 0.05, away, np.inf)
    x = np.cos(up) * np.sin(turn) / away * scale + 256
    y = 256 - (np.cos(pitch) * np.sin(up) - np.sin(pitch) * np.cos(up) * np.cos(turn)) / away * scale
    shown = (x >= 0) & (x < 512) & (y >= 0) & (y < 512) & np.isfinite(away)
    sphere[shown] = rgb[y[shown].astype(int), x[shown].astype(int)]
    return sphere


def bare_share(covered: NDArray[np.bool_], place: Place, field_deg: float) -> float:
    """Which share of the face's box is not covered on the sphere."""
    x, y = np.meshgrid(np.linspace(FACE[0], FACE[2], 15), np.linspace(FACE[1], FACE[3], 15))
    longitude, latitude = TangentView(place[0], place[1], field_deg / 2, 512).directions(x.ravel(), y.ravel())
    high, wide = covered.shape
    columns = np.minimum((longitude / (2 * np.pi) * wide).astype(int), wide - 1)
    rows = np.clip(((0.5 - latitude / np.pi) * high).astype(int), 0, high - 1)
    return float(1 - covered[rows, columns].mean())


@pytest.fixture(scope="module")
def detector() -> Iterator[veil.Detector]:
    opened = veil.Detector(veil.FindSettings())
    yield opened
    opened.close()


@pytest.mark.parametrize("place", [(0.0, 0.0), (40.0, 90.0), (200.0, -90.0), (350.0, 60.0), (112.0, -90.0)])
def test_the_portrait_is_covered_wherever_it_stands_on_the_sphere(
    tmp_path: Path, place: Place, detector: veil.Detector
) -> None:
    rgb = on_sphere(place, 640, 80)
    write_picture(Picture(rgb.copy(), sphere=Sphere()), tmp_path / "a.png")
    veil.veil_file(tmp_path / "a.png", tmp_path / "b.png", detector=detector)
    written = read_picture(tmp_path / "b.png")
    assert written.sphere == Sphere()
    covered = (written.rgb != rgb).any(axis=2)
    assert bare_share(covered, place, 80) < 0.02
    assert covered.mean() < 0.4


@pytest.mark.parametrize("place", [(0.0, 0.0), (112.0, -90.0)])
def test_verifying_looks_at_seam_and_poles_too(tmp_path: Path, place: Place, detector: veil.Detector) -> None:
    write_picture(Picture(on_sphere(place, 640, 80), sphere=Sphere()), tmp_path / "a.png")
    left = veil.verify_file(tmp_path / "a.png", [detector])
    assert left.exposed
    assert all(0 <= one.best.box[0] < one.best.box[2] <= 640 for one in left.exposed)
    veil.veil_file(tmp_path / "a.png", tmp_path / "b.png", detector=detector)
    assert veil.verify_file(tmp_path / "b.png", [detector]).exposed == ()


def test_a_preview_covers_what_the_run_covers(tmp_path: Path, detector: veil.Detector) -> None:
    write_picture(Picture(on_sphere((40.0, 90.0), 640, 80), sphere=Sphere()), tmp_path / "a.png")
    pink = veil.VeilSettings(cover=veil.CoverSettings(fill=(255, 0, 255)))
    sheet = veil.preview_sheet([tmp_path / "a.png"], detector, pink, suffix=".png")
    with Image.open(io.BytesIO(sheet)) as image:
        tile = np.asarray(image.convert("RGB"))[:240, :480].astype(int)
    covered = np.abs(tile - (255, 0, 255)).max(axis=2) < 100
    assert bare_share(covered, (40.0, 90.0), 80) < 0.05


@pytest.mark.parametrize(
    "way",
    [lambda frame: ((-14 + 1.4 * frame) % 360, 4.0), lambda frame: (30.0 + 2 * frame, 88.0 - 0.3 * frame)],
    ids=["over the seam", "round the pole"],
)
def test_a_face_that_moves_over_seam_or_pole_stays_covered(
    tmp_path: Path, way: Callable[[int], Place], detector: veil.Detector
) -> None:
    count, width = 20, 512
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, width // 2, "yuv420p"
        for frame in range(count):
            picture = av.VideoFrame.from_ndarray(on_sphere(way(frame), width, 90), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    say_sphere(tmp_path / "a.mp4", Sphere())
    veil.veil_file(tmp_path / "a.mp4", tmp_path / "b.mp4", detector=detector)
    assert probe_clip(tmp_path / "b.mp4").sphere == Sphere()
    with av.open(str(tmp_path / "a.mp4")) as bare, av.open(str(tmp_path / "b.mp4")) as veiled:
        for frame, (one, two) in enumerate(zip(bare.decode(video=0), veiled.decode(video=0), strict=True)):
            before, after = (shown.to_ndarray(format="rgb24").astype(int) for shown in (one, two))
            covered = np.abs(before - after).max(axis=2) > 12
            assert bare_share(covered, way(frame), 90) < 0.1, f"frame {frame}"


# --- geometry ---

SIZES = st.sampled_from(
    [(Sphere(), 800, 400), (Sphere(0.25, 0.25, 0.5, 0.5), 400, 200), (Sphere(0.9, 0, 0.1, 1), 80, 400)]
)


@settings(deadline=None)
@given(
    yaw=st.floats(0, 359),
    pitch=st.floats(-90, 90),
    box=st.tuples(st.floats(0, 180), st.floats(0, 180), st.floats(2, 80), st.floats(2, 80)),
    seed=st.integers(0, 1000),
)
def test_what_stands_in_a_box_of_a_view_stands_in_its_box_on_the_picture(
    yaw: float, pitch: float, box: tuple[float, float, float, float], seed: int
) -> None:
    view = TangentView(yaw, pitch, 45, 200)
    x0, y0, wide, high = box
    xyxy = np.array([[x0, y0, min(200, x0 + wide), min(200, y0 + high)]], np.float32)
    left, top, right, bottom = SphereMap(view, Sphere(), 800, 400).boxes_on_picture(xyxy)[0]
    random = np.random.default_rng(seed)
    x, y = random.uniform(xyxy[0, 0], xyxy[0, 2], 40), random.uniform(xyxy[0, 1], xyxy[0, 3], 40)
    longitude, latitude = view.directions(x, y)
    from_left = np.mod(longitude / (2 * np.pi) * 800 - left, 800)
    slack = 0.02 * 800  # a border is followed at 17 points a side, and bends between them
    assert ((from_left <= right - left + slack) | (from_left >= 800 - slack)).all()
    rows = (0.5 - latitude / np.pi) * 400
    assert (rows >= top - 4).all()
    assert (rows <= bottom + 4).all()


@given(yaw=st.floats(0, 359), pitch=st.floats(-90, 90), x=st.floats(1, 199), y=st.floats(1, 199))
def test_directions_and_places_undo_each_other(yaw: float, pitch: float, x: float, y: float) -> None:
    view = TangentView(yaw, pitch, 45, 200)
    longitude, latitude = (float(one[0]) for one in view.directions(np.array([x]), np.array([y])))
    place = view.place_of(longitude, latitude)
    assert place is not None
    assert np.allclose(place, (x, y), atol=0.01)


def test_a_view_shows_what_stands_there_and_grey_where_nothing_is_shown() -> None:
    picture = np.zeros((200, 400, 3), np.uint8)
    picture[..., 0] = np.arange(400)[None] * 255 // 400
    picture[..., 1] = np.arange(200)[:, None]
    shown = SphereMap(TangentView(90, 0, 45, 100), Sphere(), 400, 200).take(picture)
    assert abs(int(shown[50, 50, 0]) - 64) <= 2
    assert abs(int(shown[50, 50, 1]) - 100) <= 2
    part = SphereMap(TangentView(0, 90, 45, 100), Sphere(0, 0.4, 1, 0.2), 400, 80).take(picture[80:160])
    assert (part[50, 50] == 128).all()


def test_views_look_everywhere_that_the_picture_and_the_horizon_do_not() -> None:
    seen = np.zeros((90, 180), bool)
    longitude, latitude = np.meshgrid(np.radians(np.arange(180) * 2 + 1), np.radians(89 - np.arange(90) * 2))
    for view in tangent_views(800, Sphere()):
        for row, column in np.argwhere(~seen).tolist():
            place = view.place_of(float(longitude[row, column]), float(latitude[row, column]))
            seen[row, column] = place is not None and all(0 <= one <= view.side_px for one in place)
    assert seen[:32].all()
    assert seen[-32:].all()
    assert seen[:, :18].all()
    assert seen[:, -18:].all()


@given(st.floats(0, 359), st.sampled_from([90.0, -90.0]))
def test_a_face_on_a_pole_stands_nearly_upright_in_one_view_whichever_way_it_is_turned(
    yaw: float, pitch: float
) -> None:
    """No detector finds a face that lies on its side, and on a pole nothing says where up is."""
    turns = [one.yaw_deg for one in tangent_views(800, Sphere()) if one.pitch_deg == pitch]
    assert min(abs((yaw - turn + 180) % 360 - 180) for turn in turns) <= 22.5


@settings(deadline=None, max_examples=30)
@given(SIZES)
def test_boxes_lie_on_the_picture(size: tuple[Sphere, int, int]) -> None:
    sphere, width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    everywhere = np.array([[0, 0, 10**6, 10**6], [3, 3, 9, 9]], np.float32)

    def find(shown: Rgb) -> tuple[Detections, Detections]:
        side = np.array(shown.shape[1::-1] * 2, np.float32)
        return Detections(np.minimum(everywhere, side), np.array([0.9, 0.8], np.float32)), Detections()

    faces, doubts = find_on_sphere(rgb, sphere, find)
    assert not len(doubts)
    assert len(faces)
    assert (faces.xyxy[:, :2] >= 0).all()
    assert (faces.xyxy[:, 2:] <= (width, height)).all()


@pytest.mark.parametrize("stereo", [StereoLayout.OVER, StereoLayout.BESIDE])
def test_each_of_two_pictures_in_one_is_a_sphere(stereo: StereoLayout) -> None:
    shapes = []

    def find(shown: Rgb) -> tuple[Detections, Detections]:
        shapes.append(shown.shape[:2])
        return Detections(np.array([[0, 0, 4, 4]], np.float32), np.ones(1, np.float32)), Detections()

    wide, high = (200, 200) if stereo is StereoLayout.OVER else (400, 100)
    faces, _ = find_on_sphere(np.zeros((high, wide, 3), np.uint8), Sphere(stereo=stereo), find)
    assert shapes.count((100, 200)) == 2
    corners = {tuple(box[:2]) for box in faces.xyxy.tolist()}
    assert {(0.0, 0.0), (0.0, 100.0) if stereo is StereoLayout.OVER else (200.0, 0.0)} <= corners
