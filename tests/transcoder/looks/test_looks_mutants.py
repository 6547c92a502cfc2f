"""Tens of thousands of access units that a stranger made: the show goes on without a gap.

The pictures are tiny and come many a slot, so that the decoders are what is at work.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transcoder.profiles import Profile, Rung, SlateProfile
from transcoder.values import AccessUnit

SLOT_TICKS, FPS = 3000, 30
WIDTH, HEIGHT = 64, 48
AT_ONCE = 24
"""Access units a slot."""
PROFILE = Profile(
    slate=SlateProfile(text=""),
    rungs=(
        Rung(
            name="48p", height=48, bitrate_bps=500_000, max_bitrate_bps=600_000, preset="ultrafast"
        ),
    ),
)
COUNTS = {"h264": 10_000, "vp8": 20_000, "opus": 10_000}
"""Fifty thousand in all with those of `run/test_run_mutants.py`, where the source is passed on."""
HEALTHY = 120
"""The grey of what the host sends when it is itself again."""


@pytest.fixture
def originals(
    camera: Callable[..., Any], grey: Callable[..., Any], opus: Callable[..., list[AccessUnit]]
) -> dict[str, list[AccessUnit]]:
    """Two seconds of each codec, with a keyframe each half second."""
    found: dict[str, list[AccessUnit]] = {}
    for codec in ("h264", "vp8"):
        lens = camera(WIDTH, HEIGHT, codec=codec, bit_rate=300_000)
        found[codec] = [
            lens.unit(grey(60 + n, WIDTH, HEIGHT), n * SLOT_TICKS, keyframe=n % 15 == 0)
            for n in range(60)
        ]
    noise = np.random.default_rng(2).normal(0, 0.1, 96_000).astype(np.float32)
    found["opus"] = opus(noise)
    return found


def attack(
    originals: list[AccessUnit],
    count: int,
    mutated: Callable[[AccessUnit, random.Random], AccessUnit],
    seed: str,
) -> list[AccessUnit]:
    """So many mutants, spread over the slots in the order in which they were encoded."""
    rng = random.Random(seed)
    units = []
    for n, unit in zip(range(count), itertools.cycle(originals), strict=False):
        pts = n // AT_ONCE * SLOT_TICKS + n % AT_ONCE
        units.append(mutated(replace(unit, pts=pts), rng))
    return units


@pytest.mark.parametrize(("codec", "count"), COUNTS.items())
def test_the_show_goes_on_whatever_a_stranger_sends(
    air: Callable[..., Any],
    camera: Callable[..., Any],
    grey: Callable[..., Any],
    mutated: Callable[[AccessUnit, random.Random], AccessUnit],
    originals: dict[str, list[AccessUnit]],
    codec: str,
    count: int,
) -> None:
    mutants = attack(originals[codec], count, mutated, codec)
    slots = count // AT_ONCE + 2
    lens = camera(WIDTH, HEIGHT, codec="vp8" if codec == "vp8" else "h264", bit_rate=300_000)
    # Beside mutated sound the pictures are whole; mutated ones are followed by whole ones.
    begin = 0 if codec == "opus" else slots
    healthy = [
        lens.unit(grey(HEALTHY, WIDTH, HEIGHT), slot * SLOT_TICKS, keyframe=slot == begin)
        for slot in range(begin, slots + FPS)
    ]
    arrivals = [n // AT_ONCE * SLOT_TICKS for n in range(count)] + [unit.pts for unit in healthy]
    aired = air([*mutants, *healthy], seconds=slots / FPS + 1, profile=PROFILE, arrivals=arrivals)
    assert len(aired.sections) == 1
    aired.check_line("48p")
    lumas = aired.lumas("48p")
    assert list(lumas) == list(range(min(lumas), max(lumas) + 1))
    assert max(lumas) >= slots + FPS - 2
    assert all(abs(lumas[slot] - HEALTHY) <= 4 for slot in range(slots + 2, max(lumas)))
    _, samples = aired.sound("48p")
    assert np.isfinite(samples).all()
    assert len(samples) >= (max(lumas) - min(lumas)) / FPS * 48_000 - 4 * 1024
