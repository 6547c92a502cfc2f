"""Access units that a stranger made: whatever is in them, the show goes on or shows the slate."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from transcoder.values import AccessUnit, InitSection

SECONDS = 30
"""With 30 pictures and 50 packets of sound each: some 1,600 mutants for each codec of pictures."""


def mutated(unit: AccessUnit, rng: random.Random) -> AccessUnit:
    """Flipped, cut, stretched, shuffled or made up; flags and times lie as well. One in three is
    whole, so that decoding gets beyond the first mutant."""
    if rng.random() < 1 / 3:
        return unit
    data = bytearray(unit.data)
    for _ in range(rng.choice((0, 1, 1, 3, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    how = rng.randrange(8)
    if how == 0:
        data = data[: rng.randrange(len(data) + 1)]
    elif how == 1:
        data += rng.randbytes(rng.randrange(2000))
    elif how == 2:
        data = bytearray(rng.randbytes(rng.randrange(400)))
    elif how == 3:
        middle = rng.randrange(len(data))
        data = data[middle:] + data[:middle]
    elif how == 4 and len(data) > 12:
        data[4:12] = rng.randbytes(8)  # the headers: sizes, levels, frame types
    return replace(
        unit,
        data=bytes(data),
        keyframe=unit.keyframe if rng.random() < 0.8 else not unit.keyframe,
        damaged=rng.random() < 0.1,
        pts=unit.pts if rng.random() < 0.9 else rng.choice((0, 1, 2**40, unit.pts + 3_600_000)),
    )


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_mutated_pictures_and_sound_are_contained(
    world: Any,
    make_source: Callable[..., Any],
    opus_tone: Callable[..., list[AccessUnit]],
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
