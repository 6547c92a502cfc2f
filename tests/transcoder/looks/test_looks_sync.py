"""A flash and the beep that goes with it come out together: within 10 ms on the grid, and within
half a slot more beside it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transcoder.profiles import Profile

RATE, FPS, SLOT_TICKS = 48_000, 30, 3000
SYNC_S = 0.010
HALF_SLOT_S = 1 / (2 * FPS) + 1e-9
SECONDS = 6
IMPULSE = 48
"""Samples: one millisecond."""


def impulses(moments_s: list[float], seconds: float) -> Any:
    samples = np.zeros(int(seconds * RATE), dtype=np.float32)
    at = np.arange(IMPULSE)
    click = 0.9 * np.sin(2 * np.pi * 4000 * at / RATE).astype(np.float32)
    for moment_s in moments_s:
        start = round(moment_s * RATE)
        samples[start : start + IMPULSE] = click
    return samples


def clicks_s(first: int, heard: Any, moments_s: list[float]) -> list[float]:
    """Where the loudest sample within a quarter of a second of each moment lies."""
    found = []
    for moment_s in moments_s:
        begin = round((moment_s - 0.25) * RATE) - first
        piece = np.abs(heard[begin : begin + RATE // 2])
        assert piece.max() > 0.1, f"no click near {moment_s} s"
        found.append((begin + int(piece.argmax()) + first) / RATE)
    return found


Air = Callable[..., Any]


def shown_and_heard(
    air: Air, camera: Air, grey: Air, opus: Air, name: str, offset_ticks: int
) -> list[tuple[float, float, float]]:
    """When each flash and its beep happened before a camera whose pictures lie `offset_ticks`
    beside the grid, and when the one is shown and the other heard: seconds of media time."""
    profile = Profile.model_validate({**air_profile(), "hold_ms": 400})
    flashes = [n * FPS + 7 for n in range(1, SECONDS)]
    lens = camera(128, 96)
    units = [
        lens.unit(grey(235 if n in flashes else 40, 128, 96), n * SLOT_TICKS + offset_ticks)
        for n in range(SECONDS * FPS)
    ]
    moments_s = [n / FPS + offset_ticks / 90_000 for n in flashes]
    aired = air([*units, *opus(impulses(moments_s, SECONDS))], seconds=SECONDS, profile=profile)
    lumas = aired.lumas(name)
    shown_s = [slot / FPS for slot, luma in lumas.items() if luma > 150]
    assert len(shown_s) == len(flashes)
    first, heard_samples = aired.sound(name)
    heard_s = clicks_s(first, heard_samples, moments_s)
    return list(zip(moments_s, shown_s, heard_s, strict=True))


@pytest.mark.parametrize("name", ["96p", "48p"])
def test_on_the_grid_an_impulse_and_a_flash_come_out_together(
    air: Air, camera: Air, grey: Air, opus: Air, name: str
) -> None:
    for moment, shown, heard in shown_and_heard(air, camera, grey, opus, name, 0):
        assert abs(heard - moment) < SYNC_S
        assert abs(heard - shown) < SYNC_S


@pytest.mark.parametrize("name", ["96p", "48p"])
@pytest.mark.parametrize("offset_ticks", [500, 1000, 1400, 1600, 2500])
def test_beside_the_grid_they_are_at_most_half_a_slot_and_10_ms_apart(
    air: Air, camera: Air, grey: Air, opus: Air, name: str, offset_ticks: int
) -> None:
    """Pictures beside the grid stand in the slot nearest to them, so a flash is shown up to half a
    slot (16.7 ms at 30 a second) before or after its moment. The sound never moves: it is heard
    within 10 ms of its moment, and so the two lie at most 26.7 ms apart."""
    together = shown_and_heard(air, camera, grey, opus, name, offset_ticks)
    for moment, shown, heard in together:
        assert abs(heard - moment) < SYNC_S
        assert abs(shown - moment) <= HALF_SLOT_S
        assert abs(heard - shown) < HALF_SLOT_S + SYNC_S


def air_profile() -> dict[str, Any]:
    rung = {
        "height": 96, "bitrate_bps": 2_000_000, "max_bitrate_bps": 2_500_000,
        "preset": "ultrafast",
    }  # fmt: skip
    low = {**rung, "height": 48, "bitrate_bps": 1_000_000, "max_bitrate_bps": 1_250_000}
    return {"rungs": [{"name": "96p", **rung}, {"name": "48p", **low}]}
