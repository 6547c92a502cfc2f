"""What `bench.ingest` prints. Pure."""

from collections.abc import Iterator, Sequence

from bench.ingest.cpu import CpuResult
from bench.ingest.figures import FREEZE_S, LONG_FREEZE_S, Outcome
from bench.ingest.run import Carried, ProfileResult
from bench.report import Figure, percentile

COLUMNS = (
    "profile", "lost", "shown", ">200", ">500", "max ms", "skew ms", "after", "back s", "cuts",
)  # fmt: skip
TOO_LATE_MS = 100.0


def rows_of(results: Sequence[ProfileResult]) -> list[tuple[str, ...]]:
    """Two rows a profile: ours and the peer's, unless that one's packets evaded their line."""
    rows = []
    for result in results:
        rows.append(_row(result.profile, result.line, result.ours))
        if result.stock is not None and result.stock_line is not None and not result.peer_evaded:
            rows.append(_row("  aiortc", result.stock_line, result.stock))
    return rows


def figures_of(
    results: Sequence[ProfileResult], cpu: CpuResult | None, idle_share: float
) -> dict[str, Figure]:
    """The figures of the JSON line."""
    ours = {result.profile: result.ours for result in results}
    stock = {r.profile: r.stock for r in results if r.stock is not None and not r.peer_evaded}
    skews = [p95 for each in ours.values() if (p95 := each.skew_p95_ms()) is not None]
    return {
        "idle_share": idle_share,
        "frames_share_2pct": _share(ours.get("random-2")),
        "freezes_500ms_2pct": _rate(ours.get("random-2"), 300),
        "freezes_500ms_burst": _rate(ours.get("burst-5"), 60),
        "skew_p95_ms": max(skews, default=None),
        "cpu_vs_aiortc": cpu.ratio if cpu else None,
        "cpu_ms_per_mbit": percentile(cpu.ours_ms, 0.5) if cpu else None,
        "aiortc_cpu_ms_per_mbit": percentile(cpu.stock_ms, 0.5) if cpu else None,
        "aiortc_frames_share_2pct": _share(stock.get("random-2")),
        "aiortc_freezes_500ms_2pct": _rate(stock.get("random-2"), 300),
        "aiortc_freezes_500ms_burst": _rate(stock.get("burst-5"), 60),
    }


def notes_of(results: Sequence[ProfileResult]) -> Iterator[str]:
    """Sentences about runs that are not what they seem."""
    for result in results:
        late_ms = max(result.late_ms, result.latest_ms)
        if late_ms > TOO_LATE_MS:
            yield (
                f"{result.profile}: the publisher or a relay was {late_ms:.0f} ms late; "
                "the machine was too busy, and the freezes may be its own."
            )
        if result.holes:
            yield f"{result.profile}: the viewer missed parts {result.holes} times."
        if result.peer_evaded:
            yield f"{result.profile}: the peer's packets evaded their line; it has no row."
        for line in (result.line, result.stock_line):
            if line is not None and line.overflowed:
                yield (
                    f"{result.profile}: a relay dropped {line.overflowed} datagrams that the "
                    "profile would have let pass; this is no measurement."
                )


def _row(name: str, line: Carried, outcome: Outcome) -> tuple[str, ...]:
    return (
        name,
        f"{line.lost_share:.1%}",
        f"{outcome.share:.1%}",
        str(outcome.freezes_over(FREEZE_S)),
        str(outcome.freezes_over(LONG_FREEZE_S)),
        f"{max(outcome.freezes, default=0) * 1000:.0f}",
        _skews(outcome.skews_before_ms),
        _skews(outcome.skews_after_ms),
        "–" if outcome.recover_s is None else f"{outcome.recover_s:.2f}",
        str(outcome.discontinuities),
    )


def _skews(skews_ms: Sequence[float]) -> str:
    if not skews_ms:
        return "–"
    sizes = [abs(skew) for skew in skews_ms]
    return f"{percentile(sizes, 0.5):.0f}/{percentile(sizes, 0.95):.0f}"


def _share(outcome: Outcome | None) -> float | None:
    return None if outcome is None else outcome.share


def _rate(outcome: Outcome | None, per_s: float) -> float | None:
    """Freezes over 500 ms in so many seconds."""
    if outcome is None or not outcome.span_s:
        return None
    return outcome.freezes_over(LONG_FREEZE_S) * per_s / outcome.span_s
