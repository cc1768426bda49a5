"""Results of scans for tests of what is made of them: one that tells everything, and any that Hypothesis thinks of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from passerby.scan import (
    Ability,
    Confidence,
    Evidence,
    Finding,
    FindingKind,
    Rating,
    ScanReport,
    ScanResult,
    Unread,
    Weights,
)
from passerby.values import Digest

NOW = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
DIGEST = Digest("sha256:" + "d" * 64)
HOSTILE = "\x1b[31mred\x07 <script>alert(1)</script> & \u202egnp.exe\u2066 שלום\udcff\n|[bold]x[/bold]{{ 7*7 }}"

INSIGHT = Finding(
    FindingKind.PACKAGE, "requirements.txt", "InsightFace", "insightface", "0.7.3",
    abilities=(Ability.SEARCH, Ability.VERIFY, Ability.EMBED, Ability.DETECT), rating=Rating.IDENTIFIES,
    confidence=Confidence.CERTAIN, weights=Weights.FETCHED,
    evidence=(Evidence("requirements.txt", "names insightface 0.7.3", 3), Evidence("a b.zip!/lib/x.py", "imports it", 7)),
    chain=("app", "fancy-vision", "insightface"), note="Its packs are free for research",
)  # fmt: skip
OPENCV = Finding(
    FindingKind.PACKAGE, "requirements.txt", "OpenCV", "opencv", "4.10", abilities=(Ability.VERIFY, Ability.DETECT),
    rating=Rating.CAN, weights=Weights.GIVEN, evidence=(Evidence("requirements.txt", "names opencv-python", 4),),
)  # fmt: skip
DETECTOR = Finding(
    FindingKind.MODEL, "m/face.onnx", "a face detector", abilities=(Ability.LANDMARKS, Ability.DETECT), digest=DIGEST,
    weights=Weights.HELD, evidence=(Evidence("m/face.onnx", "outputs of a detector"),),
)  # fmt: skip
RESULT = ScanResult(
    "some/folder", (INSIGHT, OPENCV, DETECTOR),
    (Unread("b.rar", "RAR archives are not read"), Unread("x", "leads nowhere", hides=False)), 120, 12_000_000, 40,
    ((replace(INSIGHT, title="Suppressed kit"), "in a test alone, until 2027-01-01"),),
)  # fmt: skip
REPORT = ScanReport((RESULT,), NOW, DIGEST)

words = st.one_of(st.text(max_size=20), st.sampled_from([HOSTILE, "", "a/b.onnx", "x.zip!/y.py"]))
places = st.builds(Evidence, words, words, st.none() | st.integers(1, 10**6))
finds = st.builds(
    Finding,
    st.sampled_from(FindingKind),
    words,
    words,
    st.sampled_from(["", "insightface", "opencv", "not-in-the-catalogue"]),
    words,
    abilities=st.lists(st.sampled_from(Ability), unique=True, max_size=5).map(tuple),
    rating=st.sampled_from(Rating),
    confidence=st.sampled_from(Confidence),
    weights=st.sampled_from(Weights),
    evidence=st.lists(places, max_size=5).map(tuple),
    chain=st.lists(words, max_size=3).map(tuple),
    digest=st.sampled_from([None, DIGEST]),
    note=words,
)
results = st.builds(
    ScanResult,
    words,
    st.lists(finds, max_size=4).map(tuple),
    st.lists(st.builds(Unread, words, words, st.booleans()), max_size=3).map(tuple),
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    st.integers(0, 10**4),
    st.lists(st.tuples(finds, words), max_size=2).map(tuple),
)
reports = st.builds(ScanReport, st.lists(results, max_size=3).map(tuple), st.just(NOW), st.just(DIGEST))
