"""Asks the local network for ONVIF cameras by WS-Discovery: one question a network interface, answers until the time is over.

Our own, because it is one datagram and its answers: the library for it (WSDiscovery) runs four threads for that, and leaves some
of them and their sockets behind where an address family is missing.
Source: WS-Discovery 1.0 (April 2005); ONVIF Core Specification, section 7.
"""

from __future__ import annotations

import contextlib
import logging
import re
import selectors
import socket
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import ifaddr

from passerby.gateway.onvif.told import told_text

_GROUP4, _GROUP6, _PORT = "239.255.255.250", "ff02::c", 3702
_ASK_S = (0.0, 0.5, 1.5)
"""Datagrams get lost: asked again after so long."""
MOST = 1000
"""Cameras; whoever floods us with answers fills no memory."""
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>
<a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>
<a:MessageID>urn:uuid:{}</a:MessageID>
<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>
<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"""
_log = logging.getLogger("passerby.gateway.discovery")


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """One camera that answered.

    Attributes:
        host: Address.
        port: Port of its ONVIF service.
        name: As it calls itself, or empty.
        hardware: Model, or empty.
    """

    host: str
    port: int
    name: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where to ask.

    Attributes:
        address: IPv4 address to ask from, or None to ask by IPv6.
        index: Number of the interface.
    """

    address: str | None
    index: int


def interfaces() -> list[Interface]:
    """Return where a question can be asked: each IPv4 address but loopback, and each interface that has IPv6."""
    found = []
    for adapter in ifaddr.get_adapters():
        addresses = [str(ip.ip) for ip in adapter.ips if ip.is_IPv4]
        found += [Interface(one, adapter.index or 0) for one in addresses if not one.startswith("127.")]
        if adapter.index and any(ip.is_IPv6 and ip.ip[0] != "::1" for ip in adapter.ips):
            found.append(Interface(None, adapter.index))
    return found


def discover_cameras(timeout_s: float, where: Sequence[Interface] | None = None) -> list[FoundCamera]:
    """Ask the local network who is there; takes as long as it is told to.

    Args:
        timeout_s: How long to wait for answers.
        where: Interfaces to ask on; None takes ``interfaces()``.
    """
    message = str(uuid.uuid4())
    probe = _PROBE.format(message).encode()
    cameras: dict[tuple[str, int], FoundCamera] = {}
    began_s, asked = time.monotonic(), 0
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for interface in interfaces() if where is None else where:
            ear = _ear(interface)
            if ear is not None:
                selector.register(stack.enter_context(ear), selectors.EVENT_READ, interface)
        while (gone_s := time.monotonic() - began_s) < timeout_s:
            if asked < len(_ASK_S) and gone_s >= _ASK_S[asked]:
                asked += 1
                for key in list(selector.get_map().values()):
                    _ask(key.fileobj, key.data, probe)
            for key, _ in selector.select(min(0.1, timeout_s - gone_s)):
                for one in matches(*_datagram(key.fileobj), message):
                    if len(cameras) < MOST:
                        cameras[one.host, one.port] = one
    return sorted(cameras.values(), key=lambda camera: (camera.host, camera.port))


def _ear(interface: Interface) -> socket.socket | None:
    family = socket.AF_INET if interface.address else socket.AF_INET6
    try:
        with contextlib.ExitStack() as stack:
            ear = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            ear.setblocking(False)
            if interface.address:
                ear.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface.address))
                ear.bind((interface.address, 0))
            else:
                ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index)
            stack.pop_all()
            return ear
    except OSError as exc:
        # an interface that is down, or a machine without IPv6; the others are asked
        _log.debug("%s is not asked: %s", interface, exc)
        return None


def _ask(ear: object, interface: Interface, probe: bytes) -> None:
    group = (_GROUP4, _PORT) if interface.address else (_GROUP6, _PORT, 0, interface.index)
    if isinstance(ear, socket.socket):
        try:
            ear.sendto(probe, group)
        except OSError as exc:
            _log.debug("%s cannot be asked: %s", interface, exc)


def _datagram(ear: object) -> tuple[bytes, str]:
    try:
        if isinstance(ear, socket.socket):
            data, sender = ear.recvfrom(65_535)
            return data, str(sender[0]).partition("%")[0]
    except OSError as exc:
        _log.debug("an answer is lost: %s", exc)
    return b"", ""


def matches(data: bytes, sender: str, message: str) -> list[FoundCamera]:
    """Read an answer; what is none, answers somebody else, or sends us to another machine than it came from, is nobody.

    Args:
        data: A datagram.
        sender: Address that it came from.
        message: Number of the question, a UUID.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        # SOAP has neither, and entities grow
        return []
    try:
        envelope = ET.fromstring(data)  # noqa: S314 - at most 64 KB, without the parts that grow
    except (ET.ParseError, ValueError, LookupError):
        return []
    if message not in (envelope.findtext(".//{*}RelatesTo") or ""):
        return []
    found = []
    for match in envelope.iterfind(".//{*}ProbeMatch"):
        if "NetworkVideoTransmitter" not in (match.findtext("{*}Types") or ""):
            continue
        scopes = (match.findtext("{*}Scopes") or "").split()
        for address in (match.findtext("{*}XAddrs") or "").split():
            place = _place(address)
            if place is not None and place[0].lower() == sender.lower():
                found.append(FoundCamera(*place, _scope(scopes, "name"), _scope(scopes, "hardware")))
                break
    return found


def _place(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port or 80
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and parts.scheme in {"http", "https"} else None


def _scope(scopes: list[str], word: str) -> str:
    for scope in scopes:
        match = re.fullmatch(rf"onvif://www\.onvif\.org/{word}/(.{{1,100}})", scope)
        if match:
            return told_text(unquote(match[1]))
    return ""
