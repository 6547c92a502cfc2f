"""Whatever a host's camera and microphone do, each slot has its picture, each part its sound."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transcoder.control import SourceEnd
from transcoder.values import AccessUnit

SLOT_TICKS, FPS, RATE = 3000, 30, 48_000
NAMES = ("96p", "48p")
NEAR = 4
"""How far a grey may be off after two encoders."""


def luma_at(tick: int) -> int:
    """How grey the camera's picture is at a tick: another each slot, the same after 160."""
    return 40 + tick // SLOT_TICKS * 7 % 160


def tone(seconds: float) -> Any:
    at = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


@pytest.fixture
def shot(camera: Callable[..., Any], grey: Callable[..., Any]) -> Callable[..., list[AccessUnit]]:
    """`shot(width, height, fps=…, seconds=…, start=…)`: a camera's pictures from a tick on."""

    def units(
        width: int, height: int, *, fps: float = FPS, seconds: float, start: int = 0,
        codec: str = "h264",
    ) -> list[AccessUnit]:  # fmt: skip
        lens = camera(width, height, codec=codec)
        ticks = [start + round(n * 90_000 / fps) for n in range(int(seconds * fps))]
        return [lens.unit(grey(luma_at(tick), width, height), tick) for tick in ticks]

    return units


def near(lumas: dict[int, int], slots: range, expected: Callable[[int], int]) -> list[int]:
    """The slots that are missing or wrong."""
    return [slot for slot in slots if slot not in lumas or abs(lumas[slot] - expected(slot)) > NEAR]


@pytest.mark.parametrize("name", NAMES)
def test_five_frames_a_second_are_repeated_to_thirty(
    air: Callable[..., Any], shot: Callable[..., Any], name: str
) -> None:
    aired = air(shot(128, 96, fps=5, seconds=4), seconds=4)
    aired.check_line(name)
    lumas = aired.lumas(name)
    assert not near(lumas, range(2, 115), lambda slot: luma_at(slot // 6 * 6 * SLOT_TICKS))


@pytest.mark.parametrize("name", NAMES)
def test_of_sixty_frames_a_second_thirty_are_shown(
    air: Callable[..., Any], shot: Callable[..., Any], name: str
) -> None:
    aired = air(shot(128, 96, fps=60, seconds=3), seconds=3)
    aired.check_line(name)
    # Of the two pictures nearest to a slot the later wins; both have the slot's own grey or are
    # half a slot before it.
    lumas = aired.lumas(name)
    wrong = [
        slot
        for slot in range(2, 85)
        if all(abs(lumas[slot] - luma_at(slot * SLOT_TICKS + off)) > NEAR for off in (0, -1500))
    ]
    assert not wrong


def test_an_uneven_rate_leaves_no_hole_and_no_step_back(
    air: Callable[..., Any], camera: Callable[..., Any], grey: Callable[..., Any]
) -> None:
    """As a telephone's camera in the dusk: 12 to 30 frames a second, at any time between slots."""
    rng = np.random.default_rng(1)
    lens, units, tick = camera(128, 96), [], 0
    while tick < 4 * 90_000:
        units.append(lens.unit(grey(16 + tick // SLOT_TICKS, 128, 96), tick))
        tick += int(rng.integers(3000, 7500))
    lumas = air(units, seconds=4).lumas("96p")
    greys = [lumas[slot] for slot in range(2, 118)]
    assert all(after >= before - 1 for before, after in itertools.pairwise(greys))
    assert max(abs(grey - 16 - slot) for slot, grey in enumerate(greys, start=2)) <= 4


def test_a_portrait_camera_makes_portrait_rungs(
    air: Callable[..., Any], shot: Callable[..., Any]
) -> None:
    aired = air(shot(90, 160, seconds=2), seconds=2)
    sizes = {each.rendition: (each.width, each.height) for each in aired.sections}
    assert sizes["48p"] == (48, 86)
    for name, size in sizes.items():
        frames = aired.frames(name)
        assert {(frame.width, frame.height) for frame in frames.values()} == {size}
        lumas = aired.lumas(name)
        first = min(lumas)  # of a picture that may still grow a second is looked at, not shown
        assert not near(lumas, range(first + 2, 55), lambda slot: luma_at(slot * SLOT_TICKS))


def test_a_telephone_that_is_turned_is_fitted_between_bars(
    air: Callable[..., Any], shot: Callable[..., Any]
) -> None:
    wide = shot(160, 96, seconds=2)
    high = shot(96, 160, seconds=2, start=2 * 90_000)
    aired = air([*wide, *high], seconds=4)
    aired.check_line("96p")
    assert len(aired.sections) == len(NAMES), "no new init section, no discontinuity"
    frames, lumas = aired.frames("96p"), aired.lumas("96p")
    assert not near(lumas, range(2, 115), lambda slot: luma_at(slot * SLOT_TICKS))
    picture = frames[100].to_ndarray()[:96]
    inner = 96 * 96 // 160
    left = (160 - inner) // 2
    assert picture[:, : left - 4].max() <= 20
    assert picture[:, left + inner + 4 :].max() <= 20


@pytest.mark.parametrize("sizes", [((160, 96), (80, 48)), ((80, 48), (320, 192))])
def test_a_size_that_changes_is_scaled_into_the_rungs_there_are(
    air: Callable[..., Any], shot: Callable[..., Any], sizes: tuple[tuple[int, int], ...]
) -> None:
    units = [
        unit
        for n, (width, height) in enumerate(sizes)
        for unit in shot(width, height, seconds=2, start=n * 2 * 90_000)
    ]
    aired = air(units, seconds=4)
    for name in {each.rendition for each in aired.sections}:
        aired.check_line(name)
        assert len({(f.width, f.height) for f in aired.frames(name).values()}) == 1
        lumas = aired.lumas(name)
        first = min(lumas)
        assert not near(lumas, range(first + 2, 115), lambda slot: luma_at(slot * SLOT_TICKS))


def test_without_any_sound_there_is_an_unbroken_track_of_silence(
    air: Callable[..., Any], shot: Callable[..., Any]
) -> None:
    aired = air(shot(128, 96, seconds=3), seconds=3)
    for name in NAMES:
        first, samples = aired.sound(name)
        assert first < 1024
        assert len(samples) >= 3 * RATE - 3 * 1024
        assert np.abs(samples).max() < 1e-3


def test_silence_and_a_microphone_that_goes_and_comes_leave_no_gap(
    air: Callable[..., Any],
    shot: Callable[..., Any],
    opus: Callable[..., list[AccessUnit]],
) -> None:
    samples = tone(6)
    samples[RATE : 2 * RATE] = 0
    units = [unit for unit in opus(samples) if not 3 * 90_000 <= unit.pts < 4 * 90_000]
    aired = air([*shot(128, 96, seconds=6), *units], seconds=6)
    first, heard = aired.sound("48p")

    def loudness(start_s: float, end_s: float) -> float:
        piece = heard[int(start_s * RATE) - first : int(end_s * RATE) - first]
        return float(np.sqrt(np.mean(piece**2)))

    assert loudness(0.2, 0.9) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert loudness(1.1, 1.9) < 1e-3, "what was silent is silent"
    assert loudness(3.3, 3.9) < 1e-3, "what never came is silence"
    assert loudness(4.2, 5.8) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_no_video_for_a_while_holds_then_shows_the_slate_then_goes_on(
    air: Callable[..., Any],
    shot: Callable[..., Any],
    opus: Callable[..., list[AccessUnit]],
) -> None:
    before = shot(128, 96, seconds=1)
    after = shot(128, 96, seconds=1, start=5 * 90_000)
    aired = air([*before, *after, *opus(tone(6))], seconds=6)
    aired.check_line("48p")
    lumas = aired.lumas("48p")
    held = luma_at(29 * SLOT_TICKS)
    slate = 16 + (held - 16) * 2 // 5
    assert not near(lumas, range(30, 29 + 75), lambda slot: held)
    assert not near(lumas, range(29 + 78, 149), lambda slot: slate)
    assert not near(lumas, range(151, 178), lambda slot: luma_at(slot * SLOT_TICKS))
    first, heard = aired.sound("48p")
    middle = heard[2 * RATE - first : 4 * RATE - first]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_a_host_who_comes_back_later_is_seen_again(
    air: Callable[..., Any], shot: Callable[..., Any]
) -> None:
    units = [*shot(128, 96, seconds=1), *shot(128, 96, seconds=2, start=6 * 90_000)]

    def leave(run: Any, slot: int) -> None:
        if slot == 40:
            run.source_ended(SourceEnd(source=2))  # another's end changes nothing

    aired = air(units, seconds=8, between=leave)
    aired.check_line("96p")
    assert not near(aired.lumas("96p"), range(182, 235), lambda slot: luma_at(slot * SLOT_TICKS))
