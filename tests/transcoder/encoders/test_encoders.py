"""Every encoder keeps the grid's promises: nothing held back, keyframes where asked, its rate."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import av
import numpy as np
import pytest

from transcoder.encode import RungEncoder
from transcoder.encoders.devices import missing_devices
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.profiles import ENCODERS, SOFTWARE, Profile, RungPlan
from transcoder.scale import solid

Planned = Callable[..., RungPlan]
SOFTWARE_NAMES = sorted(facts.name for facts in SOFTWARE.values())
DEVICES = sorted(name for name, facts in ENCODERS.items() if facts.device)


@pytest.mark.parametrize("name", SOFTWARE_NAMES)
def test_each_picture_comes_out_at_once_and_decodes(
    name: str, planned: Planned, grid: Grid, decoded: Any, luma_at: Callable[..., int]
) -> None:
    encoder = RungEncoder(planned(name, 128, 96), grid)
    wanted = {1000, 1030, 1047}
    lumas = {slot: 60 + slot * 37 % 120 for slot in range(1000, 1060) if slot % 7 != 3}
    pictures = [
        encoder.encode(solid(128, 96, (luma, 128, 128)), slot=slot, idr=slot in wanted)
        for slot, luma in lumas.items()
    ]
    assert {s for s, p in zip(lumas, pictures, strict=True) if p.keyframe} == wanted
    frames = decoded(encoder, pictures)
    assert [abs(luma_at(f) - y) <= 6 for f, y in zip(frames, lumas.values(), strict=True)] == [
        True
    ] * len(lumas)
    assert {(f.colorspace, f.color_range, f.width, f.height) for f in frames} == {(1, 1, 128, 96)}


@pytest.mark.parametrize("name", SOFTWARE_NAMES)
@pytest.mark.parametrize("size", [(16, 64), (160, 120), (1918, 1078)])
def test_any_even_size_is_encoded_in_that_size(
    name: str, size: tuple[int, int], planned: Planned, grid: Grid, decoded: Any
) -> None:
    encoder = RungEncoder(planned(name, *size), grid)
    assert encoder.plan.encoder == ("libx264" if size == (16, 64) and "svt" in name else name)
    assert (encoder.config.width, encoder.config.height) == size
    picture = encoder.encode(solid(*size, (90, 120, 140)), slot=0, idr=True)
    (frame,) = decoded(encoder, [picture])
    assert (frame.width, frame.height) == size


@pytest.mark.parametrize(
    ("name", "begins"), [("libx264", "avc1.64"), ("libx265", "hvc1.1.6."), ("libsvtav1", "av01.0.")]
)
def test_the_codec_string(name: str, begins: str, planned: Planned, grid: Grid) -> None:
    assert RungEncoder(planned(name, 128, 96), grid).config.codec_string.startswith(begins)


@pytest.mark.parametrize("name", DEVICES)
def test_without_its_device_software_makes_the_same_codec(
    name: str, planned: Planned, grid: Grid
) -> None:
    plan = planned(name, 128, 96)
    encoder = RungEncoder(plan, grid)
    if encoder.plan.encoder == name:
        pytest.skip("this machine has the device")
    facts = SOFTWARE[plan.codec]
    assert (encoder.plan.encoder, encoder.plan.preset) == (facts.name, facts.preset)
    assert encoder.encode(solid(128, 96, (90, 128, 128)), slot=0, idr=True).keyframe
    profile = Profile.from_plain(
        {
            "rungs": [
                {
                    "name": "a",
                    "height": 96,
                    "bitrate_bps": 90_000,
                    "max_bitrate_bps": 90_000,
                    "encoder": name,
                }
            ]
        }
    )
    (sentence,) = missing_devices(profile)
    assert sentence.startswith(f"{name} needs {ENCODERS[name].device}, ")  # type: ignore[index]
    assert f"a will be encoded by {facts.name}, preset {facts.preset}." in sentence


def test_software_misses_no_device() -> None:
    assert missing_devices(Profile()) == ()


def test_what_cannot_be_opened_is_a_sentence(planned: Planned, grid: Grid) -> None:
    plan = replace(planned("libx264", 32, 16), codec="av1", encoder="libsvtav1", preset="10")
    with pytest.raises(MediaError, match="the encoder libsvtav1 of a cannot be opened"):
        RungEncoder(plan, grid)


def noise(count: int) -> list[av.VideoFrame]:
    rng = np.random.default_rng(3)
    return [
        av.VideoFrame.from_ndarray(
            rng.integers(96, 160, (135, 160), dtype=np.uint8), format="yuv420p"
        )
        for _ in range(count)
    ]


def seconds_of(encoder: RungEncoder, frames: list[av.VideoFrame], boosted: int | None) -> list[int]:
    """The bits of each of five seconds; the third is boosted by 60 percent."""
    bits = [0] * 5
    for slot in range(150):
        if slot in (60, 90) and boosted:
            encoder.boost(boosted if slot == 60 else None)
        picture = encoder.encode(frames[slot % len(frames)], slot=slot, idr=slot % 30 == 0)
        bits[slot // 30] += 8 * len(picture.data)
    return bits


def test_a_boost_spends_more_within_the_vbv(planned: Planned, grid: Grid) -> None:
    plan = planned("libx264", 160, 90, bitrate_bps=300_000, max_bitrate_bps=600_000)
    frames = noise(20)
    plain = seconds_of(RungEncoder(plan, grid), frames, None)
    boosted = seconds_of(RungEncoder(plan, grid), frames, 60)
    assert boosted[:2] == plain[:2]
    assert 1.2 < boosted[2] / plain[2] < 1.8
    assert boosted[2] <= plan.max_bitrate_bps + plan.buffer_bits
    assert sum(boosted[3:]) < 1.1 * sum(plain[3:])


def test_a_boost_never_breaks_the_vbv(planned: Planned, grid: Grid) -> None:
    plan = planned("libx264", 160, 90, bitrate_bps=300_000, max_bitrate_bps=330_000)
    boosted = seconds_of(RungEncoder(plan, grid), noise(20), 200)
    assert boosted[2] <= plan.max_bitrate_bps + plan.buffer_bits


@pytest.mark.parametrize("name", ["libx265", "libsvtav1"])
def test_a_boost_that_cannot_be_had_changes_nothing(
    name: str, planned: Planned, grid: Grid
) -> None:
    plan, frames = planned(name, 160, 90), noise(5)
    assert seconds_of(RungEncoder(plan, grid), frames, 50) == seconds_of(
        RungEncoder(plan, grid), frames, None
    )
