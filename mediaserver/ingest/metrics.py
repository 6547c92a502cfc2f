"""The ingest process in Prometheus's words: counters by show and kind, never by session.

Sessions count for themselves; every few seconds their growth is added to the show's counters, so
that these only grow while sessions come and go.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from mediaserver.bus.messages import HealthHint, SessionHealth, TrackHealth
from mediaserver.ingest.receiver import TrackFigures
from transcoder.values import Kind

_COUNTERS = {
    "packets": "RTP packets received.",
    "received_bytes": "Bytes of RTP payload received.",
    "frames": "Access units put together.",
    "keyframes": "Access units where decoding can start.",
    "damaged": "Access units behind a loss.",
    "malformed": "Frames that were no legal payloads of their codec.",
    "late": "Packets that came twice or too late.",
    "lost": "Packets given up.",
    "recovered": "Packets that came after they were asked for.",
    "nacks": "Packets asked for again.",
    "plis": "Keyframes asked for.",
}

_TRACK_GAUGES: Mapping[str, tuple[str, Callable[[TrackHealth], float | None]]] = {
    "frames_per_second": ("Access units a second.", lambda track: track.frames_per_s),
    "bits_per_second": ("Payload received a second.", lambda track: track.bitrate_bps),
    "loss_ratio": ("Share of packets missing before repair.", lambda track: track.lost_share),
    "unrepaired_ratio": (
        "Share of packets missing after repair.",
        lambda track: track.unrepaired_share,
    ),
    "jitter_seconds": ("Interarrival jitter (RFC 3550).", lambda track: track.jitter_ms / 1e3),
    "keyframe_interval_seconds": (
        "Between the last two keyframes.",
        lambda track: track.keyframe_interval_s,
    ),
    "picture_width": ("Of the picture, in pixels.", lambda track: track.width),
    "picture_height": ("Of the picture, in pixels.", lambda track: track.height),
}
_HINTS = get_args(HealthHint)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFigures:
    """One session as the metrics see it."""

    session: str
    show: str
    source: int
    state: Literal["connecting", "connected", "media", "silent"]
    codecs: Mapping[Kind, str]
    tracks: Mapping[Kind, TrackFigures]
    sent: int
    dropped: int
    """Access units for which there was no worker."""
    reanchored: int
    stale: int
    """Packets of sound that lay where sound was placed already."""
    skew_ns: int | None
    rtt_s: float | None
    """Round trip to the publisher; None while nobody has measured one."""


class IngestMetrics:
    """A registry of its own, brought up to date by `update`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._before: dict[tuple[str, str], int] = {}
        self._counters = {
            name: Counter(
                f"comptoir_ingest_{name}", text, ["show", "kind"], registry=self._registry
            )
            for name, text in _COUNTERS.items()
        }
        self._units_sent = self._show_counter("units_sent", "Access units sent to a worker.")
        self._units_dropped = self._show_counter(
            "units_dropped", "Access units for which there was no worker."
        )
        self._reanchored = self._show_counter(
            "reanchored", "Times a publisher's media clock began anew."
        )
        self._stale = self._show_counter(
            "stale", "Packets of sound dropped because their time was taken."
        )
        self._sessions = Gauge(
            "comptoir_ingest_sessions", "Sessions.", ["show", "state"], registry=self._registry
        )
        self._track_gauges = {
            name: (self._gauge(name, text, "kind"), value)
            for name, (text, value) in _TRACK_GAUGES.items()
        }
        self._rtt = self._gauge("round_trip_seconds", "Round trip to the publisher.")
        self._hint = self._gauge("hint", "1 for the hint that the host is given.", "hint")
        self._skew = self._gauge("skew_seconds", "Picture minus sound against the host's clock.")
        self._port_dropped = Counter(
            "comptoir_ingest_datagrams_dropped",
            "Datagrams that were nobody's.",
            ["reason"],
            registry=self._registry,
        )
        self._tasks = Gauge(
            "comptoir_ingest_tasks",
            "Tasks on the event loop: without sessions, always the same few.",
            registry=self._registry,
        )

    def show_tasks(self, count: int) -> None:
        """How many tasks the process's event loop has."""
        self._tasks.set(count)

    def update(
        self,
        sessions: Iterable[SessionFigures],
        health: Iterable[SessionHealth],
        port_dropped: Mapping[str, int],
    ) -> None:
        """Take what has grown since the last update, and how each session fares now."""
        self._sessions.clear()
        known: dict[tuple[str, str], int] = {}
        for figures in sessions:
            self._update_session(figures, known)
        for reason, count in port_dropped.items():
            grown = self._grown(known, "", reason, count)
            self._port_dropped.labels(reason).inc(grown)
        self._before = known
        self._show_health(health)

    def text(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self._registry)

    def _update_session(self, figures: SessionFigures, known: dict[tuple[str, str], int]) -> None:
        show, session = figures.show, figures.session
        self._sessions.labels(show, figures.state).inc()
        for counter, name, value in (
            (self._units_sent, "sent", figures.sent),
            (self._units_dropped, "dropped", figures.dropped),
            (self._reanchored, "reanchored", figures.reanchored),
            (self._stale, "stale", figures.stale),
        ):
            counter.labels(show).inc(self._grown(known, session, name, value))
        for kind, track in figures.tracks.items():
            for name, counter in self._counters.items():
                grown = self._grown(known, session, f"{kind}_{name}", getattr(track, name))
                counter.labels(show, kind).inc(grown)

    def _show_health(self, sessions: Iterable[SessionHealth]) -> None:
        """The gauges of the sessions there are; those of the others go."""
        gauges = [gauge for gauge, _ in self._track_gauges.values()]
        for gauge in (*gauges, self._rtt, self._hint, self._skew):
            gauge.clear()
        for health in sessions:
            for kind, track in (("video", health.video), ("audio", health.audio)):
                if track is None:
                    continue
                for gauge, value in self._track_gauges.values():
                    _set(gauge, value(track), health.show, kind)
            for gauge, ms in ((self._rtt, health.rtt_ms), (self._skew, health.skew_ms)):
                _set(gauge, None if ms is None else ms / 1e3, health.show)
            for hint in _HINTS:
                self._hint.labels(health.show, hint).set(hint == health.hint)

    def _grown(self, known: dict[tuple[str, str], int], session: str, name: str, value: int) -> int:
        known[session, name] = value
        return value - self._before.get((session, name), 0)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"comptoir_ingest_{name}", text, ["show", *labels], registry=self._registry)

    def _show_counter(self, name: str, text: str) -> Counter:
        return Counter(f"comptoir_ingest_{name}", text, ["show"], registry=self._registry)


def _set(gauge: Gauge, value: float | None, *labels: str) -> None:
    """An unknown value is no sample."""
    if value is not None:
        gauge.labels(*labels).set(value)
