"""Access units that a stranger made: whatever is in them, the show goes on or shows the slate."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from transcoder.values import AccessUnit, InitSection

SECONDS = 30
"""With 30 pictures and 50 packets of sound each: some 1,600 mutants for each codec of pictures."""


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_mutated_pictures_and_sound_are_contained(
    world: Any,
    make_source: Callable[..., Any],
    opus_tone: Callable[..., list[AccessUnit]],
    mutated: Callable[[AccessUnit, random.Random], AccessUnit],
    codec: str,
) -> None:
    rng = random.Random(codec)
    world.begin()
    world.publish(1)
    source = make_source(codec=codec)
    world.play(world.second(source, 0), number=1)
    tones = opus_tone(50 * (SECONDS + 1))
    for index in range(1, SECONDS + 1):
        pictures = [
            source.unit(90, (30 * index + n) * 3000, keyframe=n % 10 == 0) for n in range(30)
        ]
        for unit in [*pictures, *tones[50 * index : 50 * index + 50]]:
            world.send(mutated(unit, rng))
        world.now_ns += 1_000_000_000
        world.wait_for_part(3 * index - 1)
    world.publish(2)
    clean = make_source(source=2)
    world.play(world.second(clean, SECONDS + 1), number=3 * SECONDS + 4)
    world.end()
    assert len(world.main.said(InitSection)) == 2
    numbers = [part.number for part in world.main.parts("48p")]
    assert numbers == list(range(numbers[-1] + 1))
    greys = world.decoded("48p")
    assert list(greys) == list(range(30 * (SECONDS + 2)))
    healthy = list(greys.items())[-25:]
    assert max(abs(grey - world.luma_of(slot)) for slot, grey in healthy) <= 4
    assert len(world.heard("48p")) == 48_000 * (SECONDS + 2) // 1024
