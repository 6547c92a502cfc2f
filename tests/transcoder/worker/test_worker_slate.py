"""The slate and the silence: for a host who is lost, or who never sent the one or the other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from transcoder.control import SourceEnd
from transcoder.ladder_state import LadderState
from transcoder.profiles import OverloadProfile, Profile, Rung, SlateProfile
from transcoder.values import AccessUnit, InitSection, Part

NAMES = ("240p", "120p")
SECOND_NS = 1_000_000_000
RUNGS = (
    Rung(name="240p", height=240, bitrate_bps=400_000, max_bitrate_bps=500_000),
    Rung(name="120p", height=120, bitrate_bps=200_000, max_bitrate_bps=250_000),
)
PROFILE = Profile(hold_ms=1000, overload=OverloadProfile(shed=()), rungs=RUNGS)


def luma(picture: Any) -> Any:
    return picture.to_ndarray(format="yuv420p")[: picture.height].astype(int)


def unbroken(world: Any) -> None:
    """One init section for each rendition, and every part: exact, numbered, one after another."""
    for name in NAMES:
        assert len([s for s in world.main.said(InitSection) if s.rendition == name]) == 1
        parts: list[Part] = world.main.parts(name)
        assert [part.number for part in parts] == list(range(len(parts)))
        for part in parts[:-1]:
            assert part.decode_time == parts[0].decode_time + part.number * 30_000
            assert part.duration == 30_000


def on_air(world: Any) -> None:
    """Turn the clock, frame by frame, until the output has begun."""

    def begun() -> bool:
        world.now_ns += 20_000_000
        return bool(world.main.said(LadderState))

    world.until(begun)


@pytest.mark.parametrize(("width", "height"), [(428, 240), (240, 428)])
def test_the_words_are_legible_in_every_rung_and_shape_and_go_with_the_host(
    world: Any, make_source: Callable[..., Any], width: int, height: int
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    world.play(make_source(width=width, height=height).units([90] * 30), number=1)
    world.send(SourceEnd(source=1))
    world.turn(4, number=10)
    world.publish(2)
    back = make_source(width=width, height=height, source=2)
    world.play(back.units([90] * 30, 5 * 90_000), number=16)
    world.end()
    unbroken(world)
    for name in NAMES:
        shown = {picture.pts // 3000: luma(picture) for picture in world.pictures(name)}
        slate, resumed = shown[29 + 90], shown[5 * 30 + 5]
        assert (slate > 170).mean() > 0.004, "bright letters"
        assert slate[2, 2] < 60, "on dimmed ground"
        rows = np.flatnonzero((slate > 150).any(axis=1))
        assert rows[-1] - rows[0] >= min(slate.shape) / 20
        assert np.abs(resumed - 90).max() < 12, "nothing of it stays"


def test_the_operators_picture_is_shown(
    world: Any, make_source: Callable[..., Any], tmp_path: Path
) -> None:
    Image.new("RGB", (160, 90), (255, 255, 255)).save(tmp_path / "break.png")
    slate = SlateProfile(text="", picture=str(tmp_path / "break.png"))
    world.begin(profile=replace_slate(slate))
    world.publish()
    world.play(make_source(width=428, height=240).units([90] * 30), number=1)
    world.turn(4, number=10)
    world.end()
    shown = {picture.pts // 3000: luma(picture) for picture in world.pictures("120p")}
    assert shown[29 + 90].min() > 225


def replace_slate(slate: SlateProfile) -> dict[str, Any]:
    return PROFILE.model_copy(update={"slate": slate}).to_plain()


def test_sound_alone_is_heard_behind_the_slate(
    world: Any, opus_tone: Callable[..., list[AccessUnit]]
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    tones = opus_tone(151)
    world.send(tones[0])
    on_air(world)
    tick = world.anchor.tick(world.now_ns) + 3 * 90_000
    for index, unit in enumerate(tones[1:]):
        world.send(replace(unit, pts=tick + index * 1800))
    # The sound lies ahead, and is read while the clock goes there part by part.
    world.now_ns += 2 * SECOND_NS
    for number in range(20):
        world.now_ns += SECOND_NS // 3
        world.wait_for_part(number)
    world.end()
    sizes = [(s.rendition, s.width, s.height) for s in world.main.said(InitSection)]
    assert sizes == [("240p", 426, 240), ("120p", 214, 120)]
    unbroken(world)
    assert all((luma(picture) > 170).any() for picture in world.pictures("120p"))
    loud = [bool(np.abs(frame.to_ndarray()).max() > 0.1) for frame in world.heard("120p")]
    assert sum(loud) == pytest.approx(3 * 48_000 / 1024, abs=4)


def test_a_host_whose_picture_comes_late_is_seen_in_the_ladder_that_there_is(
    world: Any, make_source: Callable[..., Any], opus_tone: Callable[..., list[AccessUnit]]
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    world.send(opus_tone(1)[0])
    on_air(world)
    tick = world.anchor.tick(world.now_ns)
    world.play(make_source(width=96, height=128).units([200] * 30, tick), number=1)
    world.end()
    unbroken(world)
    last = luma(world.pictures("240p")[-1])
    assert abs(int(last[120, 213]) - 200) <= 6
    assert last[120, 5] < 40, "a portrait picture stands between bars"


def test_picture_alone_has_silence_beside_it(world: Any, make_source: Callable[..., Any]) -> None:
    world.begin()
    world.publish()
    source = make_source()
    for index in range(2):
        world.play(world.second(source, index), number=3 * index + 1)
    world.end()
    frames = world.heard("96p")
    assert len(frames) == 2 * 48_000 // 1024
    assert not any(frame.to_ndarray().any() for frame in frames)


def test_video_that_never_shows_a_picture_gets_the_slate_after_ten_seconds(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    assert world.ingest is not None
    requests = world.ingest.receive()
    source = make_source()
    source.unit(50, 0)
    world.send(source.unit(60, 3000))
    next(requests)
    began_ns = world.now_ns
    on_air(world)
    assert world.now_ns - began_ns >= 10 * 1_000_000_000
    world.turn(2, number=2)
    world.end()
    unbroken(world)
