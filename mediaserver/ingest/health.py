"""How a publish fares, in figures and in one plain hint. Pure: looks in, `SessionHealth` out.

`HealthDesk` is shown every session once a second. Rates come from two consecutive looks, shares of
loss from the last `WINDOW_LOOKS`. A hint comes only when its sign has stood for some looks, and
goes only when it has been absent for some more, so that a host is not told something else each
second.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mediaserver.bus.messages import HealthHint, SessionHealth, TrackHealth
from mediaserver.ingest.metrics import SessionFigures
from mediaserver.ingest.receiver import TrackFigures
from transcoder.values import Kind

LOOK_INTERVAL_S = 1.0
WINDOW_LOOKS = 5
"""Losses come in bursts: their share is of the last five seconds."""
SWING_LOOKS = 10
LEAST_RTT_LOOKS = 60
"""A publisher who has got another path is measured by that one after a minute."""

LOSS_BEFORE_REPAIR = 0.03
"""Repair costs a round trip and fails now and then; from here on that shows."""
LOSS_AFTER_REPAIR = 0.005
SLOW_SHARE = 0.5
"""Of the best bit rate that this publish has had lately."""
RECOVERED_SHARE = 0.7
BEST_DECAY = 0.99
"""A second: a best of long ago is forgotten within minutes, because a scene may just be calm."""
CONGESTED_LOSS = 0.01
CONGESTED_RTT_S = 0.1
"""Over the least round trip of the last minute: packets wait in a queue."""
JITTER_S: Mapping[Kind, float] = {"audio": 0.03, "video": 0.06}
RTT_SWING_S = 0.08
"""Mean difference from look to look; one late answer is none."""
LOW_FPS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What one look shows, before hysteresis."""

    away: bool = False
    no_picture: bool = False
    uplink_slow: bool = False
    uplink_loss: bool = False
    uplink_unsteady: bool = False
    low_frame_rate: bool = False
    no_sound: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    hint: HealthHint
    sign: Callable[[Signs], bool]
    after: int
    """Looks in a row with the sign until the hint comes."""
    until: int
    """Looks in a row without it until the hint goes."""


_RULES = (
    _Rule("away", lambda signs: signs.away, 1, 1),
    _Rule("no_picture", lambda signs: signs.no_picture, 3, 2),
    _Rule("uplink_slow", lambda signs: signs.uplink_slow, 3, 5),
    _Rule("uplink_loss", lambda signs: signs.uplink_loss, 2, 6),
    _Rule("uplink_unsteady", lambda signs: signs.uplink_unsteady, 4, 6),
    _Rule("low_frame_rate", lambda signs: signs.low_frame_rate, 6, 4),
    _Rule("no_sound", lambda signs: signs.no_sound, 4, 2),
)
"""The first that stands is what the host is told: the worst, or what explains the others."""


class HintKeeper:
    """Which hint stands, look by look."""

    def __init__(self) -> None:
        self._runs = [0] * len(_RULES)
        self._standing = [False] * len(_RULES)

    def look(self, signs: Signs) -> HealthHint:
        """The hint after one more look."""
        for at, rule in enumerate(_RULES):
            if rule.sign(signs) == self._standing[at]:
                self._runs[at] = 0
                continue
            self._runs[at] += 1
            if self._runs[at] >= (rule.until if self._standing[at] else rule.after):
                self._standing[at] = not self._standing[at]
                self._runs[at] = 0
        standing = (rule.hint for rule, on in zip(_RULES, self._standing, strict=True) if on)
        return next(standing, "fine")


class SessionWatch:
    """One publish. The first look has no rates yet."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, SessionFigures]] = deque(maxlen=WINDOW_LOOKS + 1)
        self._rtts: deque[float] = deque(maxlen=SWING_LOOKS)
        self._paths_s: deque[float] = deque(maxlen=LEAST_RTT_LOOKS)
        self._best_bps = 0.0
        self._slow = False
        self._keeper = HintKeeper()

    def look(self, figures: SessionFigures, now_s: float) -> SessionHealth:
        """Take the session's figures as they are at `now_s` (monotonic)."""
        if len(self._looks) > 1 and now_s - self._looks[-1][0] < LOOK_INTERVAL_S / 2:
            self._looks.pop()  # main is back and is told at once: rates need a longer time
        self._looks.append((now_s, figures))
        if figures.rtt_s is not None:
            self._rtts.append(figures.rtt_s)
            self._paths_s.append(figures.rtt_s)
        video, audio = self._track("video"), self._track("audio")
        hint = self._keeper.look(self._signs(figures, video, audio))
        return SessionHealth(
            session=figures.session,
            show=figures.show,
            source=figures.source,
            state=figures.state,
            hint=hint,
            video=video,
            audio=audio,
            rtt_ms=None if figures.rtt_s is None else figures.rtt_s * 1e3,
            skew_ms=None if figures.skew_ns is None else figures.skew_ns / 1e6,
        )

    def _track(self, kind: Kind) -> TrackHealth | None:
        now_s, figures = self._looks[-1]
        now = figures.tracks.get(kind)
        if now is None:
            return None
        before_s, before = self._looks[-2] if len(self._looks) > 1 else (now_s, figures)
        last, oldest = before.tracks.get(kind, now), self._looks[0][1].tracks.get(kind, now)
        elapsed_s = max(now_s - before_s, 1e-3)
        lost, repaired = loss_shares(oldest, now)
        return TrackHealth(
            codec=figures.codecs.get(kind, ""),
            bitrate_bps=round(max(0, now.received_bytes - last.received_bytes) * 8 / elapsed_s),
            frames_per_s=(now.frames - last.frames) / elapsed_s,
            lost_share=lost,
            unrepaired_share=repaired,
            jitter_ms=now.jitter_s * 1e3,
            width=now.width or None,
            height=now.height or None,
            keyframe_interval_s=now.keyframe_interval_s,
            layer=now.layer or None,
        )

    def _signs(
        self, figures: SessionFigures, video: TrackHealth | None, audio: TrackHealth | None
    ) -> Signs:
        if figures.state not in ("media", "silent"):
            return Signs()
        if figures.state == "silent":
            return Signs(away=True)
        lossy = video is not None and (
            video.lost_share > LOSS_BEFORE_REPAIR or video.unrepaired_share > LOSS_AFTER_REPAIR
        )
        slow = self._is_slow(figures, video)
        unsteady = self._is_unsteady(video, audio)
        fps = 0.0 if video is None else self._frames_per_s()
        return Signs(
            no_picture=video is None or video.frames_per_s == 0,
            uplink_slow=slow,
            uplink_loss=lossy,
            uplink_unsteady=unsteady,
            low_frame_rate=0 < fps < LOW_FPS,
            no_sound=audio is None or audio.bitrate_bps == 0,
        )

    def _is_slow(self, figures: SessionFigures, video: TrackHealth | None) -> bool:
        """The bit rate has fallen *and* the network shows why; then until it has come back.

        A calm scene or a still screen also sends little, but nothing queues and nothing is lost.
        """
        if video is None:
            return False
        rate = float(video.bitrate_bps)
        share = rate / self._best_bps if self._best_bps > 0 else 1.0
        waits = figures.rtt_s is not None and figures.rtt_s > min(self._paths_s) + CONGESTED_RTT_S
        congested = waits or video.lost_share > CONGESTED_LOSS
        self._slow = share < RECOVERED_SHARE if self._slow else share < SLOW_SHARE and congested
        self._best_bps = max(rate, self._best_bps * BEST_DECAY)
        return self._slow

    def _is_unsteady(self, video: TrackHealth | None, audio: TrackHealth | None) -> bool:
        swings = _mean_step(self._rtts) > RTT_SWING_S
        if audio is not None and audio.bitrate_bps:
            return swings or audio.jitter_ms > JITTER_S["audio"] * 1e3
        return swings or (video is not None and video.jitter_ms > JITTER_S["video"] * 1e3)

    def _frames_per_s(self) -> float:
        """Over the whole window: a single late second is no low frame rate."""
        (then_s, then), (now_s, now) = self._looks[0], self._looks[-1]
        grown = now.tracks["video"].frames - then.tracks.get("video", now.tracks["video"]).frames
        if now_s <= then_s:
            return LOW_FPS
        return grown / (now_s - then_s)


class HealthDesk:
    """Every session of this process; one that is shown no more is forgotten."""

    def __init__(self) -> None:
        self._watches: dict[str, SessionWatch] = {}

    def look(self, sessions: Iterable[SessionFigures], now_s: float) -> list[SessionHealth]:
        """How each session fares now."""
        figures = list(sessions)
        self._watches = {f.session: self._watches.get(f.session) or SessionWatch() for f in figures}
        return [self._watches[f.session].look(f, now_s) for f in figures]


def _mean_step(values: Sequence[float]) -> float:
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    return sum(steps) / (SWING_LOOKS - 1)


def loss_shares(before: TrackFigures, now: TrackFigures) -> tuple[float, float]:
    """The shares of packets missing before and after repair, between two looks."""
    lost, recovered = now.lost - before.lost, now.recovered - before.recovered
    expected = now.packets - before.packets + lost
    if expected <= 0:
        return (0.0, 0.0)
    return min(1.0, (lost + recovered) / expected), min(1.0, lost / expected)
