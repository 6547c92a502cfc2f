"""Delivery directives: what is malformed, what is waited for, what is too far (§6.2.5.2)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mediaserver.gateway.blocking import BadDirective, Target, admit, parse
from mediaserver.gateway.window import Edge

PART, SEGMENT = 30_000, 180_000  # a third of a second, two seconds: the advance limit is 9 parts


def edge(msn: int, part: int, *, closed: bool = False, ended: bool = False) -> Edge:
    return Edge(last_msn=msn, last_part=part, closed=closed, next_number=0, ended=ended)


@pytest.mark.parametrize(
    ("msn", "part"),
    [
        ([], ["0"]),
        ([""], []),
        (["x"], []),
        (["-1"], []),
        (["+1"], []),
        (["1.0"], []),
        ([" 1"], []),
        (["1\n"], []),
        (["٣"], []),
        (["1", "2"], []),
        (["9" * 21], []),
        (["1"], [""]),
        (["1"], ["a"]),
        (["1"], ["1", "1"]),
    ],
)
def test_malformed_directives_are_refused(msn: list[str], part: list[str]) -> None:
    with pytest.raises(BadDirective):
        parse(msn, part)


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_any_directives_are_parsed_or_refused(msn: list[str], part: list[str]) -> None:
    try:
        target = parse(msn, part)
    except BadDirective:
        return
    assert (target is None) == (not msn)
    assert target is None or [target.msn] == [int(m) for m in msn]


def test_well_formed_directives() -> None:
    assert parse([], []) is None
    assert parse(["7"], []) == Target(7, None)
    assert parse(["007"], ["0"]) == Target(7, 0)


@pytest.mark.parametrize(
    ("target", "at", "reached"),
    [
        (Target(7, 2), edge(7, 2), True),
        (Target(7, 3), edge(7, 2), False),
        (Target(7, None), edge(7, 2), False),  # not its first part: the whole segment
        (Target(7, None), edge(7, 5, closed=True), True),
        (Target(7, None), edge(8, 0), True),
        (Target(6, None), edge(7, 0), True),
        (Target(6, 99), edge(7, 0), True),  # past the end of 6 is part 0 of 7
        (Target(7, 6), edge(7, 5, closed=True), False),
        (Target(7, 6), edge(8, 0), True),
        (Target(8, 0), edge(7, 5, closed=True), False),
        (Target(0, 0), edge(7, 0), True),  # has left the playlist
        (Target(99, 99), edge(7, 0, ended=True), True),
    ],
)
def test_when_a_target_is_reached(target: Target, at: Edge, reached: bool) -> None:
    assert target.reached(at) is reached


@pytest.mark.parametrize(
    ("target", "at", "admitted"),
    [
        (Target(8, None), edge(7, 2), True),
        (Target(9, None), edge(7, 2), False),  # the last whole one is 6
        (Target(9, None), edge(7, 5, closed=True), True),
        (Target(10, None), edge(7, 5, closed=True), False),
        (Target(7, 11), edge(7, 2), True),
        (Target(7, 12), edge(7, 2), False),
        (Target(8, 5), edge(7, 2), True),
        (Target(8, 6), edge(7, 2), False),
        (Target(8, 8), edge(7, 5, closed=True), True),
        (Target(8, 9), edge(7, 5, closed=True), False),
        (Target(7, 9999), edge(7, 5, closed=True), True),  # part 0 of 8
    ],
)
def test_how_far_ahead_is_waited_for(target: Target, at: Edge, admitted: bool) -> None:
    if admitted:
        admit(target, at, part_ticks=PART, segment_ticks=SEGMENT)
    else:
        with pytest.raises(BadDirective):
            admit(target, at, part_ticks=PART, segment_ticks=SEGMENT)


def test_with_long_parts_the_limit_is_three_of_them() -> None:
    second = 90_000
    admit(Target(4, 2), edge(3, 1, closed=True), part_ticks=second, segment_ticks=2 * second)
    with pytest.raises(BadDirective):
        admit(Target(4, 3), edge(3, 1, closed=True), part_ticks=second, segment_ticks=2 * second)


@given(st.integers(0, 12), st.integers(0, 7), st.integers(0, 40), st.booleans())
def test_the_next_part_and_segment_may_always_be_asked_for(
    msn: int, index: int, at_msn: int, closed: bool
) -> None:
    at = edge(at_msn, index % 6, closed=closed)
    upcoming = Target(at_msn + 1, 0) if closed else Target(at_msn, index % 6 + 1)
    for target in (upcoming, Target(at_msn + closed, None)):
        assert not target.reached(at)
        admit(target, at, part_ticks=PART, segment_ticks=SEGMENT)
    behind = Target(msn, index)
    assume((msn, index) <= (at.last_msn, at.last_part))
    assert behind.reached(at)
