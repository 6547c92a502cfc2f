"""Sources come, go, change and fall silent; the output goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transcoder.control import KeyframeRequest, SourceEnd, SourceStart
from transcoder.ladder_state import LadderState
from transcoder.sockets import dial
from transcoder.values import InitSection
from transcoder.wire import frame

NAMES = ("96p", "48p")
SECOND_NS = 1_000_000_000


def test_another_source_goes_on_where_the_last_one_stopped(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish(1)
    world.play(world.second(make_source(), 0), number=1)
    world.publish(2)
    wide = make_source(codec="vp8", width=192, height=96, source=2)
    stale = make_source(source=1).unit(250, 30 * 3000)
    world.play([stale, *world.second(wide, 1)], number=4)
    world.play(world.second(wide, 2), number=7)
    world.end()
    assert len(world.main.said(InitSection)) == 2
    assert [part.number for part in world.main.parts("48p")] == list(range(9))
    greys = world.decoded("96p")
    assert max(abs(grey - world.luma_of(slot)) for slot, grey in greys.items()) <= 4


def test_without_input_the_output_goes_on_to_the_slate(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    world.play(world.second(make_source(), 0), number=1)
    world.send(SourceEnd(source=1))
    for index in range(1, 6):
        world.now_ns += SECOND_NS
        world.wait_for_part(3 * index - 1)
    world.end()
    greys = world.decoded("48p")
    assert list(greys) == list(range(len(greys)))
    held, slate = world.luma_of(29), 16 + (world.luma_of(29) - 16) * 2 // 5
    assert all(abs(greys[slot] - held) <= 4 for slot in range(29, 29 + 75))
    assert all(abs(greys[slot] - slate) <= 4 for slot in range(29 + 80, len(greys)))


def test_a_worker_that_takes_over_makes_the_same_renditions_without_input(
    world: Any, make_source: Callable[..., Any], tmp_path: Path
) -> None:
    previous = tuple(
        InitSection(
            show="demo",
            epoch="e1",
            rendition=name,
            generation=3,
            ladder=NAMES,
            anchor=world.anchor,
            codecs="",
            width=width,
            height=height,
            frames_per_second=30,
            bandwidth_bps=1,
            average_bandwidth_bps=1,
            part_ticks=30_000,
            segment_ticks=180_000,
            data=b"",
        )
        for name, width, height in (("48p", 72, 48), ("96p", 144, 96))
    )
    world.begin(generation=4, next_number=41, next_msn=9, next_tick=100_001, previous=previous)
    world.now_ns += SECOND_NS // 2
    world.until(lambda: bool(world.main.said(LadderState)))
    for _ in range(3):
        world.now_ns += SECOND_NS
    world.wait_for_part(42)
    world.end()
    inits = [(s.rendition, s.width, s.height, s.generation) for s in world.main.said(InitSection)]
    assert inits == [("96p", 144, 96, 4), ("48p", 72, 48, 4)]
    first = world.main.parts("96p")[0]
    assert (first.number, first.msn, first.index, first.decode_time) == (41, 9, 0, 34 * 3000)


def test_a_keyframe_is_asked_for_until_it_comes(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish(5)
    assert world.ingest is not None
    requests = world.ingest.receive()
    source = make_source(source=5)
    source.unit(50, 0)
    world.send(source.unit(60, 3000))
    assert next(requests) == KeyframeRequest(source=5)
    world.now_ns += SECOND_NS // 2
    assert next(requests) == KeyframeRequest(source=5)
    world.send(source.unit(70, 48_000, keyframe=True))
    world.until(lambda: bool(world.main.said(LadderState)))


def test_a_source_that_is_ahead_of_now_is_shown_from_the_first_slot_on(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish()
    source = make_source()
    ahead = 20
    for unit in source.units([200] * 30, ahead * 3000):
        world.send(unit)
    world.wait_for_part(1)
    world.end()
    greys = world.decoded(NAMES[0])
    assert all(abs(greys[slot] - 200) <= 4 for slot in range(ahead))


def test_a_source_that_changes_its_size_shape_and_codec_goes_on(
    world: Any, make_source: Callable[..., Any]
) -> None:
    """As an encoder does when its line gets thin, a telephone when it is turned, and a browser when
    it falls back to another codec: mid-source, each on a keyframe of its own."""
    world.begin()
    world.publish()
    shapes: tuple[dict[str, Any], ...] = (
        {"width": 128, "height": 96},
        {"width": 64, "height": 48},
        {"width": 96, "height": 128},
        {"codec": "vp8", "width": 320, "height": 240},
        {"codec": "vp8", "width": 128, "height": 96},
        {"width": 256, "height": 192},
    )
    for index, shape in enumerate(shapes):
        world.play(world.second(make_source(**shape), index), number=3 * index + 1)
    world.end()
    assert len(world.main.said(InitSection)) == 2
    assert [part.number for part in world.main.parts("48p")] == list(range(18))
    greys = world.decoded("96p")
    assert list(greys) == list(range(180))
    assert max(abs(grey - world.luma_of(slot)) for slot, grey in greys.items()) <= 4


def test_what_a_source_that_was_taken_over_still_sends_is_not_seen(
    world: Any, make_source: Callable[..., Any]
) -> None:
    world.begin()
    world.publish(1)
    old = make_source(source=1)
    world.play(world.second(old, 0), number=1)
    old_way = world.ingest
    world.ingest = None
    world.publish(2)
    assert next(world.ingest.receive()) == KeyframeRequest(source=2), "it has begun"
    new = make_source(source=2)
    for index in (1, 2):
        for unit in old.units([255] * 30, 30 * index * 3000):
            old_way.send(frame(unit))
        late = dial(world.folder / "au.sock")
        assert late is not None
        late.send(frame(SourceStart(epoch="e1", source=1, anchor=world.anchor)))
        late.send(frame(old.unit(255, 30 * index * 3000, keyframe=True)))
        late.send(frame(SourceEnd(source=1)))
        assert list(late.receive()) == [], "it is shown the door"
        late.close()
        world.play(world.second(new, index), number=3 * index + 1)
    old_way.close()
    world.end()
    greys = world.decoded("96p")
    assert list(greys) == list(range(90))
    assert max(abs(grey - world.luma_of(slot)) for slot, grey in greys.items()) <= 4
