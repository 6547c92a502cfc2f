"""An origin that is right passes; one that errs in one place breaks exactly the rules it should."""

import asyncio
from typing import Any

import pytest

from mediaserver.check.command import check
from mediaserver.check.judge import Verdict
from mediaserver.check.rules import RULES
from tests.mediaserver.check.flaws import Variant
from tests.mediaserver.check.variants import VARIANTS

SECONDS = 2.5
TOGETHER = 10
"""Checks at a time: more would wait for each other and be judged for it."""
TIMED = {"PL-25", "BR-11", "PH-03", "PH-04", "PL-20", "BR-04", "BR-05", "BR-08"}
"""Rules about durations, which a machine with no time to spare breaks."""


def broken(verdicts: list[Verdict]) -> dict[str, tuple[str, ...]]:
    return {v.rule.id: v.sentences for v in verdicts if v.outcome == "broken"}


async def test_an_origin_that_is_right_passes(origins: Any, flaw: Any) -> None:
    seen, verdicts = await check(origins.add(flaw()), seconds=4.0, timeout_s=20.0)
    found = broken(verdicts)
    assert {rule: said for rule, said in found.items() if rule not in TIMED} == {}
    unseen = {v.rule.id for v in verdicts if v.outcome == "not seen"}
    assert unseen == {"HT-15", "MV-09"}
    assert all(rendition.decoded for rendition in seen.renditions)


async def test_a_show_that_changes_its_ladder_is_judged_by_the_index_of_that_time(
    origins: Any, flaw: Any
) -> None:
    right, stale = await asyncio.gather(
        *(
            check(origins.add(flaw(turn=13, told=told)), seconds=5.0, timeout_s=20.0)
            for told in (True, False)
        )
    )
    seen, verdicts = right
    assert {rule: said for rule, said in broken(verdicts).items() if rule not in TIMED} == {}
    assert all(len(rendition.inits) == 2 for rendition in seen.renditions)
    assert set(broken(stale[1])) - TIMED == {"MV-04"}


async def test_of_a_show_that_has_just_begun_nothing_is_past_yet(origins: Any, flaw: Any) -> None:
    seen, verdicts = await check(origins.add(flaw(before=1)), seconds=2.0, timeout_s=20.0)
    [whole], [past] = seen.probe("whole"), seen.probe("past segment")
    assert past.target == whole.target == (0, None)
    assert past.reply.sent_s >= whole.reply.done_s
    assert set(broken(verdicts)) & {"BR-02", "BR-08"} == set()


@pytest.mark.timeout(240)
async def test_each_variant_breaks_the_rules_it_should(origins: Any, flaw: Any) -> None:
    async def judged(
        variant: Variant, slots: asyncio.Semaphore, seconds: float
    ) -> tuple[Variant, str] | None:
        async with slots:
            url = origins.add(flaw(**variant.flaw))
            _, verdicts = await check(url, seconds=seconds, timeout_s=20.0)
        found = broken(verdicts)
        missing = variant.rules - set(found)
        excess = set(found) - variant.rules - variant.may - TIMED
        if not missing and not excess:
            return None
        said = {rule: found[rule][0] for rule in excess}
        return variant, f"{variant.name}: missing {missing}, excess {said}"

    async def look(variants: list[Variant], together: int, seconds: float) -> list[Any]:
        slots = asyncio.Semaphore(together)
        told = await asyncio.gather(*(judged(each, slots, seconds) for each in variants))
        return [each for each in told if each]

    # Ten at a time a check may see too little: what is wrong then is looked at longer, by four.
    doubtful = await look(VARIANTS, TOGETHER, SECONDS)
    wrong = await look([variant for variant, _ in doubtful], 4, 2 * SECONDS)
    assert [said for _, said in wrong] == []


def test_there_is_a_variant_for_every_rule_that_must_be_kept() -> None:
    musts = {rule.id for rule in RULES if rule.level == "MUST"}
    tried = {name for variant in VARIANTS for name in variant.rules}
    assert tried <= {rule.id for rule in RULES}
    assert musts - tried == set()
