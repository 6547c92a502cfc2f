"""From outcomes to the table and the figures. Pure."""

from collections.abc import Sequence
from statistics import median

from bench.fanout.load import Spread
from bench.fanout.stage import Outcome
from bench.report import Figure

COLUMNS = (
    "what",
    "server",
    "viewers",
    "µs",
    "core",
    "wake",
    "delivery",
    "cue",
    "KB",
    "load",
    "others",
    "held",
)


def row(outcome: Outcome) -> tuple[str, ...]:
    """An outcome for people."""
    result, crowd = outcome.result, outcome.piece.crowd
    watching = crowd.pull + crowd.poll + crowd.push
    sockets = f" + {crowd.events} sockets" if crowd.events else ""
    return (
        outcome.piece.what,
        outcome.piece.kind,
        f"{watching}{sockets}" if watching else f"{crowd.events} sockets",
        f"{outcome.us_per_part:.1f}" if result.parts else "–",
        f"{outcome.core_share:.0%}",
        _spread(result.wake),
        _spread(result.delivery),
        _spread(result.cue),
        f"{outcome.rss_kb_per_viewer:.1f}",
        f"{result.cpu_s / outcome.seconds:.0%}",
        f"{outcome.interference:.0%}",
        "yes" if outcome.held else f"no {dict(result.errors) or ''}".strip(),
    )


def figures(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """The keys that `bench/fanout` promises; None for what was not played."""
    pull, push = _most(outcomes, "pull"), _most(outcomes, "push")
    return {
        "idle_share": min((o.idle_share for o in outcomes), default=None),
        "interference": max((o.interference for o in outcomes), default=None),
        "feeder_core": max((o.feeder_cpu_s / o.seconds for o in outcomes), default=None),
        "pull_p99_ms": _p99(_at(outcomes, "pull", "comptoir", pull), "delivery"),
        "pull_wake_p99_ms": _p99(_at(outcomes, "pull", "comptoir", pull), "wake"),
        "pull_cpu_us": _cost(outcomes, "pull", "comptoir", pull),
        "pull_cpu_vs_c": _ratio(outcomes, "pull", "comptoir", "c", pull),
        "aiohttp_vs_pull_cpu": _ratio(outcomes, "pull", "aiohttp", "comptoir", 2000),
        "push_p99_ms": _p99(_at(outcomes, "push", "comptoir", push), "delivery"),
        "push_cpu_us": _cost(outcomes, "push", "comptoir", push),
        "push_cpu_vs_c": _ratio(outcomes, "push", "comptoir", "c", push),
        "cue_p99_ms": _p99([o for o in outcomes if o.piece.what == "cue"], "cue"),
        "mixed_cue_p99_ms": _p99([o for o in outcomes if o.piece.what == "mixed"], "cue"),
        "rss_per_pull_kb": _rss(_at(outcomes, "pull", "comptoir", pull)),
        "viewers": _held(outcomes, "pull"),
        "viewers_push": _held(outcomes, "push"),
        "viewers_low": _held(outcomes, "low"),
        "viewers_ultra": _held(outcomes, "ultra"),
        "viewers_low_push": _held(outcomes, "low push"),
        "viewers_ultra_push": _held(outcomes, "ultra push"),
    }


def _watching(outcome: Outcome) -> int:
    crowd = outcome.piece.crowd
    return crowd.pull + crowd.poll + crowd.push


def _most(outcomes: Sequence[Outcome], what: str) -> int:
    """The most viewers with which the bare server was tried, so that ours can be beside it."""
    tried = [_watching(o) for o in outcomes if o.piece.what == what and o.piece.kind == "c"]
    return max(tried, default=0)


def _at(outcomes: Sequence[Outcome], what: str, kind: str, viewers: int) -> list[Outcome]:
    return [
        o for o in outcomes if (o.piece.what, o.piece.kind, _watching(o)) == (what, kind, viewers)
    ]


def _cost(outcomes: Sequence[Outcome], what: str, kind: str, viewers: int) -> float | None:
    costs = [o.us_per_part for o in _at(outcomes, what, kind, viewers) if o.result.parts]
    return median(costs) if costs else None


def _ratio(
    outcomes: Sequence[Outcome], what: str, over: str, under: str, viewers: int
) -> float | None:
    """The CPU of one over that of another at as many viewers, by the medians of their pieces."""
    dividend, divisor = (_cost(outcomes, what, kind, viewers) for kind in (over, under))
    return None if dividend is None or divisor is None else dividend / divisor


def _p99(outcomes: Sequence[Outcome], spread: str) -> float | None:
    """The worst of the pieces' 99th percentiles."""
    found: list[Spread] = [s for o in outcomes if (s := getattr(o.result, spread)) is not None]
    return max((s.p99 for s in found), default=None)


def _rss(outcomes: Sequence[Outcome]) -> float | None:
    return median(o.rss_kb_per_viewer for o in outcomes) if outcomes else None


def _held(outcomes: Sequence[Outcome], what: str) -> int | None:
    ours = [o for o in outcomes if o.piece.what == what and o.piece.kind == "comptoir"]
    if not ours:
        return None
    return max((_watching(o) for o in ours if o.held), default=0)


def _spread(spread: Spread | None) -> str:
    return "–" if spread is None else f"{spread.p50:.0f}/{spread.p99:.0f}/{spread.max:.0f}"
