"""Prometheus metrics, read from the gateway's state at each scrape. Names are Frigate's, with ``passerby_`` for ``frigate_``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import passerby
from passerby.gateway.states import CameraStatus, Phase
from passerby.gateway.values import CoverReason


@dataclass(frozen=True, slots=True)
class MetricsSource:
    """What one scrape reads.

    Attributes:
        statuses: Of all cameras.
        refused: Cameras that may not start.
        alarm: Whether the alarm is on.
        hidden_passed_ns: When the hidden stream last passed, ns since 1970; 0 for never.
        register_failing_s: For how long the register cannot be written.
        config_sound: Whether the configuration on disk is the one that runs.
        rtsp_sessions: Now.
        folders: Where recordings go.
        access_refused: Requests and logins refused so far.
    """

    statuses: list[CameraStatus]
    refused: int = 0
    alarm: bool = False
    hidden_passed_ns: int = 0
    register_failing_s: float = 0.0
    config_sound: bool = True
    rtsp_sessions: int = 0
    folders: tuple[Path, ...] = ()
    access_refused: int = 0


_GAUGES: tuple[tuple[str, str, Callable[[CameraStatus], float]], ...] = (
    ("camera_fps", "Pictures a second that the camera sends", lambda s: s.counts.fps_in),
    ("process_fps", "Veiled pictures a second that are served", lambda s: s.counts.fps_out),
    ("detection_fps", "Looks of the detector a second", lambda s: s.counts.detect_hz),
    ("rate_step", "One picture of so many is shown; above 1 this machine cannot keep up", lambda s: float(s.rate_step)),
    ("detection_enabled", "Always 1: veiling cannot be turned off", lambda _: 1.0),
    ("veiled", "1 with faces covered, 0 while all is covered", lambda s: float(s.phase is Phase.VEILED)),
    ("detector_inference_speed_seconds", "Mean time of one inference pass", lambda s: s.counts.detect_ms / 1000),
    ("lookahead_seconds", "Time that pictures are held back", lambda s: s.lookahead_ms / 1000),
    ("delay_p50_seconds", "Delay beyond the look-ahead, median", lambda s: s.delay_p50_ms / 1000),
    ("delay_p99_seconds", "Delay beyond the look-ahead, 99th percentile", lambda s: s.delay_p99_ms / 1000),
    ("queue", "Pictures waiting", lambda s: float(s.counts.queue)),
    ("readers", "RTSP sessions and browser viewers", lambda s: float(s.readers)),
    ("bitrate_kbps", "Of the veiled stream", lambda s: s.bitrate_kbps),
    ("mem_usage_bytes", "Memory of the camera's process", lambda s: float(s.counts.rss_bytes)),
    ("selftest_age_seconds", "Since the detector last passed; -1 for never", lambda s: _age_s(s.last_selftest_ns)),
)  # fmt: skip
_COUNTERS: tuple[tuple[str, str, Callable[[CameraStatus], float]], ...] = (
    ("frames_in", "Pictures decoded", lambda s: s.counts.frames_in),
    ("frames_out", "Pictures served", lambda s: s.counts.frames_out),
    ("skipped_frames", "Pictures left out before veiling", lambda s: s.counts.frames_left_out),
    ("faces_covered", "Faces covered, counted once a picture", lambda s: s.counts.faces),
    ("tracks_covered", "Faces covered, each track counted once", lambda s: s.counts.tracks),
    ("decode_errors", "Damaged packets", lambda s: s.counts.decode_errors),
    ("reconnects", "Times that the camera was opened anew", lambda s: s.counts.reconnects),
    ("process_restarts", "Times that the camera's process was started anew", lambda s: s.restarts),
    ("selftests_failed", "Self-tests of the detector that failed", lambda s: s.counts.selftests_failed),
    ("faces_sealed", "Faces kept locked, counted once a picture", lambda s: s.counts.sealed.sealed),
    ("pieces_sealed", "Pieces that they make", lambda s: s.counts.sealed.pieces),
    ("sealed_bytes", "Bytes of these", lambda s: s.counts.sealed.written_bytes),
    ("cpu_seconds", "Processor time of the camera's present process", lambda s: s.counts.cpu_s),
)
UNSEALED = ("unsure", "small", "behind", "storage", "ended")
"""Why a face that was covered is not kept: ``passerby.sealing.SealTally``."""


def _age_s(ns: int) -> float:
    return max(0.0, time.time() - ns / 1e9) if ns else -1.0


class GatewayCollector(Collector):
    """Makes metrics of the facts.

    Args:
        facts: Called at each scrape.
    """

    def __init__(self, facts: Callable[[], MetricsSource]) -> None:
        self._facts = facts
        self._began_s = time.time()

    def collect(self) -> Iterable[Metric]:
        """Return every metric."""
        facts = self._facts()
        for name, text, read in _GAUGES:
            gauge = GaugeMetricFamily(f"passerby_{name}", text, labels=["camera_name"])
            for status in facts.statuses:
                gauge.add_metric([status.name], read(status))
            yield gauge
        for name, text, read in _COUNTERS:
            counter = CounterMetricFamily(f"passerby_{name}", text, labels=["camera_name"])
            for status in facts.statuses:
                counter.add_metric([status.name], read(status))
            yield counter
        yield from self._by_reason(facts)
        yield from self._of_gateway(facts)

    def _by_reason(self, facts: MetricsSource) -> Iterable[Metric]:
        covered = CounterMetricFamily(
            "passerby_frames_covered", "Pictures covered whole, slates included", labels=["camera_name", "reason"]
        )
        state = GaugeMetricFamily("passerby_camera_state", "1 for the present state", labels=["camera_name", "state"])
        for status in facts.statuses:
            found = dict(status.whole_by_reason)
            for reason in CoverReason:
                covered.add_metric([status.name, reason.value], found.get(reason, 0))
            for phase in Phase:
                state.add_metric([status.name, phase.value], float(status.phase is phase))
        yield covered
        yield state
        unsealed = CounterMetricFamily(
            "passerby_faces_unsealed",
            "Faces covered and not kept, of cameras that seal",
            labels=["camera_name", "cause"],
        )
        for status in facts.statuses:
            for cause in UNSEALED:
                unsealed.add_metric([status.name, cause], getattr(status.counts.sealed, cause))
        yield unsealed

    def _of_gateway(self, facts: MetricsSource) -> Iterable[Metric]:
        rows = (
            ("service_uptime_seconds", "Since the start", time.time() - self._began_s),
            ("cameras", "Cameras that run", float(len(facts.statuses))),
            ("cameras_refused", "Cameras that may not start", float(facts.refused)),
            ("alarm", "1 while a test face came out bare: everything is covered", float(facts.alarm)),
            ("selftest_ok", "1 while the hidden stream passed lately", float(0 <= _age_s(facts.hidden_passed_ns) < 180)),
            ("register_failing_seconds", "For how long the register cannot be written", facts.register_failing_s),
            ("config_last_reload_successful", "1 while the file on disk is what runs", float(facts.config_sound)),
            ("rtsp_sessions", "RTSP sessions", float(facts.rtsp_sessions)),
        )  # fmt: skip
        for name, text, value in rows:
            yield GaugeMetricFamily(f"passerby_{name}", text, value=value)
        yield CounterMetricFamily("passerby_access_refused", "Requests refused", value=facts.access_refused)
        info = GaugeMetricFamily("passerby_build_info", "Version", labels=["version"])
        info.add_metric([passerby.__version__], 1)
        yield info
        free = GaugeMetricFamily("passerby_storage_free_bytes", "Free space", labels=["storage"])
        used = GaugeMetricFamily("passerby_storage_used_bytes", "Used space", labels=["storage"])
        for folder in facts.folders:
            try:
                usage = shutil.disk_usage(folder)
            except OSError:
                # a folder that is away shows as missing, which can be alerted on
                continue
            free.add_metric([str(folder)], usage.free)
            used.add_metric([str(folder)], usage.used)
        yield free
        yield used


def metrics_exposition(facts: Callable[[], MetricsSource]) -> Callable[[], bytes]:
    """Return what renders the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(GatewayCollector(facts))
    return lambda: generate_latest(registry)
