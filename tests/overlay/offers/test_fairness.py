"""Nobody gains by lying about their playhead; who is honestly behind sees the same countdown."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from overlay.offers.fairness import (
    LAST_TICKS,
    Report,
    Seen,
    all_over,
    judged,
    lag_at_end,
)
from overlay.offers.terms import Offer, checked
from overlay.show.log import MediaTime

S = 90_000
END = 600 * S
FLASH = checked({"kind": "flash", "product": "wine", "price_minor": 1, "currency": "EUR"})

REPORTS = st.lists(
    st.tuples(st.integers(END - 40 * S, END + 12 * S), st.integers(0, 60 * S)), max_size=8
).map(lambda pairs: tuple(Report(arrived=at, pts=max(0, at - lag)) for at, lag in sorted(pairs)))


def running(**changes: Any) -> Offer:
    given: dict[str, Any] = {
        "show": "demo", "id": "f", "terms": FLASH, "state": "running", "media_epoch": "e",
        "starts_pts": END - 100 * S, "ends_pts": END, "starts_us": 0, "ends_us": 100_000_000,
    }  # fmt: skip
    return Offer(**{**given, **changes})


def seen(*reports: tuple[float, float]) -> Seen:
    """Of reports: when, before the end, and how far behind, in seconds."""
    return Seen(
        media_epoch="e",
        reports=tuple(
            Report(arrived=END - round(before * S), pts=END - round((before + lag) * S))
            for before, lag in reports
        ),
    )


def verdict(after_s: float, told: Seen | None, **changes: Any) -> str:
    """Of an order that comes so long after the end."""
    at = MediaTime(media_epoch="e", pts=END + round(after_s * S))
    return judged(running(**changes), at=at, seen=told, now_us=0)


def test_who_is_4_s_behind_has_4_s_more_and_no_longer() -> None:
    told = seen((12, 4), (7, 4), (2, 4))
    assert verdict(3.99, told) == "open"
    assert verdict(4.01, told) == "over"
    assert verdict(0.01, None) == "over"
    assert verdict(-0.01, None) == "open"


def test_a_lag_that_grows_in_the_last_10_s_does_not_count() -> None:
    assert verdict(1.01, seen((12, 1), (5, 6), (0, 10))) == "over"
    assert verdict(3, seen((9, 4))) == "over"


def test_a_lag_that_shrinks_in_the_last_10_s_does() -> None:
    assert verdict(2.5, seen((12, 4), (5, 2))) == "over"


def test_10_s_are_the_most_and_an_old_report_says_nothing() -> None:
    assert verdict(9.9, seen((11, 50))) == "open"
    assert verdict(10.1, seen((11, 50))) == "over"
    assert verdict(1, seen((60, 4))) == "over"


def test_another_broadcasts_reports_do_not_count() -> None:
    other = Seen(media_epoch="other", reports=seen((12, 4)).reports)
    assert verdict(1, other) == "over"


def test_nobody_buys_before_they_can_see_the_start() -> None:
    start = END - 100 * S
    told = Seen(media_epoch="e", reports=(Report(arrived=start - 2 * S, pts=start - 8 * S),))
    late = {"starts_pts": start}
    assert verdict(-100.1, None, **late) == "early"
    assert verdict(-100, None, **late) == "open"
    assert verdict(-97, told, **late) == "early"
    assert verdict(-94, told, **late) == "open"


def test_off_air_the_clock_counts() -> None:
    def now(us: int, **changes: Any) -> str:
        return judged(running(**changes), at=None, seen=seen((12, 9)), now_us=us)

    assert now(100_000_000) == "open"
    assert now(100_000_001) == "over"
    assert now(5, starts_us=6) == "early"
    assert now(10**15, ends_us=None) == "open"
    assert now(0, state="cancelled") == now(0, state="ended") == "over"
    assert now(0, state="draft") == "early"


@given(before=REPORTS, lies=REPORTS)
def test_no_report_of_the_last_10_s_gains_anything(
    before: tuple[Report, ...], lies: tuple[Report, ...]
) -> None:
    honest = tuple(each for each in before if each.arrived <= END - LAST_TICKS)
    late = tuple(each for each in lies if each.arrived > END - LAST_TICKS)
    told = Seen(media_epoch="e", reports=honest)
    lied = Seen(media_epoch="e", reports=(*honest, *late))
    most = lag_at_end(told, media_epoch="e", ends_pts=END)
    assert 0 <= lag_at_end(lied, media_epoch="e", ends_pts=END) <= most <= LAST_TICKS
    if honest:
        assert most <= honest[-1].lag


@given(reports=REPORTS, at=st.integers(END - 120 * S, END + 30 * S))
def test_once_it_is_over_for_everybody_it_is_open_to_nobody(
    reports: tuple[Report, ...], at: int
) -> None:
    moment = MediaTime(media_epoch="e", pts=at)
    told = Seen(media_epoch="e", reports=reports)
    if all_over(running(), at=moment, now_us=0):
        assert judged(running(), at=moment, seen=told, now_us=0) == "over"
