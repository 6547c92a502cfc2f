"""The timeline on virtual clocks: unwrapping, sender reports, drift, jumps, absurd reports."""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.ingest.rtcp import SenderReport
from mediaserver.ingest.timeline import Timeline
from transcoder.values import Anchor, Kind

MS = 1_000_000
SECOND = 1_000_000_000
NTP_SECONDS = 4_000_000_000
RATES: dict[Kind, int] = {"video": 90_000, "audio": 48_000}
STEPS_NS: dict[Kind, int] = {"video": SECOND // 30, "audio": SECOND // 50}


def ntp(ns: int) -> int:
    return (NTP_SECONDS << 32) + (ns << 32) // SECOND


def placed(made: Timeline, kind: Kind, timestamp: int, arrival_ns: int) -> int:
    """Where a frame goes that must not be dropped."""
    tick = made.place(kind, timestamp, arrival_ns)
    assert tick is not None
    return tick


def timeline() -> Timeline:
    made = Timeline(Anchor(utc_us=0, monotonic_ns=0))
    for kind, rate in RATES.items():
        made.add(kind, rate)
    return made


@dataclass(kw_only=True)
class Host:
    """A publisher: captures at true times, delays each track, reports its own clock."""

    base: dict[Kind, int]
    delay_ns: dict[Kind, int]
    jitter_ns: int = 0
    drift_ppm: int = 0
    report_ns: dict[Kind, int] | None = None
    clock_ns: Callable[[int], int] = lambda now_ns: now_ns
    seed: int = 1

    def events(self, seconds: int) -> Iterator[tuple[int, Kind, int, SenderReport | int]]:
        """(arrival, kind, capture time, RTP timestamp or sender report), by arrival."""
        rng = random.Random(self.seed)
        events: list[tuple[int, Kind, int, SenderReport | int]] = []
        for kind, step_ns in STEPS_NS.items():
            arrival_ns = 0
            for captured_ns in range(SECOND, (seconds + 1) * SECOND, step_ns):
                late_ns = self.delay_ns[kind] + rng.randint(0, self.jitter_ns)
                arrival_ns = max(arrival_ns + 1, captured_ns + late_ns)
                events.append((arrival_ns, kind, captured_ns, self.rtp(kind, captured_ns)))
            if self.report_ns is not None:
                for at_ns in range(
                    SECOND + self.report_ns[kind], (seconds + 1) * SECOND, self.report_ns[kind]
                ):
                    report = SenderReport(ntp=ntp(self.clock_ns(at_ns)), rtp=self.rtp(kind, at_ns))
                    events.append((at_ns + self.delay_ns[kind], kind, at_ns, report))
        return iter(sorted(events, key=lambda event: event[0]))

    def rtp(self, kind: Kind, at_ns: int) -> int:
        elapsed_ns = at_ns * (1_000_000 + self.drift_ppm) // 1_000_000
        return (self.base[kind] + elapsed_ns * RATES[kind] // SECOND) & 0xFFFFFFFF


def host(**kwargs: object) -> Host:
    defaults: dict[str, object] = {
        "base": {"video": 0xFFFF_0000, "audio": 12_345},
        "delay_ns": {"video": 60 * MS, "audio": 15 * MS},
        "report_ns": {"video": SECOND, "audio": 5 * SECOND},
    }
    return Host(**{**defaults, **kwargs})  # type: ignore[arg-type]


def errors(source: Host, seconds: int) -> dict[Kind, list[tuple[int, int]]]:
    """Per track: (arrival, mapped time − capture time) in ns; ticks only grow."""
    made = timeline()
    found: dict[Kind, list[tuple[int, int]]] = {"video": [], "audio": []}
    last: dict[Kind, int] = {"video": -1, "audio": -1}
    for arrival_ns, kind, captured_ns, item in source.events(seconds):
        if isinstance(item, SenderReport):
            made.report(kind, item, arrival_ns)
            continue
        tick = placed(made, kind, item, arrival_ns)
        assert tick > last[kind]
        last[kind] = tick
        found[kind].append((arrival_ns, tick * SECOND // 90_000 - captured_ns))
    return found


def skews_ms(found: dict[Kind, list[tuple[int, int]]], *, from_s: float) -> list[float]:
    """Picture − sound, at every frame after `from_s`."""
    sound = iter(found["audio"])
    at_ns, error_ns = next(sound)
    skews = []
    for arrival_ns, picture_ns in found["video"]:
        while at_ns < arrival_ns:
            following = next(sound, None)
            if following is None:
                break
            at_ns, error_ns = following
        if arrival_ns > from_s * SECOND:
            skews.append((picture_ns - error_ns) / MS)
    return skews


def test_the_first_frame_of_the_epoch_is_tick_0() -> None:
    made = Timeline(None)
    made.add("video", 90_000)
    made.begin(Anchor(utc_us=0, monotonic_ns=5 * SECOND))
    assert placed(made, "video", 0xFFFFFFFF, 5 * SECOND) == 0


def test_before_the_epoch_begins_nothing_has_a_place() -> None:
    made = Timeline(None)
    made.add("video", 90_000)
    with pytest.raises(RuntimeError):
        placed(made, "video", 0, 0)


def test_a_source_that_joins_the_epoch_begins_now() -> None:
    made = Timeline(Anchor(utc_us=0, monotonic_ns=0))
    made.add("video", 90_000)
    assert placed(made, "video", 77, 100 * SECOND) == 100 * 90_000


def test_timestamps_unwrap_and_frames_keep_their_distance() -> None:
    made = timeline()
    ticks = [
        placed(made, "video", (0xFFFFF000 + n * 3000) & 0xFFFFFFFF, 7 * SECOND + n * SECOND // 30)
        for n in range(100)
    ]
    assert {b - a for a, b in itertools.pairwise(ticks)} <= {2999, 3000, 3001}


def test_without_reports_arrival_places_both_tracks() -> None:
    found = errors(host(report_ns=None, jitter_ns=20 * MS), 20)
    assert all(abs(skew - 45) < 10 for skew in skews_ms(found, from_s=5))


def test_with_reports_picture_and_sound_meet_within_10_ms() -> None:
    found = errors(host(jitter_ns=30 * MS), 30)
    assert max(abs(skew) for skew in skews_ms(found, from_s=9)) < 10


def test_reports_that_precede_the_media_count() -> None:
    made = timeline()
    source = host()
    for kind in RATES:
        made.report(kind, SenderReport(ntp=ntp(SECOND), rtp=source.rtp(kind, SECOND)), SECOND)
    assert made.skew_ns() is None
    for arrival_ns, kind, _, item in source.events(3):
        if isinstance(item, int):
            placed(made, kind, item, arrival_ns)
    skew_ns = made.skew_ns()
    assert skew_ns is not None
    assert abs(skew_ns) < 10 * MS


def test_a_frame_that_nothing_delayed_comes_when_its_tick_is_now() -> None:
    found = errors(host(jitter_ns=30 * MS), 20)
    late_ms = [error / MS for at, error in found["audio"] if at > 10 * SECOND]
    assert all(10 < late < 25 for late in late_ms)


@pytest.mark.parametrize("drift_ppm", [-200, 200])
def test_a_drifting_clock_is_followed(drift_ppm: int) -> None:
    found = errors(host(drift_ppm=drift_ppm, jitter_ns=5 * MS), 300)
    end = [error / MS for at, error in found["audio"] if at > 250 * SECOND]
    assert all(abs(late - 15) < 12 for late in end)
    assert max(abs(skew) for skew in skews_ms(found, from_s=9)) < 10


@pytest.mark.parametrize("drift_ppm", [0, 100])
def test_the_sound_is_never_slewed_audibly_after_the_start(drift_ppm: int) -> None:
    made = timeline()
    last: tuple[int, int] | None = None
    for arrival_ns, kind, captured_ns, item in host(drift_ppm=drift_ppm, jitter_ns=30 * MS).events(
        60
    ):
        if isinstance(item, SenderReport):
            made.report(kind, item, arrival_ns)
        else:
            tick = placed(made, kind, item, arrival_ns)
            if kind == "audio" and arrival_ns > 15 * SECOND:
                if last is not None:
                    expected = (captured_ns - last[0]) * 90_000 // SECOND
                    assert abs(tick - last[1] - expected) <= 11  # 0.5 % of 20 ms, and rounding
                last = (captured_ns, tick)


def stepped(now_ns: int) -> int:
    return now_ns if now_ns < 20 * SECOND else now_ns + 700 * MS


def test_a_step_of_the_hosts_clock_changes_nothing() -> None:
    found = errors(host(clock_ns=stepped), 60)
    assert max(abs(skew) for skew in skews_ms(found, from_s=9)) < 10


@pytest.mark.parametrize(
    "absurd",
    [
        SenderReport(ntp=0, rtp=0),
        SenderReport(ntp=0xFFFFFFFF_FFFFFFFF, rtp=0xFFFFFFFF),
        SenderReport(ntp=ntp(12 * SECOND), rtp=0xFFFFFFFF),
        SenderReport(ntp=ntp(3 * SECOND), rtp=12_345 + 12 * 48_000),
        SenderReport(ntp=ntp(3600 * SECOND), rtp=12_345 + 12 * 48_000),
    ],
)
def test_absurd_reports_are_ignored(absurd: SenderReport) -> None:
    made = timeline()
    worst_ns = 0
    given_absurd = 0
    for arrival_ns, kind, _, item in host().events(30):
        if isinstance(item, SenderReport):
            made.report(kind, item, arrival_ns)
            continue
        placed(made, kind, item, arrival_ns)
        if kind == "audio" and arrival_ns > (12 + 7 * given_absurd) * SECOND:
            given_absurd += 1
            made.report("audio", absurd, arrival_ns)
        if arrival_ns > 9 * SECOND:
            worst_ns = max(worst_ns, abs(made.skew_ns() or 0))
    assert given_absurd == 3
    assert worst_ns < 10 * MS


def test_reports_of_a_clock_that_runs_at_another_rate_are_ignored() -> None:
    found = errors(host(clock_ns=lambda now_ns: now_ns * 3 // 2, jitter_ns=5 * MS), 30)
    assert all(abs(skew - 45) < 12 for skew in skews_ms(found, from_s=10))


@pytest.mark.parametrize("jump_s", [-30_000, -5, 3, 20_000])
def test_a_jump_of_a_track_is_re_anchored(jump_s: int) -> None:
    made = timeline()
    last_error_ns = 0
    for arrival_ns, kind, captured_ns, item in host().events(30):
        if isinstance(item, SenderReport):
            continue
        rtp = item
        if kind == "video" and captured_ns > 10 * SECOND:
            rtp = (item + jump_s * 90_000) & 0xFFFFFFFF
        tick = placed(made, kind, rtp, arrival_ns)
        if kind == "video":
            last_error_ns = tick * SECOND // 90_000 - captured_ns
    assert abs(last_error_ns - 60 * MS) < 30 * MS
    assert made.reanchored() == 1


def test_a_stall_of_the_network_is_no_jump() -> None:
    made = timeline()
    worst_ns = 0
    for arrival_ns, kind, captured_ns, item in host(report_ns=None).events(30):
        if isinstance(item, SenderReport):
            continue
        stalled = 10 * SECOND < arrival_ns < 11_500 * MS
        at_ns = 11_500 * MS + arrival_ns // 10**6 if stalled else arrival_ns
        tick = placed(made, kind, item, at_ns)
        if kind == "video" and arrival_ns > 5 * SECOND:
            worst_ns = max(worst_ns, abs(tick * SECOND // 90_000 - captured_ns - 60 * MS))
    assert made.reanchored() == 0
    assert worst_ns < 50 * MS


def test_a_backlog_at_the_start_does_not_put_the_track_into_the_future() -> None:
    """FFmpeg sends at once what it encoded while it connected: the first frame is the latest."""
    made = timeline()
    backlog_ns = 700 * MS
    ahead_ns = 0
    audio_ticks = []
    for captured_ns, kind, _, item in host(
        delay_ns={"video": 0, "audio": 0}, report_ns=None
    ).events(6):
        assert isinstance(item, int)
        arrival_ns = max(captured_ns, SECOND + backlog_ns)
        tick = made.place(kind, item, arrival_ns)
        if tick is None:
            continue
        if kind == "audio":
            audio_ticks.append(tick)
        if arrival_ns > 2 * SECOND:
            ahead_ns = max(ahead_ns, tick * SECOND // 90_000 - arrival_ns)
    assert ahead_ns < 60 * MS
    assert made.reanchored() == 0
    assert 20 < made.stale < 40
    assert all(b - a > 900 for a, b in itertools.pairwise(audio_ticks))


def test_another_stream_of_the_same_track_goes_on_now() -> None:
    made = timeline()
    placed(made, "audio", 1000, 10 * SECOND)
    made.restart("audio")
    assert placed(made, "audio", 0x9000_0000, 12 * SECOND) == 12 * 90_000
    assert placed(made, "audio", 0x9000_0000 + 960, 12 * SECOND + 20 * MS) == 12 * 90_000 + 1800


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["video", "audio"]),
            st.integers(0, 0xFFFFFFFF),
            st.integers(0, 3 * SECOND),
            st.none() | st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 0xFFFFFFFF)),
        ),
        max_size=60,
    )
)
def test_whatever_comes_ticks_are_never_negative_and_only_grow(
    events: list[tuple[Kind, int, int, tuple[int, int] | None]],
) -> None:
    made = timeline()
    last: dict[Kind, int] = {"video": -1, "audio": -1}
    now_ns = 0
    for kind, timestamp, wait_ns, report in events:
        now_ns += wait_ns
        if report is not None:
            made.report(kind, SenderReport(ntp=report[0], rtp=report[1]), now_ns)
        tick = made.place(kind, timestamp, now_ns)
        if tick is None:
            assert kind == "audio"
            continue
        assert tick > last[kind]
        last[kind] = tick


def unix_us(host_ns: int) -> int:
    """What `Date.now()` reads, in microseconds, when the host's clock is at `host_ns`."""
    return (NTP_SECONDS - 2_208_988_800) * 1_000_000 + host_ns // 1000


def followed(source: Host, seconds: int) -> tuple[Timeline, int, int, int]:
    """The timeline after `seconds` of the host, and its last frame: capture, arrival, tick."""
    made, last = timeline(), (0, 0, 0)
    for arrival_ns, kind, captured_ns, item in source.events(seconds):
        if isinstance(item, SenderReport):
            made.report(kind, item, arrival_ns)
            continue
        tick = placed(made, kind, item, arrival_ns)
        if kind == "video":
            last = (captured_ns, arrival_ns, tick)
    return made, *last


@pytest.mark.parametrize("jitter_ms", [0, 40])
@pytest.mark.parametrize("ahead_s", [0, -3600, 86_400])
def test_a_host_moment_is_the_tick_of_the_frame_captured_then(jitter_ms: int, ahead_s: int) -> None:
    source = host(jitter_ns=jitter_ms * MS, clock_ns=lambda now_ns: now_ns + ahead_s * SECOND)
    made, captured_ns, arrival_ns, tick = followed(source, 8)
    claim = unix_us(captured_ns + ahead_s * SECOND)
    moment = made.host_moment(claim, arrival_ns)
    assert moment is not None
    assert abs(moment - tick) <= 90  # 1 ms: a click names its frame
    earlier = made.host_moment(claim - 500_000, arrival_ns)
    assert earlier is not None
    assert abs(moment - earlier - 45_000) <= 1


@pytest.mark.parametrize(
    ("off_ms", "sane"),
    [(0, True), (-1_800, True), (-2_200, False), (100, True), (400, False), (10**9, False)],
)
def test_a_host_moment_far_from_arrival_is_none(off_ms: int, sane: bool) -> None:
    made, captured_ns, arrival_ns, _ = followed(host(), 8)
    moment = made.host_moment(unix_us(captured_ns) + off_ms * 1000, arrival_ns)
    assert (moment is not None) == sane


@given(st.integers(-(2**62), 2**62))
def test_no_host_clock_leads_outside_the_bounds(host_utc_us: int) -> None:
    made, _, arrival_ns, tick = FOLLOWED
    moment = made.host_moment(host_utc_us, arrival_ns)
    assert moment is None or tick - 200_000 <= moment <= tick + 30_000


FOLLOWED = followed(host(), 4)


def test_without_reports_nobody_knows_the_hosts_clock() -> None:
    made, captured_ns, arrival_ns, _ = followed(host(report_ns=None), 4)
    assert made.host_moment(unix_us(captured_ns), arrival_ns) is None
    assert Timeline(None).host_moment(0, 0) is None


def test_where_the_picture_has_no_reports_the_sounds_count() -> None:
    source = host(
        report_ns={"video": 100 * SECOND, "audio": SECOND}, delay_ns=dict.fromkeys(RATES, MS)
    )
    made, captured_ns, arrival_ns, tick = followed(source, 8)
    moment = made.host_moment(unix_us(captured_ns), arrival_ns)
    assert moment is not None
    assert abs(moment - tick) <= 900
