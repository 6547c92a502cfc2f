"""What a rule is: an id, a level, a clause, and a function from what was seen to findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mediaserver.check.seen import Observation

Level = Literal["MUST", "SHOULD"]
Judge = Callable[[Observation], Iterable[str]]


class NotSeen(Exception):
    """A rule cannot be judged by what was seen; the message says what was missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `judge` yields a sentence for each finding; raises `NotSeen`."""

    id: str
    level: Level
    clause: str
    says: str
    """The rule itself, in a line."""
    judge: Judge


class Rules:
    """The rules of one family, in the order in which they are written down."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def must(self, name: str, clause: str) -> Callable[[Judge], Judge]:
        """Register a MUST; the function's docstring is what the rule says."""
        return self._add(name, "MUST", clause)

    def should(self, name: str, clause: str) -> Callable[[Judge], Judge]:
        """Register a SHOULD."""
        return self._add(name, "SHOULD", clause)

    def _add(self, name: str, level: Level, clause: str) -> Callable[[Judge], Judge]:
        def keep(judge: Judge) -> Judge:
            says = (judge.__doc__ or "").strip()
            self._rules.append(Rule(id=name, level=level, clause=clause, says=says, judge=judge))
            return judge

        return keep


def needed(things: Iterable[object], what: str) -> None:
    """Raise `NotSeen` unless there is one."""
    if not any(True for _ in things):
        raise NotSeen(what)
