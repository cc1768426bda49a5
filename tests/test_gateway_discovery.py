from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.onvif_simulator import OnvifSimulator
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.gateway.config.load import parse_city
from passerby.gateway.onvif.discovery import FoundCamera, Interface, discover_cameras, interfaces, matches


@pytest.fixture
def simulator() -> Iterator[OnvifSimulator]:
    made = OnvifSimulator("rtsp://127.0.0.1:8554/main")
    yield made
    made.close()


def test_discover_writes_entries_that_a_city_can_hold(
    simulator: OnvifSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nobody outside this machine is asked by a test
    monkeypatch.setattr("passerby.gateway.onvif.discovery.interfaces", lambda: [Interface("127.0.0.1", 0)])
    simulator.listen()
    environment = {"PASSERBY_CAMERA_PASSWORD": "secret"}
    target = tmp_path / "cameras.yml"
    done = CliRunner().invoke(
        build(), ["discover", "--user", "admin", "--timeout", "2", "-o", str(target)], env=environment
    )
    assert done.exit_code == 0, done.output
    text = target.read_text()
    assert "secret" not in text
    entries = yaml.safe_load(text)["cameras"]
    assert list(entries) == ["hall-camera"]
    assert entries["hall-camera"]["friendly_name"] == "Hall Camera SIM-1"
    operator = "operator: {name: A, contact: 'tel:1'}"
    head = f"register: {{origin: a.example/log, {operator}, purpose: p, legal_basis: l, position: act-2024}}\n"
    city = parse_city(head + text, tmp_path / "city.yml", environment)
    assert city.cameras["hall-camera"].input.url == "rtsp://127.0.0.1:8554/main"
    assert city.onvif["hall-camera"].password == "secret"


MESSAGE = "0f7b3f6e-3a52-4d5f-9b38-6d1f3c0b6a11"


def probe_match(
    relates_to: str = MESSAGE, types: str = "dn:NetworkVideoTransmitter", addresses: str = "http://h/x"
) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:d="urn:d" xmlns:a="urn:a"><s:Header>'
        f"<a:RelatesTo>urn:uuid:{relates_to}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
        f"<d:Types>{types}</d:Types><d:Scopes>onvif://www.onvif.org/name/A%0Ab</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>"
        "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()


def test_an_answer_is_read_as_far_as_it_makes_sense() -> None:
    assert matches(probe_match(), MESSAGE) == [FoundCamera("h", 80, "Ab")]
    assert matches(probe_match(addresses="x http://h:99999/ https://[fe80::1]:8443/x"), MESSAGE) == [
        FoundCamera("fe80::1", 8443, "Ab")
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"<a>",
        b"<a/>",
        probe_match("somebody else's"),
        probe_match(types="dn:Printer"),
        probe_match(addresses="ftp://h/ http:///x"),
        b'<!DOCTYPE a [<!ENTITY b "x">]>' + probe_match(),
        b'<?xml version="1.0" encoding="none"?>' + probe_match(),
    ],
)
def test_what_is_no_answer_to_us_is_nobody(data: bytes) -> None:
    assert matches(data, MESSAGE) == []


def test_an_interface_that_cannot_be_asked_stops_nothing() -> None:
    assert discover_cameras(0.3, [Interface("192.0.2.1", 0), Interface(None, 99_999)]) == []
    gc.collect()


def test_this_machine_is_not_asked_over_loopback() -> None:
    assert all(one.address is None or not one.address.startswith("127.") for one in interfaces())


def test_discover_asks_named_hosts_and_says_who_refuses(simulator: OnvifSimulator) -> None:
    done = CliRunner().invoke(build(), ["discover", f"127.0.0.1:{simulator.port}"])
    assert done.exit_code == 1
    assert "refuses the user or password" in done.output
