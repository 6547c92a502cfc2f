"""The choice of a ladder: within the budget, and none within it is better by more than it says."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.tune.choice import (
    NEARLY,
    Candidate,
    choose,
    fastest_line_bps,
    may_follow,
    worth,
)

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        label=st.just(""),
        bandwidth_bps=st.integers(2, 80).map(lambda n: n * 100_000),
        bitrate_bps=st.integers(1, 60).map(lambda n: n * 100_000),
        height=st.sampled_from([180, 360, 480, 720]),
        cores=st.integers(1, 40).map(lambda n: n / 100),
        quality=st.integers(10, 100).map(float),
    ),
    min_size=1,
    max_size=7,
)


def every_ladder(candidates: list[Candidate], most: int) -> list[tuple[Candidate, ...]]:
    """By brute force, lowest rung first."""
    ordered = sorted(candidates, key=lambda one: one.bandwidth_bps)
    return [
        rungs
        for count in range(1, most + 1)
        for rungs in itertools.combinations(ordered, count)
        if all(may_follow(a, b) for a, b in itertools.pairwise(rungs))
    ]


@settings(max_examples=150, deadline=None)
@given(CANDIDATES, st.floats(0.05, 1.0), st.integers(1, 4), st.integers(4, 90))
def test_it_keeps_the_budget_and_nothing_within_it_is_better(
    candidates: list[Candidate], cores: float, most: int, hundred_kbps: int
) -> None:
    limit_bps = hundred_kbps * 100_000
    usable = [c for c in candidates if c.cores <= cores and c.bandwidth_bps <= limit_bps]
    found = choose(candidates, cores=cores, max_rungs=most, bandwidth_bps=limit_bps)
    if not usable:
        assert found is None
        return
    assert found is not None
    assert found.cores <= cores + 1e-9
    assert found.cores == pytest.approx(sum(rung.cores for rung in found.rungs))
    assert 1 <= len(found.rungs) <= most
    assert all(rung.bandwidth_bps <= limit_bps for rung in found.rungs)
    assert all(may_follow(a, b) for a, b in itertools.pairwise(found.rungs))
    fastest = fastest_line_bps(usable)
    allowed = [
        rungs for rungs in every_ladder(usable, most) if sum(rung.cores for rung in rungs) <= cores
    ]
    best = max(worth(rungs, fastest) for rungs in allowed)
    assert found.worth >= best - NEARLY - 1e-9
    near = [rungs for rungs in allowed if worth(rungs, fastest) >= best - NEARLY + 1e-9]
    cheapest = min((sum(rung.cores for rung in rungs) for rungs in near), default=found.cores)
    assert found.cores <= cheapest + 1e-9


def rung(bandwidth_bps: int, quality: float, cores: float, height: int = 360) -> Candidate:
    return Candidate(
        label=f"{bandwidth_bps}",
        bandwidth_bps=bandwidth_bps,
        bitrate_bps=bandwidth_bps,
        height=height,
        cores=cores,
        quality=quality,
    )


def test_a_tight_budget_drops_the_rung_that_is_least_worth_its_cores() -> None:
    low, middle, top = rung(500_000, 60, 0.1), rung(1_000_000, 75, 0.1), rung(3_000_000, 90, 0.5)
    whole = choose([low, middle, top], cores=1, max_rungs=4)
    assert whole is not None
    assert whole.rungs == (low, middle, top)
    tight = choose([low, middle, top], cores=0.3, max_rungs=4)
    assert tight is not None
    assert tight.rungs == (low, middle)


def test_a_core_for_a_hundredth_of_quality_is_not_paid() -> None:
    plain, slow = rung(3_000_000, 90.0, 0.2), rung(3_000_000, 90.2, 1.0)
    found = choose([plain, slow], cores=2, max_rungs=1)
    assert found is not None
    assert found.rungs == (plain,)


def test_a_profile_could_not_have_these_rungs_together() -> None:
    tall, wide = rung(500_000, 50, 0.1, height=720), rung(2_000_000, 80, 0.1, height=360)
    found = choose([tall, wide], cores=1, max_rungs=2)
    assert found is not None
    assert len(found.rungs) == 1
