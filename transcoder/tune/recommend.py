"""From measurements to a profile: the rungs on the hull, the best ladder of them, its YAML. Pure
but for the profile loader, which looks into the files that a slate names.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from transcoder.profile_files import load_profile
from transcoder.tune.choice import Candidate, Ladder, choose
from transcoder.tune.hull import upper_hull
from transcoder.tune.values import (
    Budget,
    MetricName,
    Recommendation,
    RungResult,
    VariantResult,
)

JUDGED_BY: tuple[MetricName, ...] = ("vmaf", "vmaf_neg", "vmaf_phone", "ssim")
"""The metric that ladders are chosen by: the first of these that was measured."""
NAME = "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One rung of one variant, as charts and choices see it."""

    label: str
    group: str
    """Rungs of one group can be in one ladder: all but the rungs is alike in their profiles."""
    plain: dict[str, Any]
    """The profile that it comes from."""
    rung: RungResult
    base_cores: float

    def quality(self, metric: MetricName) -> float:
        """0 to 100; 0 when it was not measured."""
        score = self.rung.quality.get(metric)
        return 0.0 if score is None else score.mean * (100 if metric == "ssim" else 1)


def points_of(results: Iterable[VariantResult]) -> list[Point]:
    """Every rung measured."""
    return [
        Point(
            label=result.variant.label,
            group=_group(plain, rung),
            plain=plain,
            rung=rung,
            base_cores=result.base_cores,
        )
        for result in results
        for plain in [result.variant.profile.to_plain()]
        for rung in result.rungs
    ]


def judged_by(results: Iterable[VariantResult]) -> MetricName | None:
    """The first metric of `JUDGED_BY` that every rung has."""
    rungs = [rung for result in results for rung in result.rungs]
    have = (m for m in JUDGED_BY if rungs and all(m in rung.quality for rung in rungs))
    return next(have, None)


def recommend(results: Sequence[VariantResult], budget: Budget) -> Recommendation | None:
    """The ladder to take; None when nothing was judged or nothing fits the budget.

    Rungs that every player can play come first: others are considered only where there are none of
    H.264. Frame rates are not weighed against each other: the first variant's counts.

    Raises `ProfileError` when the ladder is no profile, which would be a fault of ours.
    """
    metric = judged_by(results)
    if metric is None:
        return None
    points = _eligible(points_of(results))
    found: list[tuple[Ladder, list[Point]]] = []
    for group in _grouped(points).values():
        base_cores = max(point.base_cores for point in group)
        ladder = choose(
            _candidates(group, metric),
            cores=budget.cores - base_cores,
            max_rungs=budget.rungs,
            bandwidth_bps=budget.bandwidth_bps,
        )
        if ladder is not None:
            found.append((replace(ladder, cores=ladder.cores + base_cores), group))
    if not found:
        return None
    ladder, group = max(found, key=lambda one: (one[0].worth, -one[0].cores))
    return _recommendation(ladder, group, metric)


def hull_of(points: Iterable[Point], metric: MetricName) -> list[Point]:
    """The rate–quality hull."""
    return upper_hull(points, x=lambda p: p.rung.rate_bps, y=lambda p: p.quality(metric))


def _eligible(points: list[Point]) -> list[Point]:
    if not points:
        return []
    rate = points[0].plain["frames_per_second"]
    same_rate = [point for point in points if point.plain["frames_per_second"] == rate]
    encoded = [p for p in same_rate if p.plain.get("passthrough", "never") == "never"] or same_rate
    return [p for p in encoded if p.rung.codecs.startswith("avc")] or encoded


def _grouped(points: Iterable[Point]) -> dict[str, list[Point]]:
    groups: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        groups[point.group].append(point)
    return groups


def _group(plain: dict[str, Any], rung: RungResult) -> str:
    whole = {key: value for key, value in plain.items() if key not in ("name", "rungs", "slate")}
    return json.dumps([whole, rung.codecs.split(".")[0]], sort_keys=True)


def _candidates(group: Sequence[Point], metric: MetricName) -> list[Candidate]:
    """The points on the hull of each preset: what one preset cannot do another may, for more."""
    by_preset: defaultdict[str, list[Point]] = defaultdict(list)
    for point in group:
        by_preset[point.rung.shown_preset].append(point)
    return [
        Candidate(
            label=str(group.index(point)),
            bandwidth_bps=point.rung.bandwidth_bps,
            bitrate_bps=point.rung.settings["bitrate_bps"],
            height=point.rung.settings["height"],
            cores=point.rung.cores,
            quality=point.quality(metric),
        )
        for points in by_preset.values()
        for point in hull_of(points, metric)
    ]


def _recommendation(ladder: Ladder, group: Sequence[Point], metric: MetricName) -> Recommendation:
    best_first = [group[int(one.label)] for one in reversed(ladder.rungs)]
    plain = {
        **best_first[0].plain,
        "name": NAME,
        "rungs": [
            {**point.rung.settings, "name": name}
            for point, name in zip(best_first, _names(best_first), strict=True)
        ],
    }
    text = profile_yaml(plain, cores=ladder.cores)
    return Recommendation(
        profile=load_profile(text),
        yaml=text,
        expected_cores=ladder.cores,
        mean_quality=ladder.worth,
        metric=metric,
        chosen=tuple(point.label for point in best_first),
    )


def _names(points: Sequence[Point]) -> list[str]:
    """By height; of several of one height the second is called 720pb."""
    seen: Counter[int] = Counter()
    names = []
    for point in points:
        height = point.rung.settings["height"]
        names.append(f"{height}p{'' if not seen[height] else chr(ord('a') + seen[height])}")
        seen[height] += 1
    return names


def profile_yaml(plain: dict[str, Any], *, cores: float) -> str:
    """`plain` as a file that an operator can use."""
    body = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return (
        "# Made by `comptoir tune`: the ladder that fits the budget best on the footage it was\n"
        f"# given. Expected cost: {cores:.2f} cores a show on the machine it was measured on.\n"
        "# What every key means is in configs/profiles/default.yaml.\n"
        f"{body}"
    )
