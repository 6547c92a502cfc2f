"""Viewers beside those who do not read, and those who never end their request.

What viewers get is compared with what they get without the others, in turns: what else the machine
does meanwhile disturbs both.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from bench.fanout.air import Air
from bench.fanout.load import Crowd
from bench.fanout.stage import OPEN_DOOR, Outcome, Piece, play

SLOWDOWN = 2.0
"""By how much the 99th percentile of delivery may grow, …"""
FLOOR_MS = 30.0
"""… beyond what two runs differ by anyhow."""

KB_PER_SLOW = 64
"""What they do not read is shared: theirs alone are the connection and what is waiting by name."""
FLOOR_KB = 4_000
"""By how much two processes differ that did the same; the slow heads are gone by then."""

ROUNDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Each round without the others, and with them."""

    alone: list[Outcome]
    beside: list[Outcome]


async def in_turns(
    programs: Path, *, quiet: Crowd, loud: Crowd, seconds: float, header_timeout_s: float
) -> Pairs:
    """Without, with, without, with."""
    settings = {**OPEN_DOOR, "header_timeout_s": header_timeout_s}
    pairs = Pairs(alone=[], beside=[])
    for _ in range(ROUNDS):
        for crowd, outcomes in ((quiet, pairs.alone), (loud, pairs.beside)):
            lasts_s = min(seconds, 5.0) if crowd is quiet else seconds
            piece = Piece(what="hostile", kind="comptoir", crowd=crowd, air=Air(), seconds=lasts_s)
            outcomes.append(await play(piece, programs=programs, settings=settings))
    return pairs


def p99_ms(outcomes: list[Outcome]) -> float:
    """The median of the rounds' 99th percentiles of delivery."""
    spreads = [outcome.result.delivery for outcome in outcomes]
    return median(spread.p99 for spread in spreads if spread is not None)


def judge(pairs: Pairs) -> None:
    """Nobody was lost or late, memory is bounded, and the slow heads are gone."""
    for outcome in (*pairs.alone, *pairs.beside):
        assert outcome.result.errors == {}
        assert outcome.result.counts["skipped"] == 0
        assert outcome.result.connected == outcome.piece.crowd.viewers
        assert outcome.result.delivery is not None
        assert outcome.result.counts["loris_closed"] == outcome.piece.crowd.loris
    crowd = pairs.beside[0].piece.crowd
    before, after = p99_ms(pairs.alone), p99_ms(pairs.beside)
    grown_kb = median(each.rss_kb for each in pairs.beside) - median(
        each.rss_kb for each in pairs.alone
    )
    print(f"p99 {before:.1f} -> {after:.1f} ms, {grown_kb:.0f} KB more")
    assert after <= SLOWDOWN * before + FLOOR_MS
    assert grown_kb < KB_PER_SLOW * crowd.slow + FLOOR_KB


@pytest.mark.parametrize("slow_push", [True, pytest.param(False, marks=pytest.mark.soak)])
async def test_viewers_do_not_notice_them(programs: Path, slow_push: bool) -> None:
    quiet = Crowd(pull=100, push=100)
    loud = Crowd(pull=100, push=100, slow=100, slow_push=slow_push, loris=300, drip_ms=100)
    judge(await in_turns(programs, quiet=quiet, loud=loud, seconds=3, header_timeout_s=1))


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("slow_push", [True, False])
async def test_a_thousand_viewers_do_not_notice_thousands(programs: Path, slow_push: bool) -> None:
    quiet = Crowd(pull=500, push=500)
    loud = Crowd(pull=500, push=500, slow=500, slow_push=slow_push, loris=2000)
    pairs = await in_turns(programs, quiet=quiet, loud=loud, seconds=30, header_timeout_s=10)
    judge(pairs)
    for beside in pairs.beside:
        lingered = beside.result.loris_lingered
        assert lingered is not None
        assert lingered.max <= 15_000
        assert beside.result.counts["slow_closed"] == 500
