"""The two curves of the report, over rates and over cores, each with its hull as a table. Pure."""

from collections import Counter
from collections.abc import Sequence

from transcoder.tune.hull import upper_hull
from transcoder.tune.recommend import Point, hull_of, judged_by, points_of
from transcoder.tune.report.cells import paragraph, score, section
from transcoder.tune.report.charts import Chart, Dot, svg
from transcoder.tune.report.tables import Column, table
from transcoder.tune.report.texts import Words
from transcoder.tune.values import MetricName, Results, RungResult


def rate_quality(results: Results, words: Words) -> str:
    """The chart over rates, and its hull as a table."""
    metric = judged_by(results.variants)
    points = points_of(results.variants)
    if metric is None or not points:
        return ""
    hull = hull_of(points, metric)
    return _charted(results, words, points, hull, metric, over="rate")


def cost_quality(results: Results, words: Words) -> str:
    """The chart over cores, and its hull as a table."""
    metric = judged_by(results.variants)
    points = [point for point in points_of(results.variants) if point.rung.cores > 0]
    if metric is None or not points:
        return ""
    hull = upper_hull(points, x=lambda p: p.rung.cores, y=lambda p: p.quality(metric))
    return _charted(results, words, points, hull, metric, over="cost")


def _charted(
    results: Results,
    words: Words,
    points: Sequence[Point],
    hull: Sequence[Point],
    metric: MetricName,
    *,
    over: str,
) -> str:
    is_rate = over == "rate"
    name = "rate_quality" if is_rate else "cost_quality"

    def x(point: Point) -> float:
        return point.rung.rate_bps if is_rate else point.rung.cores

    def x_text(value: float) -> str:
        return _short_rate(value) if is_rate else f"{value:g}"

    def x_words(value: float) -> str:
        return words.rate(value) if is_rate else words.cores(value)

    values = [point.quality(metric) for point in points]
    chart = Chart(
        id=name,
        title=words.say(name),
        description=words.say(
            "chart_of",
            count=len(points),
            x_low=x_words(min(map(x, points))),
            x_high=x_words(max(map(x, points))),
            metric=words.metric(metric),
            y_low=words.number(min(values)),
            y_high=words.number(max(values)),
            hull=len(hull),
        ),
        x_label=words.say("axis_rate" if is_rate else "axis_cores"),
        y_label=words.metric(metric),
        x_text=x_text,
        hull_text=words.say("hull"),
        chosen_text=words.say("chosen"),
        dots=_dots(results, points, hull, metric, words, is_rate=is_rate),
    )
    columns = [
        Column(words.say("profile"), text=True),
        Column(words.say("rung"), text=True),
        Column(words.say("rate" if is_rate else "cores")),
        Column(words.metric(metric)),
    ]
    rows = [
        [
            point.label,
            f"{point.rung.name}, {point.rung.shown_preset}",
            x_words(x(point)),
            score(point.rung.quality, metric, words),
        ]
        for point in hull
    ]
    return section(
        words.say(name),
        paragraph(words.say(f"{name}_about", metric=words.metric(metric))),
        f'<div class="pair"><div>{svg(chart)}</div>'
        f"{table(words.say('hull_table'), columns, rows)}</div>",
    )


def _dots(
    results: Results,
    points: Sequence[Point],
    hull: Sequence[Point],
    metric: MetricName,
    words: Words,
    *,
    is_rate: bool,
) -> list[Dot]:
    lines = Counter(_line(point) for point in points)
    chosen = set(results.recommendation.chosen) if results.recommendation else set()
    wanted = _chosen_rungs(results)
    on_hull = {id(point) for point in hull}
    return [
        Dot(
            x=point.rung.rate_bps if is_rate else point.rung.cores,
            y=point.quality(metric),
            title=f"{point.label}: {point.rung.name}, {words.rate(point.rung.rate_bps)}, "
            f"{words.metric(metric)} {words.number(point.quality(metric))}, "
            f"{words.say('cores').lower()} {words.cores(point.rung.cores)}",
            kind=f"{min(point.rung.width, point.rung.height)}p",
            line=_line(point) if lines[_line(point)] > 1 else "",
            on_hull=id(point) in on_hull,
            chosen=point.label in chosen and _mark(point.rung) in wanted,
        )
        for point in sorted(points, key=lambda p: -min(p.rung.width, p.rung.height))
    ]


def _line(point: Point) -> str:
    """Points that differ in their bitrate alone are on one line."""
    parts = [part for part in point.label.split(", ") if not part.startswith("bitrate ")]
    return ", ".join([*parts, f"{point.rung.height}", point.rung.shown_preset])


def _chosen_rungs(results: Results) -> set[tuple[int, int, str]]:
    if results.recommendation is None:
        return set()
    rungs = results.recommendation.profile.to_plain()["rungs"]
    return {(rung["height"], rung["bitrate_bps"], rung["preset"]) for rung in rungs}


def _mark(rung: RungResult) -> tuple[int, int, str]:
    return (rung.settings["height"], rung.settings["bitrate_bps"], rung.settings["preset"])


def _short_rate(bps: float) -> str:
    return f"{bps / 1e6:g}M" if bps >= 1e6 else f"{bps / 1e3:g}k"
