from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.gateway.records import record_from_json, record_to_json


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Inner:
    share: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    text: Annotated[str, "a mark"]
    count: int
    on: bool
    colour: Colour
    pair: tuple[int, float]
    inner: Inner
    at: time
    word: Literal["a", "b"] = "a"
    path: Path | None = None
    more: dict[str, Inner] = field(default_factory=dict)


INNER = st.builds(Inner, st.floats(allow_nan=False), st.tuples(st.text(), st.text()))
OUTER = st.builds(
    Outer,
    text=st.text(),
    count=st.integers(),
    on=st.booleans(),
    colour=st.sampled_from(Colour),
    pair=st.tuples(st.integers(), st.floats(allow_nan=False)),
    inner=INNER,
    at=st.times(),
    word=st.sampled_from(["a", "b"]),
    path=st.none() | st.just(Path("/a/b")),
    more=st.dictionaries(st.text(), INNER, max_size=2),
)


@given(OUTER)
def test_what_was_written_is_read(record: Outer) -> None:
    assert record_from_json(Outer, record_to_json(record)) == record


@given(st.binary(max_size=40))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="must"):
        record_from_json(Outer, data)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"count":1', b'"count":"1"'),
        (b'"count":1', b'"count":true'),
        (b'"count":1', b'"count":1.5'),
        (b'"on":true', b'"on":1'),
        (b'"colour":"red"', b'"colour":"secret"'),
        (b'"pair":[1,2.0]', b'"pair":[1]'),
        (b'"pair":[1,2.0]', b'"pair":[1,2.0,3]'),
        (b'"pair":[1,2.0]', b'"pair":"12"'),
        (b'"inner":{"share":0.5,"names":[]}', b'"inner":{"share":0.5}'),
        (b'"inner":{"share":0.5,"names":[]}', b'"inner":{"share":0.5,"names":[],"more":1}'),
        (b'"inner":{"share":0.5,"names":[]}', b'"inner":null'),
        (b'"at":"22:00:00"', b'"at":"secret"'),
        (b'"word":"a"', b'"word":"c"'),
        (b'"path":null', b'"path":5'),
        (b'"more":{}', b'"more":[]'),
    ],
)
def test_each_field_is_of_its_type(was: bytes, now: bytes) -> None:
    written = record_to_json(Outer("secret", 1, True, Colour.RED, (1, 2.0), Inner(0.5), time(22)))
    assert was in written
    with pytest.raises(ValueError, match=r".") as caught:
        record_from_json(Outer, written.replace(was, now))
    assert "secret" not in str(caught.value)
