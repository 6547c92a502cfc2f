"""The recommended ladder is a profile that loads, of rungs that were measured, in the budget."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcoder.tune.conftest import result_of, tiny
from transcoder.profile_files import load_profile
from transcoder.tune.recommend import judged_by, recommend
from transcoder.tune.values import Budget, Results, Score, VariantResult
from transcoder.tune.variants import Sweep, variants_of


def measured(**sweep: tuple[object, ...]) -> list[VariantResult]:
    variants, _ = variants_of([tiny("small")], ["small"], Sweep(**sweep))  # type: ignore[arg-type]
    return [result_of(variant) for variant in variants]


def test_the_yaml_loads_and_is_what_is_recommended(make_results: Callable[..., Results]) -> None:
    found = make_results().recommendation
    assert found is not None
    assert load_profile(found.yaml) == found.profile
    assert found.profile.name == "tuned"
    assert found.expected_cores <= 0.5
    assert len(found.chosen) == len(found.profile.rungs)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.06, 1.0), st.integers(250_000, 2_000_000), st.integers(1, 5))
def test_every_budget_is_kept(cores: float, bandwidth_bps: int, rungs: int) -> None:
    results = measured(presets=("ultrafast", "superfast"), bitrates=(0.5, 1.0, 2.0))
    budget = Budget(cores=cores, bandwidth_bps=bandwidth_bps, rungs=rungs)
    found = recommend(results, budget)
    if found is None:
        return
    assert found.expected_cores <= cores
    assert len(found.profile.rungs) <= rungs
    assert all(rung.bitrate_bps + 200_000 <= bandwidth_bps for rung in found.profile.rungs)


def test_nothing_fits_nothing_and_nothing_is_judged_without_a_metric() -> None:
    results = measured()
    assert recommend(results, Budget(cores=0.01, bandwidth_bps=None, rungs=3)) is None
    assert recommend(results, Budget(cores=9, bandwidth_bps=100_000, rungs=3)) is None
    blind = [
        replace(one, rungs=tuple(replace(rung, quality={}) for rung in one.rungs))
        for one in results
    ]
    assert recommend(blind, Budget(cores=9, bandwidth_bps=None, rungs=3)) is None


def test_a_missing_model_is_stood_in_for() -> None:
    (result,) = measured()
    rungs = tuple(
        replace(rung, quality={"ssim": Score(mean=0.9, low=0.8)}) for rung in result.rungs
    )
    assert judged_by([replace(result, rungs=rungs)]) == "ssim"
    found = recommend([replace(result, rungs=rungs)], Budget(cores=9, bandwidth_bps=None, rungs=1))
    assert found is not None
    assert found.metric == "ssim"
    assert found.mean_quality <= 90


@pytest.mark.parametrize("codecs", ["hvc1.1.6.L93.B0,mp4a.40.2", "av01.0.04M.08,mp4a.40.2"])
def test_what_every_player_can_play_comes_first(codecs: str) -> None:
    plain, other = measured(bitrates=(1.0, 0.5))
    better = tuple(
        replace(rung, codecs=codecs, quality={"vmaf": Score(mean=99, low=99)})
        for rung in other.rungs
    )
    found = recommend(
        [plain, replace(other, rungs=better)], Budget(cores=9, bandwidth_bps=None, rungs=4)
    )
    assert found is not None
    assert set(found.chosen) == {plain.variant.label}
