"""The anchor ties ticks to clocks without drift."""

from hypothesis import given
from hypothesis import strategies as st

from transcoder.values import TICKS_PER_SECOND, Anchor

ANCHOR = Anchor(utc_us=1_700_000_000_000_000, monotonic_ns=5_000_000_000)


@given(st.integers(0, 10**12))
def test_a_tick_is_the_same_after_a_round_trip_over_the_clock(tick: int) -> None:
    assert abs(ANCHOR.tick(ANCHOR.monotonic_ns_at(tick)) - tick) <= 1


def test_tick_zero_is_the_anchor_itself() -> None:
    assert ANCHOR.tick(5_000_000_000) == 0
    assert ANCHOR.utc_us_at(0) == 1_700_000_000_000_000


def test_utc_runs_with_the_ticks() -> None:
    assert ANCHOR.utc_us_at(TICKS_PER_SECOND * 3600) == ANCHOR.utc_us + 3_600_000_000
