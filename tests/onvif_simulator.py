"""A small ONVIF camera for the tests: device, media and PTZ services with WS-UsernameToken, and a WS-Discovery responder."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GROUP = ("239.255.255.250", 3702)
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tan="http://www.onvif.org/ver20/analytics/wsdl" '
    'xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:wstop="http://docs.oasis-open.org/wsn/t-1" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:own="http://maker.example/topics" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{}</s:Body></s:Envelope>'
)
_PROFILE = (
    '<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>'
    '<tt:VideoEncoderConfiguration token="e"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    "<tt:Quality>1</tt:Quality><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address>"
    "</tt:Address><tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
    "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>{analytics}</trt:Profiles>"
)
_ANALYTICS = (
    '<tt:VideoAnalyticsConfiguration token="va"><tt:Name>va</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:AnalyticsEngineConfiguration/><tt:RuleEngineConfiguration/></tt:VideoAnalyticsConfiguration>"
)
_TOPIC = '<tns1:{0}><{1} wstop:topic="true"><tt:MessageDescription IsProperty="true"/></{1}></tns1:{0}>'
_CONFIG = '<tan:{0} Name="n" Type="{1}"><tt:Parameters/></tan:{0}>'


class OnvifSimulator:
    """The camera. Change ``users``, ``moving``, ``position``, ``stream``, ``base`` and ``elsewhere`` while it runs.

    ``analytics`` are the types of its modules, ``rules`` those of its rules, ``topics`` its own event topics as elements of XML;
    a sort that is None is not served at all.
    """

    def __init__(self, stream: str, users: dict[str, str] | None = None) -> None:
        self.stream = stream
        self.users = users or {"admin": "secret"}
        self.moving: str | None = "IDLE"
        self.position = (0.0, 0.0, 0.0)
        self.analytics: list[str] | None = None
        self.rules: list[str] = []
        self.topics: str | None = None
        self.elsewhere: tuple[int, str] | None = None
        """Status and address of a redirect, where requests are sent on."""
        self.asked: list[str] = []
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                simulator.asked.append(body)
                if simulator.elsewhere is not None:
                    self.send_response(simulator.elsewhere[0])
                    self.send_header("Location", simulator.elsewhere[1])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                status, answer = simulator.answer(body)
                data = _ENVELOPE.format(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}/onvif/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._ear: socket.socket | None = None

    @property
    def service(self) -> str:
        """Return the device service's address."""
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    def listen(self) -> None:
        """Answer WS-Discovery probes too."""
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind(("", GROUP[1]))
        for own in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - groups are joined, nothing is bound
            try:
                ear.setsockopt(
                    socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP[0]) + socket.inet_aton(own)
                )
            except OSError:
                continue
        ear.settimeout(0.2)
        self._ear = ear
        threading.Thread(target=self._answer_probes, args=(ear,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        if self._ear is not None:
            self._ear.close()

    def answer(self, body: str) -> tuple[int, str]:
        """Return status and body for a request."""
        asked = re.search(r"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)", body)
        name = asked[1] if asked else ""
        if name == "GetSystemDateAndTime":
            now = datetime.now(UTC)
            time = (
                f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            )
            day = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            return 200, (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
                f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{day}</tt:Date>"
                "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if not self._admitted(body):
            return 400, (
                "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>"
                '<s:Reason><s:Text xml:lang="en">Sender not Authorized</s:Text></s:Reason></s:Fault>'
            )
        return 200, self._told(name)

    def _told(self, name: str) -> str:
        base = self.base
        answers = {
            "GetCapabilities": "<tds:GetCapabilitiesResponse><tds:Capabilities>"
            f"<tt:Device><tt:XAddr>{base}device_service</tt:XAddr></tt:Device>"
            f"<tt:Media><tt:XAddr>{base}media</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
            f"<tt:PTZ><tt:XAddr>{base}ptz</tt:XAddr></tt:PTZ></tds:Capabilities></tds:GetCapabilitiesResponse>",
            "GetServices": "<tds:GetServicesResponse>"
            + "".join(
                f"<tds:Service><tds:Namespace>http://www.onvif.org/{space}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr>"
                "<tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
                for space, path in (
                    ("ver10/device/wsdl", "device_service"),
                    ("ver10/media/wsdl", "media"),
                    ("ver20/ptz/wsdl", "ptz"),
                    *([("ver20/analytics/wsdl", "analytics")] if self.analytics is not None else []),
                    *([("ver10/events/wsdl", "events")] if self.topics is not None else []),
                )
            )
            + "</tds:GetServicesResponse>",
            "GetProfiles": "<trt:GetProfilesResponse>"
            + _PROFILE.format(token="sub", width=640, height=360, analytics="")
            + _PROFILE.format(
                token="main", width=1280, height=720, analytics="" if self.analytics is None else _ANALYTICS
            )
            + "</trt:GetProfilesResponse>",
            "GetStreamUri": f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{self.stream}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>",
            "GetUsers": "<tds:GetUsersResponse>"
            + "".join(
                f"<tds:User><tt:Username>{user}</tt:Username><tt:UserLevel>Administrator</tt:UserLevel></tds:User>"
                for user in self.users
            )
            + "</tds:GetUsersResponse>",
            "GetStatus": self._status(),
            **self._analysed(),
        }
        return answers[name]

    def _analysed(self) -> dict[str, str]:
        modules, rules = self.analytics or [], self.rules
        offered = {
            "Rules": "".join(
                f'<tt:RuleDescription Name="{one}"><tt:Parameters/></tt:RuleDescription>' for one in rules
            ),
            "AnalyticsModules": "".join(
                f'<tt:AnalyticsModuleDescription Name="{one}"><tt:Parameters/></tt:AnalyticsModuleDescription>'
                for one in modules
            ),
        }
        dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
        return {
            "GetAnalyticsModules": "<tan:GetAnalyticsModulesResponse>"
            + "".join(_CONFIG.format("AnalyticsModule", one) for one in modules)
            + "</tan:GetAnalyticsModulesResponse>",
            "GetRules": "<tan:GetRulesResponse>"
            + "".join(_CONFIG.format("Rule", one) for one in rules)
            + "</tan:GetRulesResponse>",
            **{
                f"GetSupported{sort}": f"<tan:GetSupported{sort}Response><tan:Supported{sort}>{told}</tan:Supported{sort}>"
                f"</tan:GetSupported{sort}Response>"
                for sort, told in offered.items()
            },
            "GetVideoAnalyticsConfigurations": "<trt:GetVideoAnalyticsConfigurationsResponse/>",
            "GetEventProperties": "<tev:GetEventPropertiesResponse>"
            "<tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml</tev:TopicNamespaceLocation>"
            '<wsnt:FixedTopicSet xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">true</wsnt:FixedTopicSet>'
            f"<wstop:TopicSet>{_TOPIC.format('VideoSource', 'MotionAlarm')}{self.topics or ''}</wstop:TopicSet>"
            '<wsnt:TopicExpressionDialect xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">'
            f"{dialect}</wsnt:TopicExpressionDialect>"
            "<tev:MessageContentFilterDialect>x</tev:MessageContentFilterDialect>"
            "<tev:MessageContentSchemaLocation>x</tev:MessageContentSchemaLocation></tev:GetEventPropertiesResponse>",
        }

    def _status(self) -> str:
        pan, tilt, zoom = self.position
        state = ""
        if self.moving is not None:
            state = f"<tt:MoveStatus><tt:PanTilt>{self.moving}</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
        return (
            f'<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position><tt:PanTilt x="{pan}" y="{tilt}"/><tt:Zoom x="{zoom}"/>'
            f"</tt:Position>{state}<tt:UtcTime>2026-01-01T00:00:00Z</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>"
        )

    def _admitted(self, body: str) -> bool:
        found = {
            name: match[1]
            for name in ("Username", "Password", "Nonce", "Created")
            if (match := re.search(rf"<(?:[\w-]+:)?{name}(?: [^>]*)?>([^<]*)<", body))
        }
        password = self.users.get(found.get("Username", ""))
        if password is None or len(found) < 4:
            return False
        raw = base64.b64decode(found["Nonce"]) + found["Created"].encode() + password.encode()
        return base64.b64encode(hashlib.sha1(raw, usedforsecurity=False).digest()).decode() == found["Password"]

    def _answer_probes(self, ear: socket.socket) -> None:
        while True:
            try:
                data, address = ear.recvfrom(65_536)
            except TimeoutError:
                continue
            except (OSError, struct.error):
                return
            text = data.decode("utf-8", "replace")
            message = re.search(r"<(?:[\w-]+:)?MessageID[^>]*>([^<]+)<", text)
            if "Probe>" not in text or "ProbeMatch" in text or message is None:
                continue
            ear.sendto(self._match(message[1]).encode(), address)

    def _match(self, message: str) -> str:
        return (
            '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
            'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
            f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID><a:RelatesTo>{message}</a:RelatesTo>"
            "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
            "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>"
            '<d:AppSequence InstanceId="1" MessageNumber="1"/></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>'
            f"<a:EndpointReference><a:Address>urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, self.service)}</a:Address>"
            "</a:EndpointReference>"
            "<d:Types>dn:NetworkVideoTransmitter</d:Types>"
            "<d:Scopes>onvif://www.onvif.org/name/Hall%20Camera onvif://www.onvif.org/hardware/SIM-1</d:Scopes>"
            f"<d:XAddrs>{self.service}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        )
