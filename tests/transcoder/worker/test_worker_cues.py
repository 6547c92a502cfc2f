"""Cues are carried in the parts of their frames, in every rendition."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transcoder.cmaf.emsg import read_events
from transcoder.cmaf.id3 import read_private
from transcoder.control import CueUnsent, StartEpoch
from transcoder.values import TimedMetadata

NAMES = ("96p", "48p")
SECOND_NS = 1_000_000_000
CUE = TimedMetadata(id="pin", revision=0, pts=0, duration=2_700_000, payload=b'{"id":"pin"}')


def cued(world: Any) -> dict[str, int]:
    """The number of the part of each cue; the same in the values, the boxes and all renditions."""
    found: dict[str, int] = {}
    for part, other in zip(*map(world.main.parts, NAMES), strict=True):
        assert (part.number, part.cues) == (other.number, other.cues)
        events = read_events(part.data)
        assert events == read_events(other.data)
        assert [read_private(event.message)[0].data for event in events] == [
            cue.payload for cue in part.cues
        ]
        assert [event.presentation_time for event in events] == [
            max(cue.pts, part.decode_time) for cue in part.cues
        ]
        for cue in part.cues:
            assert cue.id not in found
            found[cue.id] = part.number
    return found


def test_a_cue_is_on_its_frame_in_every_rendition_or_late_in_the_next_part(
    world: Any, make_source: Callable[..., Any]
) -> None:
    waiting = replace(CUE, id="waiting", pts=75 * 3000 + 1)
    world.begin(cues=(waiting, replace(CUE, id="before", pts=0)))
    world.publish()
    source = make_source()
    world.tell_cues(replace(CUE, id="ahead", pts=29 * 3000), replace(CUE, id="far", pts=10**9))
    world.play(world.second(source, 0), number=1)
    late, repeated = replace(CUE, id="late", pts=4000), replace(waiting, pts=0)
    world.tell_cues(late, repeated, late)
    world.play(world.second(source, 1), number=4)
    world.play(world.second(source, 2), number=7)
    world.end()
    found = cued(world)
    assert found.pop("late") in (2, 3)  # its frame lies in part 0; the worker reads meanwhile
    assert found == {"before": 0, "ahead": 2, "waiting": 7}
    (part,) = (p for p in world.main.parts("96p") if waiting in p.cues)
    assert part.decode_time <= waiting.pts < part.decode_time + part.duration
    unsent = {cue.id: cue.reason for cue in world.main.said(CueUnsent)}
    assert unsent.pop("far") == "the epoch ended before its frame"
    assert set(unsent) == {"bad 0", "bad 1"}
    assert list(world.decoded("96p")) == list(range(90))


def test_a_worker_that_takes_over_carries_what_the_lost_one_had_not(
    world: Any, make_source: Callable[..., Any]
) -> None:
    lost = tuple(replace(CUE, id=f"lost{n}", pts=pts) for n, pts in enumerate((7, 100_000, 10**6)))
    world.begin(generation=1, next_number=41, next_msn=9, next_tick=90_000, cues=lost)
    world.now_ns += SECOND_NS
    world.publish()
    source = make_source()
    world.play(world.second(source, 1), number=42)
    world.main.tell(  # as main does when it comes back and is not sure
        StartEpoch(
            show="demo",
            epoch="e1",
            au_socket="",
            profile={},
            latency="low",
            generation=1,
            next_number=41,
            next_msn=9,
            next_tick=90_000,
            cues=(*lost, replace(CUE, id="new", pts=8)),
            previous=(),
        )
    )
    world.tell_cues()
    world.play(world.second(source, 2), number=45)
    world.end()
    found = cued(world)
    assert (found["lost0"], found["lost1"]) == (41, 41)
    assert set(found) == {"lost0", "lost1", "new"}
    assert "lost2" in {cue.id for cue in world.main.said(CueUnsent)}


def test_more_cues_than_may_wait_are_refused_one_by_one(world: Any) -> None:
    world.begin(cues=tuple(replace(CUE, revision=number) for number in range(258)))
    world.until(lambda: len(world.main.said(CueUnsent)) == 2)
    assert [cue.revision for cue in world.main.said(CueUnsent)] == [256, 257]
    world.tell_cues()
    world.end()
