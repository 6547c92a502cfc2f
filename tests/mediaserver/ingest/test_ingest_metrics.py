"""The metrics: by show and kind, growing across sessions, without a session's name."""

from dataclasses import replace

import pytest

from mediaserver.bus.messages import SessionHealth
from mediaserver.errors import StartError
from mediaserver.ingest import selftest
from mediaserver.ingest.health import HealthDesk
from mediaserver.ingest.metrics import IngestMetrics, SessionFigures
from mediaserver.ingest.receiver import TrackFigures

VIDEO = TrackFigures(
    packets=100,
    received_bytes=5000,
    frames=30,
    keyframes=1,
    damaged=0,
    malformed=0,
    late=2,
    lost=3,
    recovered=4,
    nacks=5,
    plis=6,
    jitter_s=0.25,
    width=1280,
    height=720,
)
NOTHING = replace(
    VIDEO, packets=0, received_bytes=0, frames=0, keyframes=0, late=0, lost=0, recovered=0
)


def session(name: str, *, frames: int = 30) -> SessionFigures:
    return SessionFigures(
        session=name,
        show="show1",
        source=1,
        state="media",
        codecs={"video": "h264"},
        tracks={"video": replace(VIDEO, frames=frames)},
        sent=frames,
        dropped=1,
        reanchored=0,
        stale=0,
        skew_ns=-5_000_000,
        rtt_s=0.04,
    )


def health_of(*sessions: SessionFigures) -> list[SessionHealth]:
    """A second after a second: the figures' growth is what a second gave."""
    desk = HealthDesk()
    desk.look([replace(each, tracks=dict.fromkeys(each.tracks, NOTHING)) for each in sessions], 1.0)
    return desk.look(sessions, 2.0)


def lines(metrics: IngestMetrics) -> set[str]:
    return set(metrics.text().decode().splitlines())


def test_what_a_session_counts_is_its_shows() -> None:
    metrics = IngestMetrics()
    figures = session("secret-session")
    metrics.update([figures], health_of(figures), {"empty": 7})
    text = metrics.text().decode()
    assert "secret-session" not in text
    assert {
        'comptoir_ingest_packets_total{kind="video",show="show1"} 100.0',
        'comptoir_ingest_lost_total{kind="video",show="show1"} 3.0',
        'comptoir_ingest_frames_per_second{kind="video",show="show1"} 30.0',
        'comptoir_ingest_jitter_seconds{kind="video",show="show1"} 0.25',
        'comptoir_ingest_skew_seconds{show="show1"} -0.005',
        'comptoir_ingest_bits_per_second{kind="video",show="show1"} 40000.0',
        'comptoir_ingest_picture_width{kind="video",show="show1"} 1280.0',
        'comptoir_ingest_round_trip_seconds{show="show1"} 0.04',
        'comptoir_ingest_hint{hint="fine",show="show1"} 1.0',
        'comptoir_ingest_hint{hint="uplink_loss",show="show1"} 0.0',
        'comptoir_ingest_sessions{show="show1",state="media"} 1.0',
        'comptoir_ingest_units_sent_total{show="show1"} 30.0',
        'comptoir_ingest_datagrams_dropped_total{reason="empty"} 7.0',
    } <= lines(metrics)


def test_counters_grow_over_updates_and_sessions_gauges_go_with_them() -> None:
    metrics = IngestMetrics()
    metrics.update([session("a")], health_of(session("a")), {})
    metrics.update([session("a", frames=50)], [], {})
    metrics.update([session("b", frames=10)], health_of(session("b")), {})
    assert 'comptoir_ingest_frames_total{kind="video",show="show1"} 60.0' in lines(metrics)
    metrics.update([], [], {})
    assert 'comptoir_ingest_frames_total{kind="video",show="show1"} 60.0' in lines(metrics)
    gauges = ("sessions", "hint", "bits_per_second", "skew_seconds", "round_trip_seconds")
    for name in gauges:
        assert not any(line.startswith(f"comptoir_ingest_{name}{{") for line in lines(metrics))


async def test_the_self_test_passes_with_the_pinned_versions() -> None:
    await selftest.check_internals()


async def test_the_self_test_names_what_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("aiortc.rtcdtlstransport.RTCDtlsTransport._handle_rtp_data")
    with pytest.raises(StartError, match="_handle_rtp_data"):
        await selftest.check_internals()
