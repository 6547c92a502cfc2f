"""The convex hull of what was measured: the points from which nothing better is to be had. Pure.

Over a scale of factors (the logarithm of the rate or of the cost), because a viewer's line differs
from another's by a factor, and because doubling costs as much wherever it begins.
"""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


def upper_hull(
    points: Iterable[_T], *, x: Callable[[_T], float], y: Callable[[_T], float]
) -> list[_T]:
    """The points of the upper convex hull over log(x), by x, as far as y rises.

    `x` must be above 0. No point lies above the lines between neighbours of the result, and each
    step up costs more per gain than the one before. Of points of one place the first counts.
    """
    ordered = sorted(points, key=lambda point: (x(point), -y(point)))
    hull: list[_T] = []
    for point in ordered:
        if hull and y(point) <= y(hull[-1]):
            continue
        while len(hull) >= 2 and _slope(hull[-2], point, x, y) >= _slope(hull[-2], hull[-1], x, y):
            hull.pop()
        hull.append(point)
    return hull


def _slope(one: _T, other: _T, x: Callable[[_T], float], y: Callable[[_T], float]) -> float:
    run = math.log(x(other)) - math.log(x(one))
    return (y(other) - y(one)) / run if run > 0 else math.inf
