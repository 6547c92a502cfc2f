"""Which rungs make the best ladder under a budget. Pure and exact.

Viewers' lines are taken as spread evenly over a scale of factors, from `SLOWEST_BPS` to twice the
best rung that may be. Each viewer gets the best rung whose BANDWIDTH their line carries; one below
the lowest rung gets nothing. The *worth* of a ladder is the mean quality over these viewers, and of
all ladders within `NEARLY` of the best that the budget allows, the cheapest is taken: the last
hundredth of quality is not worth a core.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLOWEST_BPS = 300_000
NEARLY = 0.5
"""Of 100 points of quality."""
STEP = 1.3
"""Rungs lie at least this factor apart: less is no step for a viewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rung that may be taken."""

    label: str
    bandwidth_bps: int
    bitrate_bps: int
    height: int
    cores: float
    quality: float
    """0 to 100."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A choice, lowest rung first."""

    rungs: tuple[Candidate, ...]
    cores: float
    worth: float


@dataclass(frozen=True, slots=True)
class _Partial:
    """A ladder as far as its top rung; `reached` is what the viewers below that rung get."""

    rungs: tuple[Candidate, ...]
    cores: float
    reached: float

    def dominates(self, other: "_Partial") -> bool:
        return (
            self.cores <= other.cores
            and self.reached >= other.reached
            and len(self.rungs) <= len(other.rungs)
        )


def choose(
    candidates: Iterable[Candidate],
    *,
    cores: float,
    max_rungs: int,
    bandwidth_bps: int | None = None,
    nearly: float = NEARLY,
) -> Ladder | None:
    """The ladder to take: at most `cores` for its rungs, at most `max_rungs` of them, none above
    `bandwidth_bps`. None when not even one rung fits.
    """
    usable = sorted(
        (
            one
            for one in candidates
            if one.cores <= cores and (bandwidth_bps is None or one.bandwidth_bps <= bandwidth_bps)
        ),
        key=lambda one: (one.bandwidth_bps, one.cores, -one.quality),
    )
    if not usable:
        return None
    fastest_bps = fastest_line_bps(usable)
    ladders = [
        _closed(partial, fastest_bps)
        for partials in _all_partials(usable, cores=cores, max_rungs=max_rungs)
        for partial in partials
    ]
    best = max(ladder.worth for ladder in ladders)
    good = [ladder for ladder in ladders if ladder.worth >= best - nearly]
    return min(good, key=lambda ladder: (ladder.cores, len(ladder.rungs), -ladder.worth))


def fastest_line_bps(candidates: Sequence[Candidate]) -> float:
    """The fastest viewer's line."""
    return 2.0 * max(SLOWEST_BPS, *(one.bandwidth_bps for one in candidates))


def worth(rungs: Sequence[Candidate], fastest_bps: float) -> float:
    """The mean quality that viewers get of `rungs`, lowest first."""
    total = 0.0
    ends = [*(rung.bandwidth_bps for rung in rungs[1:]), fastest_bps]
    for rung, end_bps in zip(rungs, ends, strict=True):
        total += rung.quality * _octaves(rung.bandwidth_bps, end_bps)
    return total / _octaves(SLOWEST_BPS, fastest_bps)


def may_follow(lower: Candidate, upper: Candidate) -> bool:
    """Whether a profile may have `upper` above `lower`, and whether that makes sense."""
    return (
        upper.bandwidth_bps >= STEP * lower.bandwidth_bps
        and upper.bitrate_bps > lower.bitrate_bps
        and upper.height >= lower.height
        and upper.quality > lower.quality
    )


def _octaves(from_bps: float, to_bps: float) -> float:
    """The share of viewers between two lines."""
    return max(0.0, math.log2(max(to_bps, SLOWEST_BPS) / max(from_bps, SLOWEST_BPS)))


def _all_partials(
    usable: Sequence[Candidate], *, cores: float, max_rungs: int
) -> list[list[_Partial]]:
    """For each candidate the ladders that end with it and that no other such ladder beats."""
    ending: list[list[_Partial]] = []
    for index, top in enumerate(usable):
        found = [_Partial((top,), top.cores, 0.0)]
        for below in ending[:index]:
            for partial in below:
                last = partial.rungs[-1]
                total = partial.cores + top.cores
                if len(partial.rungs) >= max_rungs or total > cores or not may_follow(last, top):
                    continue
                gained = last.quality * _octaves(last.bandwidth_bps, top.bandwidth_bps)
                found.append(_Partial((*partial.rungs, top), total, partial.reached + gained))
        ending.append(_undominated(found))
    return ending


def _undominated(partials: list[_Partial]) -> list[_Partial]:
    kept: list[_Partial] = []
    for one in sorted(partials, key=lambda p: (p.cores, -p.reached, len(p.rungs))):
        if not any(other.dominates(one) for other in kept):
            kept.append(one)
    return kept


def _closed(partial: _Partial, fastest_bps: float) -> Ladder:
    return Ladder(partial.rungs, partial.cores, worth(partial.rungs, fastest_bps))
