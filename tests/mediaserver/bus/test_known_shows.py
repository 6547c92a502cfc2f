"""Which shows a gateway follows where there are more than it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.bus import known_shows
from mediaserver.bus.known_shows import SILENT_MS

NOW_MS = 1_760_000_000_000.0


def test_who_speaks_comes_before_who_does_not_and_who_is_followed_before_who_is_new() -> None:
    silent_ms = NOW_MS - SILENT_MS - 1
    known = [
        ("a-silent", silent_ms),
        ("b-silent-followed", silent_ms - 1),
        ("c-old-followed", NOW_MS - SILENT_MS),
        ("y-new", NOW_MS - 1),
        ("z-newest", NOW_MS),
    ]
    followed = {"b-silent-followed", "c-old-followed"}
    ranked = ["c-old-followed", "z-newest", "y-new", "b-silent-followed", "a-silent"]
    for most in range(6):
        assert known_shows.to_follow(known, followed, most=most) == ranked[:most]


@given(
    scores=st.dictionaries(st.text(max_size=3), st.floats(0, 2e12), max_size=30),
    followed=st.sets(st.text(max_size=3)),
    most=st.integers(0, 12),
)
def test_the_choice_is_stable_and_bounded(
    scores: dict[str, float], followed: set[str], most: int
) -> None:
    known = list(scores.items())
    chosen = known_shows.to_follow(known, followed, most=most)
    assert len(chosen) == len(set(chosen)) == min(most, len(known))
    assert set(known_shows.to_follow(reversed(known), chosen, most=most)) == set(chosen)


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_any_answer_is_read_or_refused(flat: list[bytes]) -> None:
    try:
        known = known_shows.read(flat, but=())
    except ValueError:
        return
    assert len(known) == len(flat) / 2


def test_our_own_shows_are_passed_over() -> None:
    assert known_shows.read([b"a", b"1", b"b", b"2.5"], but={"a"}) == [("b", 2.5)]
    with pytest.raises(ValueError, match="could not convert"):
        known_shows.read([b"a", b"x"], but=())
