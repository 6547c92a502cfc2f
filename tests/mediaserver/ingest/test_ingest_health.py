"""Health: figures from two looks, and a hint that neither flaps nor nags."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.bus.messages import SessionHealth
from mediaserver.ingest.health import HealthDesk, SessionWatch, loss_shares
from mediaserver.ingest.metrics import SessionFigures
from mediaserver.ingest.receiver import TrackFigures
from transcoder.wire import decode, encode

NOTHING = TrackFigures(
    packets=0,
    received_bytes=0,
    frames=0,
    keyframes=0,
    damaged=0,
    malformed=0,
    late=0,
    lost=0,
    recovered=0,
    nacks=0,
    plis=0,
    jitter_s=0.002,
)


State = Literal["connecting", "connected", "media", "silent"]


class Host:
    """A publish that is told how each second goes, and hears the hint."""

    def __init__(self) -> None:
        self.watch = SessionWatch()
        self.now_s = 100.0
        self.figures = SessionFigures(
            session="s",
            show="show1",
            source=1,
            state="media",
            codecs={"video": "h264", "audio": "opus"},
            tracks={"video": replace(NOTHING, width=1280, height=720), "audio": NOTHING},
            sent=0,
            dropped=0,
            reanchored=0,
            stale=0,
            skew_ns=4_000_000,
            rtt_s=0.04,
        )

    def second(
        self,
        *,
        bps: int = 2_400_000,
        fps: int = 30,
        lost: int = 0,
        recovered: int = 0,
        sound_bps: int = 64_000,
        jitter_s: float = 0.002,
        rtt_s: float = 0.04,
        state: State = "media",
    ) -> SessionHealth:
        video, audio = self.figures.tracks["video"], self.figures.tracks["audio"]
        self.now_s += 1.0
        self.figures = replace(
            self.figures,
            state=state,
            rtt_s=rtt_s,
            tracks={
                "video": replace(
                    video,
                    packets=video.packets + 250 - lost,
                    received_bytes=video.received_bytes + bps // 8,
                    frames=video.frames + fps,
                    lost=video.lost + lost,
                    recovered=video.recovered + recovered,
                ),
                "audio": replace(
                    audio,
                    packets=audio.packets + 50,
                    received_bytes=audio.received_bytes + sound_bps // 8,
                    jitter_s=jitter_s,
                ),
            },
        )
        return self.watch.look(self.figures, self.now_s)

    def seconds(self, count: int, **how: float | str) -> list[str]:
        return [self.second(**how).hint for _ in range(count)]  # type: ignore[arg-type]


def changes(hints: list[str]) -> list[str]:
    return [hint for at, hint in enumerate(hints) if at == 0 or hints[at - 1] != hint]


@pytest.fixture
def host() -> Host:
    """On air for ten seconds, and all is well."""
    host = Host()
    assert changes(host.seconds(10)) == ["fine"]
    return host


def test_figures_are_of_the_last_second(host: Host) -> None:
    health = host.second(bps=1_200_000, fps=25)
    assert health.video is not None
    assert health.audio is not None
    assert (health.video.bitrate_bps, round(health.video.frames_per_s)) == (1_200_000, 25)
    assert (health.video.codec, health.video.width, health.video.height) == ("h264", 1280, 720)
    assert (health.audio.bitrate_bps, health.audio.width) == (64_000, None)
    assert (health.rtt_ms, health.skew_ms) == (40.0, 4.0)
    assert decode(encode(health)) == health


def test_losses_are_told_before_and_after_repair(host: Host) -> None:
    health = host.second(lost=5, recovered=45)
    assert health.video is not None
    assert health.video.lost_share == pytest.approx(50 / 1250)
    assert health.video.unrepaired_share == pytest.approx(5 / 1250)


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        ({"recovered": 20}, "uplink_loss"),
        ({"lost": 4}, "uplink_loss"),
        ({"bps": 300_000, "lost": 8}, "uplink_slow"),
        ({"bps": 300_000, "rtt_s": 0.4}, "uplink_slow"),
        ({"jitter_s": 0.08}, "uplink_unsteady"),
        ({"sound_bps": 0}, "no_sound"),
        ({"fps": 0, "bps": 0}, "no_picture"),
        ({"fps": 9}, "low_frame_rate"),
        ({"state": "silent", "fps": 0, "bps": 0}, "away"),
    ],
)
def test_each_trouble_has_its_hint_and_goes_with_it(
    host: Host, trouble: dict[str, float], hint: str
) -> None:
    during = host.seconds(16, **trouble)
    assert during[-1] == hint
    assert during.index(hint) <= 10
    after = host.seconds(20)
    assert changes(after[-8:]) == ["fine"]


@pytest.mark.parametrize(
    "blip", [{"recovered": 6}, {"jitter_s": 0.1}, {"fps": 8}, {"rtt_s": 0.3}, {"sound_bps": 0}]
)
def test_one_bad_second_is_no_trouble(host: Host, blip: dict[str, float]) -> None:
    assert changes([*host.seconds(1, **blip), *host.seconds(12)]) == ["fine"]


def test_a_hint_does_not_flap_with_its_sign(host: Host) -> None:
    host.seconds(6, recovered=40)
    on_and_off = [h for _ in range(6) for h in (*host.seconds(1, recovered=40), *host.seconds(3))]
    assert changes(on_and_off) == ["uplink_loss"]


def test_a_calm_scene_on_a_clean_line_is_no_slow_uplink(host: Host) -> None:
    assert changes(host.seconds(60, bps=200_000)) == ["fine"]


def test_a_slow_uplink_stays_slow_while_the_encoder_has_given_way(host: Host) -> None:
    host.seconds(6, bps=300_000, lost=10, rtt_s=0.5)
    assert changes(host.seconds(15, bps=300_000)) == ["uplink_slow"]
    assert host.seconds(12)[-1] == "fine"


def test_a_look_out_of_turn_inflates_no_rate(host: Host) -> None:
    host.second(bps=2_400_000)
    video = host.figures.tracks["video"]
    more = replace(video, received_bytes=video.received_bytes + 1_200)
    hurried = replace(host.figures, tracks={**host.figures.tracks, "video": more})
    health = host.watch.look(hurried, host.now_s + 0.001)
    assert health.video is not None
    assert health.video.bitrate_bps == pytest.approx(2_400_000, rel=0.01)


def test_the_worst_is_told_first(host: Host) -> None:
    assert host.seconds(8, lost=30, sound_bps=0, jitter_s=0.2)[-1] == "uplink_loss"
    assert host.seconds(3, state="silent", fps=0, bps=0)[-1] == "away"


def test_before_the_first_frame_nothing_is_held_against_the_host() -> None:
    assert changes(Host().seconds(20, state="connecting", fps=0, bps=0, sound_bps=0)) == ["fine"]


def test_a_publish_without_a_sound_track_has_no_sound() -> None:
    host = Host()
    hints = []
    for _ in range(8):
        host.second()
        video_only = replace(host.figures, tracks={"video": host.figures.tracks["video"]})
        hints.append(host.watch.look(video_only, host.now_s).hint)
    assert hints[-1] == "no_sound"


def test_sessions_that_are_gone_are_forgotten() -> None:
    desk, host = HealthDesk(), Host()
    first = [replace(host.figures, session=str(n)) for n in range(3)]
    assert [health.session for health in desk.look(first, 1.0)] == ["0", "1", "2"]
    assert [health.session for health in desk.look(first[1:2], 2.0)] == ["1"]
    (again,) = desk.look([first[0]], 3.0)
    assert again.video is not None
    assert again.video.bitrate_bps == 0


def counters() -> st.SearchStrategy[dict[str, int]]:
    names = ("packets", "received_bytes", "frames", "lost", "recovered")
    return st.fixed_dictionaries({name: st.integers(0, 100_000) for name in names})


@given(st.lists(st.tuples(counters(), st.floats(0, 5)), max_size=20))
def test_no_history_breaks_the_figures(steps: list[tuple[dict[str, int], float]]) -> None:
    host = Host()
    for health in _looks(host, steps):
        for track in (health.video, health.audio):
            assert track is not None
            assert track.bitrate_bps >= 0
            assert 0 <= track.unrepaired_share <= track.lost_share <= 1
        assert decode(encode(health)) == health


def _looks(host: Host, steps: list[tuple[dict[str, int], float]]) -> Iterator[SessionHealth]:
    track = NOTHING
    for grown, elapsed_s in steps:
        track = replace(track, **{name: getattr(track, name) + by for name, by in grown.items()})
        host.now_s += elapsed_s
        host.figures = replace(host.figures, tracks={"video": track, "audio": track})
        yield host.watch.look(host.figures, host.now_s)


def test_nothing_expected_is_nothing_lost() -> None:
    assert loss_shares(NOTHING, NOTHING) == (0.0, 0.0)


def test_a_longer_path_is_no_queue_for_ever(host: Host) -> None:
    assert changes(host.seconds(70, rtt_s=0.2)) == ["fine"]
    assert changes(host.seconds(60, rtt_s=0.2, bps=600_000)) == ["fine"], "a calm scene"
