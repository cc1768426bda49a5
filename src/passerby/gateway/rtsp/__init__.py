"""The RTSP server for readers. RFC 2326, 3550, 6184; nothing can be published to it."""

from passerby.gateway.rtsp.auth import DigestGate, Gate, ha1
from passerby.gateway.rtsp.publish import Publisher, PushError
from passerby.gateway.rtsp.server import RtspServer

__all__ = ["DigestGate", "Gate", "Publisher", "PushError", "RtspServer", "ha1"]
