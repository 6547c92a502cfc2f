"""The announced rates, against real encodes of the hardest content."""

import itertools

import av
import numpy as np
import pytest

from transcoder.audio import AudioLine
from transcoder.bandwidth import average_bps, cue_bps, mux_bps, peak_bps
from transcoder.cmaf.fragment import NON_SYNC_FLAGS, SYNC_FLAGS, TrackRun, fragment
from transcoder.cues import in_band, refusal
from transcoder.encode import RungEncoder
from transcoder.grid import make_grid
from transcoder.profile_files import load_profile
from transcoder.profiles import Profile, plan_rungs
from transcoder.values import AccessUnit, TimedMetadata

GRID = make_grid(frames_per_second=30, latency="low")
SECONDS = 8


def test_the_formula_by_hand() -> None:
    peak = peak_bps(
        max_bitrate_bps=3_000_000,
        buffer_bits=1_000_000,
        audio_bps=100_000,
        frames_per_second=30,
        segment_s=2,
    )
    assert peak == 3_000_000 + 1_000_000 + 125_000 + mux_bps(30) + cue_bps(2)
    average = average_bps(bitrate_bps=2_000_000, audio_bps=100_000, frames_per_second=30)
    assert average == 2_100_000 + mux_bps(30)


@pytest.mark.parametrize("latency", ["ultra", "low", "relaxed"])
def test_the_boxes_of_a_second_cost_no_more_than_reckoned(latency: str) -> None:
    grid = make_grid(frames_per_second=30, latency=latency)  # type: ignore[arg-type]
    parts = 30 // grid.part_slots

    def run(samples: int) -> TrackRun:
        return TrackRun(
            track=1,
            decode_time=0,
            sample_duration=1,
            default_flags=NON_SYNC_FLAGS,
            first_flags=SYNC_FLAGS,
            samples=[b""] * samples,
        )

    part = fragment(1, [run(grid.part_slots), run(-(-47 // parts))])
    assert 8 * len(part) * parts <= mux_bps(30) * 1.02


def test_the_largest_cue_costs_what_is_reckoned() -> None:
    cue = TimedMetadata(id="c", revision=0, pts=0, duration=90_000, payload=bytes(1024))
    assert refusal(cue) is None
    assert cue_bps(2) == 8 * len(in_band((cue,), part_number=1, start_tick=0))


def pictures(width: int, height: int, count: int) -> list[av.VideoFrame]:
    """Noise: nothing in one picture helps to predict another."""
    rng = np.random.default_rng(5)
    return [
        av.VideoFrame.from_ndarray(
            rng.integers(0, 256, (height * 3 // 2, width), dtype=np.uint8), format="yuv420p"
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("content", ["noise", "noise_after_calm", "cuts"])
def test_no_run_of_segments_exceeds_the_announced_peak(content: str) -> None:
    (plan,) = plan_rungs(Profile(), 320, 180)
    encoder = RungEncoder(plan, GRID)
    noise = pictures(plan.width, plan.height, 24)
    calm = av.VideoFrame.from_ndarray(
        np.full((plan.height * 3 // 2, plan.width), 128, np.uint8), format="yuv420p"
    )
    bits = []
    for slot in range(30 * SECONDS):
        frame = noise[slot // (5 if content == "cuts" else 1) % 24]
        if content == "noise_after_calm" and slot // 60 % 2 == 0:
            frame = calm
        sample = encoder.encode(frame, slot=slot, idr=slot % 30 == 0)
        bits.append(8 * len(sample.data))
    sums = [0, *itertools.accumulate(bits)]
    video_share = plan.bandwidth_bps - 128_000 * 5 // 4 - mux_bps(30)
    for slots in (30, 60, 90):
        worst = max(sums[end] - sums[end - slots] for end in range(slots, len(sums)))
        assert worst * 30 <= video_share * slots
    assert max(bits) * 30 > 2 * plan.bitrate_bps  # the content is hard indeed


@pytest.mark.parametrize("bitrate_bps", [64_000, 128_000])
def test_no_second_of_noise_after_silence_exceeds_the_audio_share(bitrate_bps: int) -> None:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "flt"
    encoder.bit_rate = 256_000
    encoder.open()
    line = AudioLine(start_tick=0, bitrate_bps=bitrate_bps)
    rng = np.random.default_rng(7)
    for index in range(50 * 6):
        loud = 0.5 if index // 100 % 2 else 0.0
        block = (rng.uniform(-1, 1, (1, 1920)) * loud).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, index * 960
        for number, packet in enumerate(encoder.encode(frame)):
            assert number == 0
            line.feed(
                AccessUnit(
                    kind="audio",
                    codec="opus",
                    source=1,
                    pts=index * 1800,
                    keyframe=True,
                    damaged=False,
                    data=bytes(packet),
                )
            )
    sizes = [len(frame.data) for frame in line.take(90_000 * 6)]
    worst = max(sum(sizes[at : at + 47]) for at in range(len(sizes) - 47))
    assert line.lost_units == 0
    assert bitrate_bps * 0.9 < worst * 8 <= bitrate_bps * 1.25


def test_the_rates_of_another_profile_follow_it() -> None:
    text = "segment_s: 4\nrungs: [{name: a, height: 360, bitrate_bps: 100000, "
    profile = load_profile(text + "max_bitrate_bps: 200000, buffer_ms: 1000}]")
    (plan,) = plan_rungs(profile, 640, 360)
    assert plan.bandwidth_bps == 200_000 + 100_000 + 160_000 + mux_bps(30) + cue_bps(4)
    assert plan.average_bandwidth_bps == 100_000 + 128_000 + mux_bps(30)
