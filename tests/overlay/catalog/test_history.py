"""The lowest price of the 30 days before a reduction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overlay.catalog.history import WINDOW_US, lowest_minor

DAY = 24 * 3600 * 1_000_000


@pytest.mark.parametrize(
    ("history", "lowest"),
    [
        ([], None),
        ([(0, 1000)], 1000),
        ([(0, 1500), (40, 1000)], 1500),
        ([(0, 1500), (10, 900), (20, 1500), (40, 1000)], 900),
        ([(0, 900), (5, 1500), (40, 1000)], 1500),
        ([(0, 900), (10, 1500), (40, 1000)], 1500),
        ([(0, 900), (11, 1500), (40, 1000)], 900),
        ([(0, 1500), (40, 1000), (41, 800)], 1000),
        ([(0, 1000), (90, 1000)], 1000),
        ([(0, 2000), (40, 1000), (50, 1200)], 1000),
    ],
)
def test_the_rule(history: list[tuple[int, int]], lowest: int | None) -> None:
    assert lowest_minor([(day * DAY, price) for day, price in history]) == lowest


@given(
    st.lists(
        st.tuples(st.integers(0, 100 * DAY), st.integers(0, 10**6)), min_size=2, max_size=8
    ).map(sorted)
)
def test_it_never_flatters(history: list[tuple[int, int]]) -> None:
    lowest = lowest_minor(history)
    since = history[-1][0] - WINDOW_US
    ends = [at for at, _ in history[1:]]
    in_force = [price for (_, price), end in zip(history, ends, strict=False) if end > since]
    assert lowest is not None
    assert all(lowest <= price for price in in_force)
