"""BANDWIDTH holds for every profile that ships, on the hardest content, whatever its encoder."""

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from transcoder.bandwidth import cue_bps, mux_bps
from transcoder.encode import RungEncoder
from transcoder.grid import make_grid
from transcoder.profile_files import load_profile
from transcoder.profiles import ENCODERS, Profile, RungPlan, plan_rungs

FOLDER = Path(__file__).parents[3] / "configs" / "profiles"
WIDTH, HEIGHT = 320, 180
SECONDS = 5


def in_software() -> list[tuple[Profile, str]]:
    """The lowest rung of each encoder in each profile that needs no device."""
    found: list[tuple[Profile, str]] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        profile = load_profile(path)
        lowest = {rung.encoder: rung.name for rung in profile.rungs}
        found += [
            (profile, name) for encoder, name in lowest.items() if not ENCODERS[encoder].device
        ]
    return found


def planned(profile: Profile, name: str) -> RungPlan:
    (rung,) = [rung for rung in profile.rungs if rung.name == name]
    alone = profile.model_copy(update={"rungs": (rung,)})
    return plan_rungs(alone, WIDTH, HEIGHT)[0]


def shots() -> list[av.VideoFrame]:
    """Noise: nothing in one picture helps to predict another."""
    rng = np.random.default_rng(5)
    shape = (HEIGHT * 3 // 2, WIDTH)
    return [
        av.VideoFrame.from_ndarray(rng.integers(0, 256, shape, dtype=np.uint8), format="yuv420p")
        for _ in range(24)
    ]


NOISE = shots()
STILL = av.VideoFrame.from_ndarray(
    np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8), format="yuv420p"
)


def content(kind: str, slot: int, rate: int) -> av.VideoFrame:
    if kind == "stills and noise" and slot // (2 * rate) % 2 == 0:
        return STILL
    return NOISE[slot // (rate // 5 if kind == "cuts" else 1) % len(NOISE)]


@pytest.mark.parametrize("kind", ["noise", "cuts", "stills and noise"])
@pytest.mark.parametrize(("profile", "name"), in_software(), ids=lambda v: getattr(v, "name", v))
def test_no_run_of_segments_exceeds_the_announced_peak(
    profile: Profile, name: str, kind: str
) -> None:
    plan, rate = planned(profile, name), profile.frames_per_second
    grid = make_grid(frames_per_second=rate, latency="low")
    encoder, idr_slots = RungEncoder(plan, grid), rate * profile.idr_interval_s
    bits = [
        8
        * len(encoder.encode(content(kind, slot, rate), slot=slot, idr=slot % idr_slots == 0).data)
        for slot in range(rate * SECONDS)
    ]
    others_bps = profile.audio.bitrate_bps * 5 // 4 + mux_bps(rate) + cue_bps(profile.segment_s)
    share_bps = plan.bandwidth_bps - others_bps
    sums = [0, *itertools.accumulate(bits)]
    for half_targets in (1, 2, 3):
        slots = min(half_targets * profile.segment_s * rate // 2, len(bits))
        worst = max(sums[end] - sums[end - slots] for end in range(slots, len(sums)))
        assert worst * rate <= share_bps * slots
