"""From what was seen to verdicts. Pure."""

from dataclasses import dataclass
from typing import Literal

from mediaserver.check.rules import RULES
from mediaserver.check.rules.base import NotSeen, Rule
from mediaserver.check.seen import Observation

MAX_SENTENCES = 5
"""Of one rule; how many more there were is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule came to."""

    rule: Rule
    outcome: Literal["kept", "broken", "not seen"]
    sentences: tuple[str, ...]
    """Findings; for "not seen" what was missing."""
    count: int
    """How many findings there were."""


def judge(seen: Observation) -> list[Verdict]:
    """A verdict for each rule."""
    return [_verdict(rule, seen) for rule in RULES]


def _verdict(rule: Rule, seen: Observation) -> Verdict:
    try:
        found = list(rule.judge(seen))
    except NotSeen as exc:
        return Verdict(rule=rule, outcome="not seen", sentences=(str(exc),), count=0)
    except (ArithmeticError, LookupError, ValueError) as exc:
        reason = f"what was seen makes no sense to it: {type(exc).__name__}: {exc}"
        return Verdict(rule=rule, outcome="not seen", sentences=(reason,), count=0)
    return Verdict(
        rule=rule,
        outcome="broken" if found else "kept",
        sentences=tuple(found[:MAX_SENTENCES]),
        count=len(found),
    )
