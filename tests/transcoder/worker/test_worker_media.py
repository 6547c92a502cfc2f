"""What comes out: exact parts, the right pictures, sound beside them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from transcoder.control import SourceEnd
from transcoder.values import AccessUnit, EpochEnd, InitSection, Part

NAMES = ("96p", "48p")


def test_parts_are_exact_and_aligned_and_show_the_right_pictures(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    for index in range(3):
        world.play(world.second(source, index), number=3 * index + 1)
    world.end()

    inits = world.main.said(InitSection)
    assert [(s.rendition, s.width, s.height) for s in inits] == [("96p", 128, 96), ("48p", 64, 48)]
    assert {(s.ladder, s.anchor, s.part_ticks) for s in inits} == {(NAMES, world.anchor, 30_000)}
    parts = world.main.said(Part)
    assert [(p.number, p.rendition) for p in parts] == [(n, r) for n in range(9) for r in NAMES]
    for part in parts:
        assert (part.msn, part.index) == divmod(part.number, 6)
        assert (part.decode_time, part.duration) == (part.number * 30_000, 30_000)
        assert part.independent == (part.number % 3 == 0)
        # The final part may have left before the end was told, and then does not know of it.
        assert part.last == (part.index == 5) or part.number == 8
    for name in NAMES:
        greys = world.decoded(name)
        assert list(greys) == list(range(90))
        assert max(abs(grey - world.luma_of(slot)) for slot, grey in greys.items()) <= 4
    assert world.main.said(EpochEnd) == [EpochEnd(show="demo", epoch="e1")]


def test_audio_goes_on_beside_the_pictures_and_is_silent_when_missing(
    world: Any, make_source: Callable[..., Any], opus_tone: Callable[..., list[AccessUnit]]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    for unit in opus_tone(60):
        world.send(unit)
    for index in range(3):
        world.play(world.second(source, index), number=3 * index + 1)
    world.end()
    frames = world.heard("48p")
    assert [frame.pts for frame in frames] == [1024 * index for index in range(len(frames))]
    assert len(frames) == 3 * 48_000 // 1024
    loudness = [float(np.abs(frame.to_ndarray()).max()) for frame in frames]
    assert min(loudness[3:50]) > 0.1
    assert max(loudness[65:]) < 0.01


def test_the_epochs_end_flushes_a_shorter_last_part(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    for unit in world.second(make_source(), 0)[:25]:
        world.send(unit)
    world.wait_for_part(1)
    world.send(SourceEnd(source=1))
    world.end()
    last = world.main.parts("96p")[-1]
    assert (last.number, last.last) == (2, True)
    assert last.decode_time + last.duration == 25 * 3000
    assert list(world.decoded("48p")) == list(range(25))
    assert isinstance(world.main.heard[-1][-1], EpochEnd)
