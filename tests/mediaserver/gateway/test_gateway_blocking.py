"""Delivery directives: what is malformed, what is waited for, what is too far (§6.2.5)."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mediaserver.gateway.blocking import BadDirective, Form, Target, admit, parse
from mediaserver.gateway.queries import Query
from mediaserver.gateway.window import Edge

PART, SEGMENT = 30_000, 180_000  # a third of a second, two seconds: the advance limit is 9 parts


def edge(msn: int, part: int, *, closed: bool = False, ended: bool = False) -> Edge:
    return Edge(last_msn=msn, last_part=part, closed=closed, next_number=0, ended=ended)


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=0",
        "_HLS_msn=",
        "_HLS_msn=x",
        "_HLS_msn=-1",
        "_HLS_msn=%2B1",
        "_HLS_msn=1.0",
        "_HLS_msn=+1",
        "_HLS_msn=1%0A",
        "_HLS_msn=٣",
        "_HLS_msn=1&_HLS_msn=2",
        "_HLS_msn=" + "9" * 21,
        "_HLS_msn=1&_HLS_part=",
        "_HLS_msn=1&_HLS_part=a",
        "_HLS_msn=1&_HLS_part=1&_HLS_part=1",
        "_HLS_skip=",
        "_HLS_skip=NO",
        "_HLS_skip=yes",
        "_HLS_skip=YES&_HLS_skip=v2",
        "_HLS_msn=1&_HLS_skip=v3",
    ],
)
def test_malformed_directives_are_refused(query: str) -> None:
    with pytest.raises(BadDirective):
        parse(Query(query).items())


NAMES = st.sampled_from(["_HLS_msn", "_HLS_part", "_HLS_skip", "_hls_msn", "x"]) | st.text()
VALUES = st.sampled_from(["0", "7", "007", "YES", "v2", ""]) | st.text()


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_any_directives_are_parsed_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        target, form = parse(pairs)
    except BadDirective:
        return
    values = [value for name, value in pairs if name == "_HLS_msn"]
    assert [str(int(value)) for value in values] == ([str(target.msn)] if target else [])
    spoken = []
    if target:
        spoken.append(("_HLS_msn", str(target.msn)))
        spoken += [("_HLS_part", str(target.part))] if target.part is not None else []
    spoken += [("_HLS_skip", form.skip)] if form.skip else []
    assert form.cacheable == (pairs == spoken)


@given(st.text(max_size=200))
def test_any_query_is_read(raw: str) -> None:
    assert len(Query(raw).items()) <= 32


UNCACHEABLE = Form(cacheable=False)


@pytest.mark.parametrize(
    ("query", "target", "form"),
    [
        ("", None, Form()),
        ("_HLS_msn=7", Target(7, None), Form()),
        ("_HLS_msn=7&_HLS_part=0", Target(7, 0), Form()),
        ("_HLS_msn=7&_HLS_part=0&_HLS_skip=v2", Target(7, 0, Form("v2")), Form("v2")),
        ("_HLS_skip=YES", None, Form("YES")),
        ("_HLS_msn=007", Target(7, None, UNCACHEABLE), UNCACHEABLE),
        ("_HLS_part=0&_HLS_msn=7", Target(7, 0, UNCACHEABLE), UNCACHEABLE),
        ("a=b", None, UNCACHEABLE),
        ("_HLS_msn=7&", Target(7, None), Form()),
    ],
)
def test_well_formed_directives(query: str, target: Target | None, form: Form) -> None:
    assert parse(Query(query).items()) == (target, form)


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
