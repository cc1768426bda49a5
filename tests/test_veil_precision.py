"""Which arithmetic the detector takes: the fastest as measured, kept; by the processor's instructions where nothing can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from passerby.config import WEIGHTS
from passerby.veil.detect.detector import WEIGHTS_DIGEST
from passerby.veil.detect.kept import NetworkFolder
from passerby.veil.detect.precision import (
    PrecisionChoice,
    Processor,
    binding,
    choose_precision,
    fastest,
    read_processor,
    time_precisions,
)
from passerby.veil.tools.doctor import check_kept, check_precision

TIMES = {"f32": 17.2, "bf16": 9.4, "int8": 7.0}
X86 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
flags\t\t: fpu avx2 avx512_vnni
bugs\t\t:

processor\t: 1
flags\t\t: other
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"


def measured(times: Mapping[str, float], calls: list[int]) -> Callable[[], Mapping[str, float]]:
    def measure() -> Mapping[str, float]:
        calls.append(1)
        return times

    return measure


def test_the_first_start_measures_and_later_ones_do_not(tmp_path: Path) -> None:
    calls: list[int] = []
    processor = Processor("x", frozenset())
    folder = NetworkFolder(tmp_path, "bound")
    first = choose_precision(folder, measured(TIMES, calls), processor)
    assert first == PrecisionChoice("int8", "measured now", TIMES)
    second = choose_precision(folder, measured({"f32": 1.0, "int8": 2.0}, calls), processor)
    assert second == PrecisionChoice("int8", "measured at the first start", TIMES)
    assert len(calls) == 1
    other = choose_precision(NetworkFolder(tmp_path, "another"), measured({"f32": 1.0, "int8": 2.0}, calls), processor)
    assert other.precision == "f32", "another version, processor or file is measured on its own"


@pytest.mark.parametrize(
    ("features", "taken"),
    [
        ({"avx2"}, "int8"),
        ({"avx2", "avx512f", "avx512_vnni", "avx512_bf16"}, "int8"),
        ({"avx512f", "avx512_vnni", "amx_int8", "amx_bf16"}, "bf16"),
        ({"asimd", "asimddp"}, "int8"),
        ({"sse4_2"}, "f32"),
    ],
)
def test_where_nothing_can_be_kept_the_instructions_decide(features: set[str], taken: str) -> None:
    calls: list[int] = []
    choice = choose_precision(None, measured(TIMES, calls), Processor("x", frozenset(features)))
    assert (choice.precision, calls, choice.times_ms) == (taken, [], {})


def test_where_the_system_tells_nothing_each_start_measures(tmp_path: Path) -> None:
    calls: list[int] = []
    silent = read_processor(tmp_path / "none")
    assert silent.features is None
    for _ in range(2):
        assert choose_precision(None, measured(TIMES, calls), silent).why == "measured now"
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    calls: list[int] = []
    folder = NetworkFolder(tmp_path / "gone", "bound")
    for _ in range(2):
        assert choose_precision(folder, measured(TIMES, calls), Processor("x", frozenset())).precision == "int8"
    assert len(calls) == 2


def test_8_bits_must_gain_enough() -> None:
    assert fastest({"f32": 10.0, "int8": 9.5}) == "f32"
    assert fastest({"f32": 10.0, "int8": 8.5}) == "int8"
    assert fastest({"f32": 10.0, "bf16": 5.0, "int8": 4.9}) == "bf16"


def test_the_processor_is_read(tmp_path: Path) -> None:
    for text, words, feature in (
        (X86, "AuthenticAMD, AMD EPYC, 25, 17, 1", "avx512_vnni"),
        (ARM, "0x41, 0xd0c", "asimddp"),
    ):
        (tmp_path / "cpuinfo").write_text(text)
        found = read_processor(tmp_path / "cpuinfo")
        assert found.model.endswith(words)
        assert found.features is not None
        assert feature in found.features
        assert "other" not in found.features, "of the first processor"


def test_the_binding_changes_with_processor_and_weights() -> None:
    one, other = Processor("x", frozenset({"avx2"})), Processor("x", frozenset({"avx2", "avx512f"}))
    found = {
        binding(WEIGHTS_DIGEST, one),
        binding(WEIGHTS_DIGEST, other),
        binding(type(WEIGHTS_DIGEST)("sha256:0"), one),
    }
    assert len(found) == 3
    assert binding(WEIGHTS_DIGEST, one) == binding(WEIGHTS_DIGEST, Processor("x", frozenset({"avx2"})))
    assert all(len(text) == 16 for text in found)


def test_every_precision_is_timed() -> None:
    times = time_precisions(WEIGHTS, passes=1)
    assert {"f32", "int8"} <= set(times) <= {"f32", "bf16", "int8"}
    assert all(took > 0 for took in times.values())


def test_doctor_shows_the_times_and_what_was_taken(tmp_path: Path) -> None:
    calls: list[int] = []
    words = "a small pass takes f32 17.2 ms, bf16 9.4 ms, int8 7.0 ms"
    told = check_precision(PrecisionChoice("int8", "measured at the first start", TIMES), measured({}, calls))
    assert (told.state, told.detail) == ("ok", f"int8, measured at the first start; {words}")
    assert not calls
    told = check_precision(PrecisionChoice("bf16", "by the processor's instructions"), measured(TIMES, calls))
    assert told.detail == f"bf16, by the processor's instructions; {words}"
    assert calls, "what was not measured is measured for the doctor"
    folder = NetworkFolder(tmp_path, "bound")
    folder.write("a", b"x" * 2_400_000)
    assert check_kept(folder).detail == f"1 files of 2.4 MB in {tmp_path}"
    told = check_kept("no home folder")
    assert (told.state, told.detail) == ("absent", "no home folder; networks are compiled at each start")
