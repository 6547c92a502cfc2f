"""The impaired line: seeded, near its nominal figures, and nothing lost where nothing should be."""

import itertools
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.faults.link import MS, BurstLoss, Impairment, Link, RandomLoss
from bench.faults.profiles import CALM, PROFILES

SPACING_NS = 5 * MS
MANY = 20_000

impairments = st.builds(
    Impairment,
    loss=st.one_of(
        st.none(),
        st.builds(RandomLoss, share=st.floats(0, 1)),
        st.builds(BurstLoss, p=st.floats(0.001, 1), r=st.floats(0.01, 1)),
    ),
    delay_ms=st.floats(0, 500),
    spread_ms=st.floats(0, 500),
    redraw_ms=st.floats(0, 100),
    reorder_share=st.floats(0, 1),
    rate_bps=st.one_of(st.none(), st.integers(1_000, 10_000_000)),
    blackout=st.booleans(),
)


def outcome(
    impairment: Impairment, count: int, *, seed: int = 1, size: int = 1000
) -> list[int | None]:
    link = Link(seed=seed)
    return [link.schedule(size, n * SPACING_NS, impairment) for n in range(count)]


@given(impairment=impairments, seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_the_same_seed_gives_the_same_line(impairment: Impairment, seed: int) -> None:
    assert outcome(impairment, 200, seed=seed) == outcome(impairment, 200, seed=seed)


@given(impairment=impairments, sizes=st.lists(st.integers(0, 65_000), max_size=200))
@settings(max_examples=50, deadline=None)
def test_nothing_comes_out_before_it_was_sent(impairment: Impairment, sizes: list[int]) -> None:
    link = Link(seed=3)
    for n, size in enumerate(sizes):
        out_ns = link.schedule(size, n * SPACING_NS, impairment)
        assert out_ns is None or out_ns >= n * SPACING_NS
    assert link.passed + link.lost == len(sizes)


def test_a_calm_line_loses_nothing_and_delays_by_half_the_round_trip() -> None:
    assert outcome(CALM, MANY) == [n * SPACING_NS + 20 * MS for n in range(MANY)]


def test_random_loss_is_near_its_nominal_share() -> None:
    lost = outcome(PROFILES["random-2"].trouble, MANY).count(None)
    assert 0.016 < lost / MANY < 0.024


def test_bursts_are_near_their_nominal_share_and_length() -> None:
    trouble = PROFILES["burst-5"].trouble
    law = trouble.loss
    assert isinstance(law, BurstLoss)
    fate = [out is None for out in outcome(trouble, 5 * MANY)]
    bursts = [len(list(run)) for lost, run in itertools.groupby(fate) if lost]
    assert abs(law.share - 0.05) < 0.001
    assert abs(sum(fate) / len(fate) - law.share) < 0.01
    assert abs(sum(bursts) / len(bursts) - law.mean_burst) < 0.3


def test_reordering_holds_a_twentieth_back_behind_others() -> None:
    out = [at for at in outcome(PROFILES["reorder-5"].trouble, MANY) if at is not None]
    assert len(out) == MANY
    overtaken = sum(after < before for before, after in itertools.pairwise(out))
    assert 0.03 < overtaken / MANY < 0.06


def test_a_growing_and_shrinking_queue_keeps_the_order() -> None:
    out = [at or 0 for at in outcome(PROFILES["jitter-100"].trouble, MANY)]
    delays = [(at - n * SPACING_NS) / MS for n, at in enumerate(out)]
    assert out == sorted(out)
    assert min(delays) < 25
    assert max(delays) > 115


def test_a_delay_drawn_for_each_datagram_spreads_as_named() -> None:
    out = [at or 0 for at in outcome(PROFILES["delay-50"].trouble, MANY)]
    delays = [(at - n * SPACING_NS) / MS for n, at in enumerate(out)]
    assert 30 <= min(delays) < 31
    assert 69 < max(delays) <= 70


def test_a_thin_line_carries_its_rate_and_queues_no_more_than_it_may() -> None:
    trouble = PROFILES["slow-300k"].trouble
    out = [at for at in outcome(trouble, 4000) if at is not None]
    carried_bps = len(out) * 8000 / (out[-1] / 1e9)
    assert 290_000 < carried_bps < 310_000
    waits = [
        (at - n * SPACING_NS) / 1e9 for n, at in enumerate(outcome(trouble, 4000)) if at is not None
    ]
    assert max(waits) < trouble.queue_bytes * 8 / 300_000 + 0.03


def test_nothing_passes_a_blackout() -> None:
    assert set(outcome(PROFILES["blackout-5"].trouble, 100)) == {None}


def test_a_link_remembers_no_datagram() -> None:
    link = Link(seed=1)
    trouble = PROFILES["burst-5"].trouble
    link.schedule(1000, 0, trouble)
    before = sum(sys.getsizeof(value) for value in vars(link).values())
    for n in range(MANY):
        link.schedule(1000, n * SPACING_NS, trouble)
    assert sum(sys.getsizeof(value) for value in vars(link).values()) < before + 64


def test_trouble_comes_when_it_is_said_to_and_goes() -> None:
    profile = PROFILES["loss-10-5s"]
    assert not profile.troubled(9.9)
    assert profile.troubled(10)
    assert not profile.troubled(15)
    assert profile.impairment(12, from_publisher=False) is profile.trouble
    assert profile.impairment(16, from_publisher=True) is CALM
    sooner = profile.scaled(after_s=2, lasts_s=1)
    assert sooner.troubled(2.5)
    assert not sooner.troubled(3)


def test_only_the_uplink_is_thin() -> None:
    profile = PROFILES["slow-300k"]
    assert profile.impairment(11, from_publisher=False) is CALM
    assert profile.impairment(11, from_publisher=True) is profile.trouble
