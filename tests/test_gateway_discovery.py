from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.onvif_simulator import OnvifSimulator
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.errors import CameraError
from passerby.gateway.config.load import parse_city
from passerby.gateway.config.secret import SECRET
from passerby.gateway.onvif.discovery import FoundCamera, Interface, discover_cameras, interfaces, matches
from passerby.gateway.onvif.told import same_machine, told_address, told_text


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
    assert matches(probe_match(), "h", MESSAGE) == [FoundCamera("h", 80, "Ab")]
    assert matches(probe_match(addresses="x http://h:99999/ https://[fe80::1]:8443/x"), "fe80::1", MESSAGE) == [
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
    assert matches(data, "h", MESSAGE) == []


def test_an_interface_that_cannot_be_asked_stops_nothing() -> None:
    assert discover_cameras(0.3, [Interface("192.0.2.1", 0), Interface(None, 99_999)]) == []
    gc.collect()


def test_this_machine_is_not_asked_over_loopback() -> None:
    assert all(one.address is None or not one.address.startswith("127.") for one in interfaces())


def test_discover_asks_named_hosts_and_says_who_refuses(simulator: OnvifSimulator) -> None:
    done = CliRunner().invoke(build(), ["discover", f"127.0.0.1:{simulator.port}"])
    assert done.exit_code == 1
    assert "refuses the user or password" in done.output


# a device that means harm


REGISTER = """\
register: {origin: a.example/log, operator: {name: A, contact: "tel:1"}, purpose: p, legal_basis: l, position: act-2024}
"""
SECRETS = {"PASSERBY_CAMERA_PASSWORD": "secret", "PASSERBY_OTHER": "somebody else's"}


def discovered(simulator: OnvifSimulator, *more: str) -> Result:
    asked = ["discover", f"127.0.0.1:{simulator.port}", "--user", "admin", *more]
    return CliRunner().invoke(build(), asked, env=SECRETS)


@pytest.mark.parametrize(
    "stream",
    [
        "rtsp://127.0.0.1:9/{PASSERBY_OTHER}",
        "rtsp://{PASSERBY_OTHER}@127.0.0.1:9/main}",
        "rtsp://127.0.0.1:9/a\u202eb",
        "rtsp://127.0.0.1:9/a b",
        "rtsp://127.0.0.1:99999/a",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "rtsp://[/main",
        "",
    ],
)
def test_an_address_that_is_none_is_not_written(simulator: OnvifSimulator, stream: str) -> None:
    simulator.stream = stream
    done = discovered(simulator)
    assert done.exit_code == 1
    assert "must tell the address of a stream" in done.output
    assert "cameras:" not in done.output


def test_a_stream_elsewhere_is_taken_only_when_its_machine_is_named(simulator: OnvifSimulator) -> None:
    simulator.stream = "rtsp://evil.example:554/main"
    done = discovered(simulator)
    assert done.exit_code == 1
    assert "--stream-host evil.example" in done.output
    assert "path:" not in done.output
    assert "rtsp://evil.example:554/main" in discovered(simulator, "--stream-host", "evil.example").output


def test_who_sees_the_password_is_said_before_it_is_shown(simulator: OnvifSimulator) -> None:
    assert f"the password of admin is shown as a digest to 127.0.0.1:{simulator.port}" in discovered(simulator).output


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_camera_that_sends_us_on_is_not_followed(simulator: OnvifSimulator, status: int) -> None:
    """Nothing is asked elsewhere, and above all no login is shown there."""
    other = OnvifSimulator("rtsp://127.0.0.1:8554/main")
    simulator.elsewhere = (status, other.service)
    done = discovered(simulator)
    other.close()
    assert done.exit_code == 1
    assert "must answer by ONVIF" in done.output
    assert simulator.asked
    assert other.asked == []


@given(st.text(max_size=300) | st.just("{PASSERBY_OTHER}"))
def test_a_told_name_is_never_a_template_and_always_printable(text: str) -> None:
    told = told_text(text)
    assert SECRET.search(told) is None
    assert not told or told.isprintable()
    assert len(told) <= 100


@settings(deadline=None, max_examples=30)
@given(st.from_regex(r"(?:rtsp|http)s?://[ -~]{0,60}", fullmatch=True))
def test_a_told_address_holds_no_login_and_no_secret(url: str) -> None:
    try:
        told = told_address(url, "192.0.2.7")
    except CameraError:
        return
    assert urlsplit(told).hostname
    assert "@" not in urlsplit(told).netloc
    assert SECRET.search(told) is None
    city = parse_city(REGISTER + yaml.safe_dump({"cameras": {"a": told}}), Path("/x/city.yml"), SECRETS)
    assert city.cameras["a"].input.password is None


def test_a_services_address_elsewhere_is_asked_at_the_camera(simulator: OnvifSimulator) -> None:
    # the address of a service is the device's word too, and each question to it carries the login
    simulator.base = "http://192.0.2.66:80/onvif/"
    assert "rtsp://127.0.0.1:8554/main" in discovered(simulator).output


@pytest.mark.parametrize(
    ("told", "same"), [("LOCALHOST", True), ("127.0.0.1", True), ("[::1]", True), ("evil.example", False)]
)
def test_the_same_machine_is_known_by_the_addresses_of_its_name(told: str, same: bool) -> None:
    assert same_machine(told, "localhost" if told != "[::1]" else "::1") is same


def test_an_answer_that_sends_us_to_another_machine_is_nobody() -> None:
    assert matches(probe_match(addresses="http://192.0.2.66/x"), "192.0.2.7", MESSAGE) == []
    both = "http://192.0.2.66/x http://192.0.2.7/x"
    assert [one.host for one in matches(probe_match(addresses=both), "192.0.2.7", MESSAGE)] == ["192.0.2.7"]
