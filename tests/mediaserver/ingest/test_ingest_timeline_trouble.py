"""The timeline in trouble: wraps, jumps, losses, drift for an hour, layers of a simulcast.

Every frame knows when it was captured, so each test reads the true error of picture and sound.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.timeline import Timeline
from transcoder.values import Anchor, Kind

MS = 1_000_000
SECOND = 1_000_000_000
NTP_SECONDS = 4_000_000_000
RATES: dict[Kind, int] = {"video": 90_000, "audio": 48_000}
STEPS_NS: dict[Kind, int] = {"video": SECOND // 30, "audio": SECOND // 50}
REPORTS_NS: dict[Kind, int] = {"video": SECOND, "audio": 5 * SECOND}
DELAYS_NS: dict[Kind, int] = {"video": 80 * MS, "audio": 15 * MS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A frame, or a sender report, and the moment on the host that it speaks of."""

    at_ns: int
    kind: Kind
    captured_ns: int
    rtp: int
    report: bool = False


@dataclass(kw_only=True)
class Publisher:
    """A host of two tracks; frames arrive in order, as the reorder buffer gives them out."""

    seconds: int
    bases: dict[Kind, int] = field(default_factory=lambda: {"video": 77, "audio": 12_345})
    drift_ppm: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(RATES, 0))
    jumps: dict[Kind, tuple[int, int]] = field(default_factory=dict)
    """Per track: from this capture time on, its timestamps are so many ns further."""
    jitter_ns: Callable[[int], int] = lambda at_ns: 0
    longer_ns: Callable[[Kind, int], int] = lambda kind, at_ns: 0
    """By how much the line is longer than at first, without any luck."""
    lost: Callable[[int], float] = lambda at_ns: 0.0
    """The share of frames and reports that never come."""
    seed: int = 1
    every: int = 1
    """Only one frame in so many comes, which makes an hour short."""

    def rtp(self, kind: Kind, captured_ns: int) -> int:
        from_ns, jump_ns = self.jumps.get(kind, (0, 0))
        media_ns = captured_ns + (jump_ns if captured_ns >= from_ns else 0)
        elapsed_ns = media_ns * (1_000_000 + self.drift_ppm[kind]) // 1_000_000
        return (self.bases[kind] + elapsed_ns * RATES[kind] // SECOND) & 0xFFFFFFFF

    def arrivals(self) -> Iterator[Arrived]:
        rng = random.Random(self.seed)
        found: list[Arrived] = []
        end_ns = (self.seconds + 1) * SECOND
        for kind in RATES:
            newest_ns = 0
            reports = set(range(SECOND + REPORTS_NS[kind], end_ns, REPORTS_NS[kind]))
            for captured_ns in sorted(
                {*range(SECOND, end_ns, STEPS_NS[kind] * self.every), *reports}
            ):
                if rng.random() < self.lost(captured_ns):
                    continue
                late_ns = DELAYS_NS[kind] + rng.randint(0, self.jitter_ns(captured_ns))
                late_ns += self.longer_ns(kind, captured_ns)
                at_ns = max(newest_ns + 1, captured_ns + late_ns)
                report = captured_ns in reports
                newest_ns = newest_ns if report else at_ns
                found.append(
                    Arrived(
                        at_ns=at_ns,
                        kind=kind,
                        captured_ns=captured_ns,
                        rtp=self.rtp(kind, captured_ns),
                        report=report,
                    )
                )
        return iter(sorted(found, key=lambda one: one.at_ns))


def timeline() -> Timeline:
    made = Timeline(Anchor(utc_us=0, monotonic_ns=0))
    for kind, rate in RATES.items():
        made.add(kind, rate)
    return made


def report_of(captured_ns: int, rtp: int) -> SenderReport:
    return SenderReport(ntp=(NTP_SECONDS << 32) + (captured_ns << 32) // SECOND, rtp=rtp)


@dataclass
class Seen:
    """What came of it: per track (arrival, tick − capture time) in ns, and the silences."""

    errors: dict[Kind, list[tuple[int, int]]] = field(
        default_factory=lambda: {"video": [], "audio": []}
    )
    last_tick: dict[Kind, int] = field(default_factory=lambda: {"video": -1, "audio": -1})
    late_ns: list[tuple[int, int]] = field(default_factory=list)
    """(arrival, how long after its tick that was) of each frame."""

    def place(self, made: Timeline, one: Arrived) -> None:
        tick = made.place(one.kind, one.rtp, one.at_ns)
        if tick is None:
            assert one.kind == "audio"
            return
        assert tick > self.last_tick[one.kind], "time only grows"
        self.last_tick[one.kind] = tick
        self.late_ns.append((one.at_ns, one.at_ns - tick * SECOND // 90_000))
        self.errors[one.kind].append((one.at_ns, tick * SECOND // 90_000 - one.captured_ns))

    def skews_ms(self, from_s: float, to_s: float = 1e9) -> list[float]:
        """Picture − sound at every frame between these arrivals."""
        sound = iter(self.errors["audio"])
        at_ns, error_ns = next(sound)
        skews = []
        for arrival_ns, picture_ns in self.errors["video"]:
            while at_ns < arrival_ns and (following := next(sound, None)):
                at_ns, error_ns = following
            if from_s * SECOND < arrival_ns < to_s * SECOND:
                skews.append((picture_ns - error_ns) / MS)
        return skews

    def worst_ms(self, from_s: float, to_s: float = 1e9) -> float:
        skews = self.skews_ms(from_s, to_s)
        assert skews
        return max(map(abs, skews))

    def latest_ms(self, from_s: float, to_s: float = 1e9) -> float:
        """How long after its own tick a frame came, at most."""
        return max(
            late_ns / MS for at_ns, late_ns in self.late_ns if from_s < at_ns / SECOND < to_s
        )

    def longest_silence_ms(self, kind: Kind) -> float:
        arrivals = [at_ns for at_ns, _ in self.errors[kind]]
        return max(b - a for a, b in itertools.pairwise(arrivals)) / MS


def followed(publisher: Publisher, *, reports: bool = True) -> tuple[Timeline, Seen]:
    made, seen = timeline(), Seen()
    for one in publisher.arrivals():
        if not one.report:
            seen.place(made, one)
        elif reports:
            made.report(one.kind, report_of(one.captured_ns, one.rtp), one.at_ns)
    return made, seen


@pytest.mark.parametrize("wraps", [("video",), ("audio",), ("video", "audio")])
def test_timestamps_may_wrap_on_either_track(wraps: tuple[Kind, ...]) -> None:
    """The wrap comes 20 s in, after lip sync is learnt and between sender reports."""
    publisher = Publisher(seconds=40, jitter_ns=lambda at_ns: 20 * MS)
    for kind in wraps:
        publisher.bases[kind] = -20 * RATES[kind] & 0xFFFFFFFF
    made, seen = followed(publisher)
    assert made.reanchored() == 0
    assert made.stale == 0
    assert seen.worst_ms(10) < 10


def test_frames_that_swap_around_the_wrap_keep_their_places() -> None:
    made = timeline()
    order = (0xFFFFF448, 0xFFFFFFFF, 0x0BB7, 0xFFFFFFFF, 0x176F)
    ticks = [made.place("video", rtp, 5 * SECOND + n * SECOND // 30) for n, rtp in enumerate(order)]
    steps = [b - a for a, b in itertools.pairwise(tick for tick in ticks if tick is not None)]
    assert 5998 <= steps[0] + steps[1] <= 6000
    assert steps[2] == 1, "a frame that goes back is put right behind"
    assert made.reanchored() == 0


@pytest.mark.parametrize(
    ("video_ppm", "audio_ppm", "worst_ms"), [(500, 500, 10), (-500, -500, 10), (500, -500, 15)]
)
def test_an_hour_of_drift_stays_in_sync_and_near_the_clock(
    video_ppm: int, audio_ppm: int, worst_ms: float
) -> None:
    """The tracks of one host share its clock; two that drift apart are followed a little later,
    since sound has a sender report only every five seconds."""
    publisher = Publisher(
        seconds=3600,
        every=5,
        drift_ppm={"video": video_ppm, "audio": audio_ppm},
        jitter_ns=lambda at_ns: 5 * MS,
    )
    made, seen = followed(publisher)
    assert made.reanchored() == 0
    assert made.stale == 0, "no sound is dropped: it is slewed"
    assert seen.worst_ms(10) < worst_ms
    late_ms = [error / MS for at_ns, error in seen.errors["audio"] if at_ns > 60 * SECOND]
    assert max(late_ms) - min(late_ms) < 50


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("jump_s", [-40_000, -6, -1.2, 1.2, 6, 40_000])
def test_a_jump_of_either_track_alone_heals_within_ten_seconds(kind: Kind, jump_s: float) -> None:
    publisher = Publisher(seconds=60, jitter_ns=lambda at_ns: 20 * MS)
    publisher.jumps[kind] = (20 * SECOND, int(jump_s * SECOND))
    made, seen = followed(publisher)
    assert made.reanchored() == 1
    assert seen.worst_ms(10, 20) < 10
    assert seen.worst_ms(31) < 10
    assert max(seen.longest_silence_ms("video"), seen.longest_silence_ms("audio")) < 100


def test_both_tracks_that_jump_together_stay_together() -> None:
    publisher = Publisher(seconds=60)
    publisher.jumps = dict.fromkeys(RATES, (20 * SECOND, -7 * SECOND))
    made, seen = followed(publisher)
    assert made.reanchored() == 2
    assert seen.worst_ms(31) < 10


@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("longer_ms", [350, 500, 900])
def test_a_line_that_becomes_longer_is_followed_in_sync(longer_ms: int, reports: bool) -> None:
    """Else all would come too late to be heard or seen until the slewing has made it good."""
    publisher = Publisher(
        seconds=40,
        jitter_ns=lambda at_ns: 20 * MS,
        longer_ns=lambda kind, at_ns: longer_ms * MS if at_ns > 20 * SECOND else 0,
    )
    made, seen = followed(publisher, reports=reports)
    assert (made.stepped, made.reanchored()) == (1, 0)
    assert seen.latest_ms(20, 22) > longer_ms - 50
    assert seen.latest_ms(24) < 120
    if reports:
        assert seen.worst_ms(12) < 15
    assert seen.longest_silence_ms("audio") < longer_ms + 50


def test_a_click_finds_its_frame_after_the_line_was_longer_for_a_while() -> None:
    publisher = Publisher(
        seconds=40,
        longer_ns=lambda kind, at_ns: 800 * MS if 20 < at_ns / SECOND < 30 else 0,
    )
    made, seen = followed(publisher)
    assert made.reanchored() == 0
    assert seen.worst_ms(12) < 15
    now_ns = 41 * SECOND
    unix_us = (NTP_SECONDS - 2_208_988_800) * 1_000_000 + now_ns // 1000
    tick = made.host_moment(unix_us, now_ns)
    assert tick is not None
    error_ns = tick * SECOND // 90_000 - now_ns
    assert abs(error_ns - seen.errors["video"][-1][1]) < 15 * MS
    assert made.host_moment(unix_us + 500_000, now_ns) is None


def test_a_picture_that_alone_is_late_moves_no_sound() -> None:
    publisher = Publisher(
        seconds=40,
        longer_ns=lambda kind, at_ns: 350 * MS if kind == "video" and at_ns > 20 * SECOND else 0,
    )
    made, seen = followed(publisher)
    assert made.stepped == 0
    assert seen.worst_ms(10) < 10


def layered(made: Timeline, *, known: bool) -> Seen:
    """A simulcast whose layer changes at 15 s and 25 s; each has its own RTP base."""
    seen = Seen()
    layers = [Publisher(seconds=35, jitter_ns=lambda at_ns: 20 * MS) for _ in range(3)]
    for each, base in zip(layers, (77, 0xFFF0_0000, 0x8000_0000), strict=True):
        each.bases["video"] = base
    current, reported_ns = 0, SECOND
    for one in layers[0].arrivals():
        if one.kind == "video":
            number = (one.captured_ns > 15 * SECOND) + (one.captured_ns > 25 * SECOND)
            one = replace(one, rtp=layers[number].rtp("video", one.captured_ns))
            if number != current and not one.report:
                current = number
                report = report_of(reported_ns, layers[number].rtp("video", reported_ns))
                made.restart("video", report if known else None)
        if not one.report:
            seen.place(made, one)
            continue
        made.report(one.kind, report_of(one.captured_ns, one.rtp), one.at_ns)
        if one.kind == "video":
            reported_ns = one.captured_ns
    return seen


def test_a_layer_whose_reports_are_known_takes_over_in_sync() -> None:
    made = timeline()
    seen = layered(made, known=True)
    assert made.reanchored() == 0
    assert seen.worst_ms(10) < 10


def test_a_layer_without_reports_is_placed_by_arrival_and_heals() -> None:
    seen = layered(timeline(), known=False)
    assert seen.worst_ms(15, 25) > 10, "else the reports above prove nothing"
    assert max(seen.worst_ms(13, 15), seen.worst_ms(23, 25), seen.worst_ms(33)) < 10


@pytest.mark.parametrize(
    "absurd",
    [
        SenderReport(ntp=0, rtp=5),
        SenderReport(ntp=0xFFFFFFFF_00000000, rtp=5),
        SenderReport(ntp=1 << 32, rtp=5),
        SenderReport(ntp=(NTP_SECONDS + 10**6) << 32, rtp=0xFFFF_FFFF),
    ],
)
def test_an_absurd_report_of_the_new_layer_does_no_lasting_harm(absurd: SenderReport) -> None:
    made, seen = timeline(), Seen()
    publisher = Publisher(seconds=30)
    restarted = False
    for one in publisher.arrivals():
        if one.kind == "video" and one.captured_ns > 12 * SECOND and not restarted:
            made.restart("video", absurd)
            restarted = True
        if one.report:
            made.report(one.kind, report_of(one.captured_ns, one.rtp), one.at_ns)
        else:
            seen.place(made, one)
    assert seen.worst_ms(23) < 10
    assert seen.longest_silence_ms("video") < 100


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    loss=st.floats(0, 0.4),
    jitter_ms=st.integers(0, 400),
    drift=st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    blackout_s=st.sampled_from([0, 1, 5, 15]),
    jump=st.none()
    | st.tuples(
        st.sampled_from(["video", "audio"]), st.integers(-30, 30).filter(lambda s: abs(s) > 1)
    ),
)
def test_after_any_trouble_lip_sync_is_right_within_ten_seconds(
    seed: int,
    loss: float,
    jitter_ms: int,
    drift: tuple[int, int],
    blackout_s: int,
    jump: tuple[Kind, int] | None,
) -> None:
    """Trouble from 12 s to 27 s: loss, jitter, a blackout at its start, a jump in its middle."""

    def troubled(at_ns: int) -> bool:
        return 12 * SECOND < at_ns < 27 * SECOND

    def lost(at_ns: int) -> float:
        black = 12 * SECOND < at_ns < (12 + blackout_s) * SECOND
        return 1.0 if black else loss if troubled(at_ns) else 0.005

    publisher = Publisher(
        seconds=50,
        drift_ppm={"video": drift[0], "audio": drift[1]},
        jitter_ns=lambda at_ns: jitter_ms * MS if troubled(at_ns) else 20 * MS,
        lost=lost,
        seed=seed,
    )
    if jump is not None:
        publisher.jumps[jump[0]] = (20 * SECOND, jump[1] * SECOND)
    made, seen = followed(publisher)
    assert seen.worst_ms(38) <= 40
    assert made.reanchored() <= 2
