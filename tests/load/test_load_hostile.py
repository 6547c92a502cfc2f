"""Viewers beside those who do not read, and those who never end their request."""

from pathlib import Path

import pytest

from bench.fanout.air import Air
from bench.fanout.load import Crowd
from bench.fanout.stage import OPEN_DOOR, Outcome, Piece, play

NOISE = 4.0
"""By how much the 99th percentile may differ between two runs for other reasons."""

KB_PER_STALLED = 1100
"""A connection may leave that much unread before it is cut off."""


async def both(
    programs: Path, *, quiet: Crowd, loud: Crowd, seconds: float, header_timeout_s: float
) -> tuple[Outcome, Outcome]:
    """The viewers by themselves, and with the others."""
    settings = {**OPEN_DOOR, "header_timeout_s": header_timeout_s}

    async def one(crowd: Crowd, lasts_s: float) -> Outcome:
        piece = Piece(what="hostile", kind="comptoir", crowd=crowd, air=Air(), seconds=lasts_s)
        return await play(piece, programs=programs, settings=settings)

    return await one(quiet, min(seconds, 5.0)), await one(loud, seconds)


def judge(alone: Outcome, beside: Outcome) -> None:
    """Nobody was lost or late, memory is bounded, and the slow heads are gone."""
    for outcome in (alone, beside):
        assert outcome.result.errors == {}
        assert outcome.result.counts["skipped"] == 0
        assert outcome.result.connected == outcome.piece.crowd.viewers
    before, after = alone.result.delivery, beside.result.delivery
    assert before is not None
    assert after is not None
    half_a_part_ms = beside.piece.air.part_s * 500
    assert after.p99 <= max(NOISE * before.p99, half_a_part_ms)
    crowd = beside.piece.crowd
    bound_kb = KB_PER_STALLED * crowd.slow + 20 * (crowd.loris + crowd.viewers) + 30_000
    assert beside.rss_kb - alone.rss_kb < bound_kb
    assert beside.result.counts["loris_closed"] == crowd.loris


async def test_viewers_do_not_notice_them(programs: Path) -> None:
    quiet = Crowd(pull=100, push=100)
    loud = Crowd(pull=100, push=100, slow=100, slow_push=True, loris=300, drip_ms=100)
    judge(*await both(programs, quiet=quiet, loud=loud, seconds=5, header_timeout_s=1))


@pytest.mark.soak
@pytest.mark.timeout(200)
@pytest.mark.parametrize("slow_push", [True, False])
async def test_a_thousand_viewers_do_not_notice_thousands(programs: Path, slow_push: bool) -> None:
    quiet = Crowd(pull=500, push=500)
    loud = Crowd(pull=500, push=500, slow=500, slow_push=slow_push, loris=2000)
    alone, beside = await both(programs, quiet=quiet, loud=loud, seconds=30, header_timeout_s=10)
    judge(alone, beside)
    lingered = beside.result.loris_lingered
    assert lingered is not None
    assert lingered.max <= 15_000
    assert beside.result.counts["slow_closed"] == 500
