"""The queue of cues: what is refused, what waits, what is taken."""

from dataclasses import replace
from typing import Any

import pytest

from transcoder.cues import MAX_PENDING, MAX_PER_PART, CueQueue, refusal
from transcoder.values import TimedMetadata

CUE = TimedMetadata(id="pin-1", revision=0, pts=1000, duration=45_000, payload=b"{}")


def many(count: int, pts: int) -> list[TimedMetadata]:
    return [replace(CUE, revision=number, pts=pts) for number in range(count)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "the id"),
        ({"id": "a b"}, "the id"),
        ({"id": 'a"'}, "the id"),
        ({"id": "a\n"}, "the id"),
        ({"id": "é"}, "the id"),
        ({"id": "a" * 65}, "the id"),
        ({"revision": -1}, "revision"),
        ({"revision": 2**32}, "revision"),
        ({"pts": -1}, "timeline"),
        ({"pts": 2**53}, "timeline"),
        ({"duration": 22_500}, "duration"),
        ({"duration": 2**32 - 1}, "duration"),
        ({"payload": bytes(1025)}, "1025 bytes"),
        ({"payload": b"\xff"}, "UTF-8"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_sentence(
    changes: dict[str, Any], words: str
) -> None:
    queue = CueQueue()
    reason = queue.add(replace(CUE, **changes))
    assert reason is not None
    assert words in reason
    assert queue.left() == ()


def test_the_limits_themselves_are_legal() -> None:
    for changes in (
        {"id": "aZ0_-" * 12 + "abcd"},
        {"pts": 0},
        {"duration": 22_501},
        {"duration": 2**32 - 2},
        {"payload": b"a" * 1024},
    ):
        assert refusal(replace(CUE, **changes)) is None


def test_a_cue_waits_for_the_part_of_its_frame() -> None:
    queue = CueQueue()
    queue.add(CUE)
    assert queue.take(until_tick=1000) == ()
    assert queue.take(until_tick=1001) == (CUE,)
    assert queue.take(until_tick=2000) == ()


def test_cues_come_in_the_order_of_their_frames() -> None:
    queue = CueQueue()
    named = (("a", 9), ("b", 3), ("c", 9))
    later, early, same = (replace(CUE, id=name, pts=pts) for name, pts in named)
    for cue in (later, early, same):
        queue.add(cue)
    assert queue.take(until_tick=10) == (early, later, same)


def test_what_is_known_is_ignored_while_it_waits_and_afterwards() -> None:
    queue = CueQueue()
    other = replace(CUE, pts=5, payload=b"other")
    assert queue.add(CUE) is None
    assert queue.add(other) is None
    assert queue.take(until_tick=2000) == (CUE,)
    assert queue.add(other) is None
    assert queue.take(until_tick=2000) == ()
    revised = replace(CUE, revision=1)
    queue.add(revised)
    assert queue.take(until_tick=2000) == (revised,)


def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    queue = CueQueue()
    for cue in many(MAX_PENDING, 1000):
        assert queue.add(cue) is None
    extra = replace(CUE, id="extra")
    reason = queue.add(extra)
    assert reason is not None
    assert "256 others" in reason
    assert queue.add(many(1, 1000)[0]) is None
    queue.take(until_tick=1001)
    assert queue.add(extra) is None


def test_more_than_a_part_carries_go_on_to_the_next_ones() -> None:
    queue = CueQueue()
    cues = many(2 * MAX_PER_PART + 1, 1000)
    for cue in cues:
        queue.add(cue)
    taken = [queue.take(until_tick=2000) for _ in range(4)]
    assert [len(part) for part in taken] == [MAX_PER_PART, MAX_PER_PART, 1, 0]
    assert [cue for part in taken for cue in part] == cues


def test_what_is_left_can_be_told() -> None:
    queue = CueQueue()
    far = replace(CUE, id="far", pts=10**9)
    queue.add(CUE)
    queue.add(far)
    queue.take(until_tick=2000)
    assert queue.left() == (far,)


def test_what_was_carried_is_remembered_within_bounds() -> None:
    queue = CueQueue()
    for number in range(4096 + 200):
        queue.add(replace(CUE, revision=number))
        queue.take(until_tick=2000)
    assert len(queue._carried) == 4096
    queue.add(replace(CUE, revision=4095))
    assert queue.take(until_tick=2000) == ()
