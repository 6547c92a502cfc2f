"""What is tried: every combination once, nothing that a profile forbids."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.profiles import Profile
from transcoder.tune.errors import TuneError
from transcoder.tune.variants import Sweep, fingerprint, variants_of


def test_presets_times_bitrates_and_the_rest_one_at_a_time(
    make_profile: Callable[..., Profile],
) -> None:
    sweep = Sweep(
        presets=("ultrafast", "superfast"), bitrates=(0.5, 1), scalers=("area",), frame_rates=(15,)
    )
    variants, notes = variants_of([make_profile("one"), make_profile("two")], ["one"], sweep)
    assert [variant.label for variant in variants] == [
        "one",
        "one, bitrate 0.5",
        "one, preset superfast, bitrate 0.5",
        "one, preset superfast",
        "one, scaler area",
        "one, fps 15",
    ]
    assert notes == []
    assert variants[-1].profile.frames_per_second == 15
    assert [rung.bitrate_bps for rung in variants[1].profile.rungs] == [150_000, 75_000]


def test_what_a_profile_forbids_is_left_out_and_said(make_profile: Callable[..., Profile]) -> None:
    sweep = Sweep(presets=("warp",), frame_rates=(7,))
    variants, notes = variants_of([make_profile("one")], ["one"], sweep)
    assert [variant.label for variant in variants] == ["one"]
    assert [one.places["what"] for one in notes] == ["one, preset warp", "one, fps 7"]
    assert all("In the profile" in one.places["why"] for one in notes)


def test_a_name_makes_no_difference_and_too_many_are_refused(
    make_profile: Callable[..., Profile],
) -> None:
    assert fingerprint(make_profile("a")) == fingerprint(make_profile("b"))
    assert fingerprint(make_profile("a")) != fingerprint(make_profile("a", preset="faster"))
    factors = tuple(0.2 + n / 1000 for n in range(500))
    with pytest.raises(TuneError, match="fewer values"):
        variants_of([make_profile("a", bitrate_bps=5_000_000)], ["a"], Sweep(bitrates=factors))


@given(
    st.lists(st.text(max_size=12), max_size=3),
    st.lists(st.floats(0.01, 50), max_size=3),
    st.lists(st.integers(-5, 200), max_size=3),
)
def test_no_sweep_makes_a_profile_that_is_none(
    presets: list[str], bitrates: list[float], rates: list[int]
) -> None:
    sweep = Sweep(presets=tuple(presets), bitrates=tuple(bitrates), frame_rates=tuple(rates))
    variants, _ = variants_of([Profile()], ["default"], sweep)
    for variant in variants:
        assert Profile.from_plain(variant.profile.to_plain()) == variant.profile
