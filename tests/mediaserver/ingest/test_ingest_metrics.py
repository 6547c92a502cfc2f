"""The metrics: by show and kind, growing across sessions, without a session's name."""

from dataclasses import replace

import pytest

from mediaserver.errors import StartError
from mediaserver.ingest import selftest
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
)


def session(name: str, *, frames: int = 30) -> SessionFigures:
    return SessionFigures(
        session=name,
        show="show1",
        state="media",
        tracks={"video": replace(VIDEO, frames=frames)},
        sent=frames,
        dropped=1,
        reanchored=0,
        stale=0,
        skew_ns=-5_000_000,
    )


def lines(metrics: IngestMetrics) -> set[str]:
    return set(metrics.text().decode().splitlines())


def test_what_a_session_counts_is_its_shows() -> None:
    metrics = IngestMetrics()
    metrics.update([session("secret-session")], {"empty": 7}, 2.0)
    text = metrics.text().decode()
    assert "secret-session" not in text
    assert {
        'comptoir_ingest_packets_total{kind="video",show="show1"} 100.0',
        'comptoir_ingest_lost_total{kind="video",show="show1"} 3.0',
        'comptoir_ingest_frames_per_second{kind="video",show="show1"} 15.0',
        'comptoir_ingest_jitter_seconds{kind="video",show="show1"} 0.25',
        'comptoir_ingest_skew_seconds{show="show1"} -0.005',
        'comptoir_ingest_sessions{show="show1",state="media"} 1.0',
        'comptoir_ingest_units_sent_total{show="show1"} 30.0',
        'comptoir_ingest_datagrams_dropped_total{reason="empty"} 7.0',
    } <= lines(metrics)


def test_counters_grow_over_updates_and_sessions_gauges_go_with_them() -> None:
    metrics = IngestMetrics()
    metrics.update([session("a")], {}, 2.0)
    metrics.update([session("a", frames=50)], {}, 2.0)
    metrics.update([session("b", frames=10)], {}, 2.0)
    assert 'comptoir_ingest_frames_total{kind="video",show="show1"} 60.0' in lines(metrics)
    metrics.update([], {}, 2.0)
    assert 'comptoir_ingest_frames_total{kind="video",show="show1"} 60.0' in lines(metrics)
    assert not any(line.startswith("comptoir_ingest_sessions{") for line in lines(metrics))


async def test_the_self_test_passes_with_the_pinned_versions() -> None:
    await selftest.check_internals()


async def test_the_self_test_names_what_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("aiortc.rtcdtlstransport.RTCDtlsTransport._register_rtp_receiver")
    with pytest.raises(StartError, match="_register_rtp_receiver"):
        await selftest.check_internals()
