"""Many pins on hard content: keyframes and boosts leave every segment within BANDWIDTH."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from av.video.frame import VideoFrame

from transcoder.bandwidth import cue_bps, mux_bps
from transcoder.encode import RungEncoder
from transcoder.grid import make_grid
from transcoder.ladder import Ladder
from transcoder.profiles import Profile, Rung, plan_rungs
from transcoder.rung import Job
from transcoder.scale import tag
from transcoder.slate import SlatePainter

PROFILE = Profile(
    rungs=(
        Rung(name="big", height=240, bitrate_bps=700_000, max_bitrate_bps=800_000),
        Rung(name="small", height=144, bitrate_bps=250_000, max_bitrate_bps=300_000),
    )
)
SEGMENTS = 3
SEGMENT_SLOTS = 60
HALF_SEGMENT = 30
"""Half a target duration, the shortest run that BANDWIDTH bounds (rfc8216bis §4.4.6.2)."""


def noise(rng: np.random.Generator, slot: int) -> VideoFrame:
    """Nothing of the picture before helps to guess this one."""
    frame = VideoFrame.from_ndarray(
        rng.integers(16, 235, (240 * 3 // 2, 320), dtype=np.uint8), format="yuv420p"
    )
    tag(frame)
    return frame


def cut(rng: np.random.Generator, slot: int) -> VideoFrame:
    """A still picture, and another one each half second."""
    return noise(np.random.default_rng(slot // 15), slot)


@pytest.mark.parametrize("content", [noise, cut])
def test_pins_keep_every_run_of_segments_within_bandwidth(
    content: Callable[[np.random.Generator, int], VideoFrame],
) -> None:
    plans = plan_rungs(PROFILE, 320, 240)
    bits: list[list[int]] = [[0] * SEGMENTS * SEGMENT_SLOTS for _ in plans]
    keyframes = 0
    ladder = Ladder(
        plans,
        grid=make_grid(frames_per_second=30, latency="low"),
        scaler="bicubic",
        slate=SlatePainter(text="", picture=None, font=None),
        max_backlog=1000,
        wake=lambda: None,
        on_encoded=lambda rung, cpu_s: None,
        encoder=RungEncoder,
    )
    rng = np.random.default_rng(7)
    try:
        for slot in range(SEGMENTS * SEGMENT_SLOTS):
            pin = slot % 7 == 3
            if pin:
                ladder.boost(200, 30)
            idr = slot % 30 == 0 or pin
            keyframes += idr
            ladder.submit(
                Job(slot=slot, picture=content(rng, slot), idr=idr, part_start=slot % 10 == 0)
            )
        assert ladder.drain(60)
        for rung, samples in ladder.collect():
            bits[rung][samples.slot] = sum(8 * len(each.data) for each in samples.pictures)
            keyframes -= rung == 0 and any(each.keyframe for each in samples.pictures)
    finally:
        ladder.close()
    assert keyframes == 0, "each pin has its keyframe"
    for plan, of_rung in zip(plans, bits, strict=True):
        video_bps = plan.bandwidth_bps - _rest_bps()
        runs = [
            sum(of_rung[start:end]) * 30 / (end - start)
            for start, end in pairwise(range(0, len(of_rung) + 1, HALF_SEGMENT))
        ]
        assert max(runs) <= video_bps
        assert sum(of_rung) * 30 / len(of_rung) > plan.bitrate_bps / 2, "it was hard"


def _rest_bps() -> int:
    """What of BANDWIDTH is not for the pictures."""
    audio = PROFILE.audio.bitrate_bps * 125 // 100
    return audio + mux_bps(30) + cue_bps(PROFILE.segment_s)
