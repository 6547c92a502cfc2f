"""The ingest process in Prometheus's words: counters by show and kind, never by session.

Sessions count for themselves; every few seconds their growth is added to the show's counters, so
that these only grow while sessions come and go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFigures:
    """One session as the metrics see it."""

    session: str
    show: str
    state: str
    tracks: Mapping[Kind, TrackFigures]
    sent: int
    dropped: int
    """Access units for which there was no worker."""
    reanchored: int
    stale: int
    """Packets of sound that lay where sound was placed already."""
    skew_ns: int | None


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
        self._fps = Gauge(
            "comptoir_ingest_frames_per_second",
            "Access units a second since the last report.",
            ["show", "kind"],
            registry=self._registry,
        )
        self._jitter = Gauge(
            "comptoir_ingest_jitter_seconds",
            "Interarrival jitter (RFC 3550).",
            ["show", "kind"],
            registry=self._registry,
        )
        self._skew = Gauge(
            "comptoir_ingest_skew_seconds",
            "Picture minus sound against the host's clock.",
            ["show"],
            registry=self._registry,
        )
        self._port_dropped = Counter(
            "comptoir_ingest_datagrams_dropped",
            "Datagrams that were nobody's.",
            ["reason"],
            registry=self._registry,
        )

    def update(
        self, sessions: Iterable[SessionFigures], port_dropped: Mapping[str, int], elapsed_s: float
    ) -> None:
        """Take what has grown in the `elapsed_s` since the last update."""
        for gauge in (self._sessions, self._fps, self._jitter, self._skew):
            gauge.clear()
        known: dict[tuple[str, str], int] = {}
        for figures in sessions:
            self._update_session(figures, known, elapsed_s)
        for reason, count in port_dropped.items():
            grown = self._grown(known, "", reason, count)
            self._port_dropped.labels(reason).inc(grown)
        self._before = known

    def text(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self._registry)

    def _update_session(
        self, figures: SessionFigures, known: dict[tuple[str, str], int], elapsed_s: float
    ) -> None:
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
            grown = {
                name: self._grown(known, session, f"{kind}_{name}", getattr(track, name))
                for name in _COUNTERS
            }
            for name, count in grown.items():
                self._counters[name].labels(show, kind).inc(count)
            self._jitter.labels(show, kind).set(track.jitter_s)
            self._fps.labels(show, kind).set(grown["frames"] / elapsed_s if elapsed_s > 0 else 0)
        if figures.skew_ns is not None:
            self._skew.labels(show).set(figures.skew_ns / 1e9)

    def _grown(self, known: dict[tuple[str, str], int], session: str, name: str, value: int) -> int:
        known[session, name] = value
        return value - self._before.get((session, name), 0)

    def _show_counter(self, name: str, text: str) -> Counter:
        return Counter(f"comptoir_ingest_{name}", text, ["show"], registry=self._registry)
