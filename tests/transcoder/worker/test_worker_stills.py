"""Stills as main is sent them: the host's pictures, not the slate, and again to a new main."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from transcoder.control import SourceEnd
from transcoder.profiles import PicturesProfile, Profile, Rung
from transcoder.stills.values import Still

PROFILE = Profile(
    hold_ms=1000,
    pictures=PicturesProfile(poster_every_s=1, thumbnail_every_s=1),
    rungs=(
        Rung(name="96p", height=96, bitrate_bps=300_000, max_bitrate_bps=400_000),
        Rung(name="48p", height=48, bitrate_bps=100_000, max_bitrate_bps=150_000),
    ),
)


def stills(world: Any, kind: str) -> list[Still]:
    return [still for still in world.main.said(Still) if still.kind == kind]


def test_stills_are_the_hosts_pictures_and_the_slate_makes_none(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    world.play(make_source().units([90] * 30), number=1)
    world.until(lambda: bool(stills(world, "poster") and stills(world, "thumbnail")))
    (poster,), (thumbnail,) = stills(world, "poster"), stills(world, "thumbnail")
    assert (poster.show, poster.epoch, poster.tick) == ("demo", "e1", 0)
    assert [image.media_type for image in poster.images] == ["image/jpeg", "image/webp"]
    assert (poster.width, poster.height) == (128, 96)
    assert (thumbnail.width, thumbnail.height) == (120, 90)
    for image in (*poster.images, *thumbnail.images):
        shown = np.asarray(Image.open(io.BytesIO(image.data)).convert("RGB"), int)
        assert np.abs(shown - (90 - 16) * 255 / 219).max() < 12
    world.send(SourceEnd(source=1))
    world.turn(4, number=10)
    world.end()
    assert len(stills(world, "poster")) == len(stills(world, "thumbnail")) == 1


def test_a_main_that_comes_back_is_told_what_is_still_wanted(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin(profile=PROFILE.to_plain())
    world.publish()
    source = make_source()
    for index in range(2):
        world.play(world.second(source, index), number=1 + 3 * index)
        world.until(lambda count=index + 1: len(stills(world, "thumbnail")) == count)
    world.main.hang_up()
    world.until(lambda: len(stills(world, "thumbnail")) == 4)
    again = [still for still in world.main.heard[-1] if isinstance(still, Still)]
    assert [(still.kind, still.tick // 90_000) for still in again] == [
        ("poster", 1),
        ("thumbnail", 0),
        ("thumbnail", 1),
    ]
    world.end()
