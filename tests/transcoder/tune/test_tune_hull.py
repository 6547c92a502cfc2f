"""The hull: nothing measured lies above it, and every step up costs more than the one before."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from transcoder.tune.hull import upper_hull

Place = tuple[float, float]
PLACES = st.lists(
    st.tuples(st.integers(1, 10**7).map(float), st.integers(0, 1000).map(lambda n: n / 10)),
    max_size=40,
)


def hull(places: list[Place]) -> list[Place]:
    return upper_hull(places, x=lambda p: p[0], y=lambda p: p[1])


def slopes(places: list[Place]) -> list[float]:
    return [
        (b[1] - a[1]) / (math.log(b[0]) - math.log(a[0])) for a, b in itertools.pairwise(places)
    ]


@given(PLACES)
def test_the_hull_is_concave_and_rises(places: list[Place]) -> None:
    found = hull(places)
    assert set(found) <= set(places)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(found))
    steps = slopes(found)
    assert all(a > b - 1e-9 for a, b in itertools.pairwise(steps))


@given(PLACES)
def test_no_point_lies_above_the_hull(places: list[Place]) -> None:
    found = hull(places)
    for x, y in places:
        reached = [place for place in found if place[0] <= x]
        assert reached, "whatever is leftmost is on the hull"
        later = [place for place in found if place[0] > x]
        below = reached[-1]
        if not later:
            assert y <= below[1] + 1e-9
            continue
        share = math.log(x / below[0]) / math.log(later[0][0] / below[0])
        assert y <= below[1] + share * (later[0][1] - below[1]) + 1e-6


def test_a_beaten_point_is_left_out() -> None:
    assert hull([(1.0, 50.0), (2.0, 55.0), (4.0, 90.0)]) == [(1.0, 50.0), (4.0, 90.0)]
    assert hull([(1.0, 50.0), (4.0, 40.0)]) == [(1.0, 50.0)]
    assert hull([]) == []
