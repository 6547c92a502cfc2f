"""Charts as SVG: points over a scale of factors, a hull, rings around what was chosen. Pure.

Colour is never alone: every kind of point has a shape of its own. Colours come from the page's CSS,
so that they follow light and dark.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 40
_KINDS = 6
_SIZE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One point: where it is, what it is called, and of which kind."""

    x: float
    y: float
    title: str
    kind: str
    line: str
    """Dots of one line are joined; empty: it stands alone."""
    on_hull: bool
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn; the texts are for people."""

    id: str
    title: str
    description: str
    x_label: str
    y_label: str
    x_text: Callable[[float], str]
    hull_text: str
    chosen_text: str
    dots: Sequence[Dot]


def svg(chart: Chart) -> str:
    """The chart, and its legend below. At least one dot."""
    frame = _Frame(chart.dots)
    kinds = list(dict.fromkeys(dot.kind for dot in chart.dots))
    inside = [
        f'<title id="{chart.id}-t">{escape(chart.title)}</title>',
        f'<desc id="{chart.id}-d">{escape(chart.description)}</desc>',
        *_axes(chart, frame),
        *_lines(chart.dots, kinds, frame),
        _path([dot for dot in chart.dots if dot.on_hull], frame, "hull"),
        *(_marked(dot, kinds.index(dot.kind), frame) for dot in chart.dots),
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{chart.id}-t {chart.id}-d">{"".join(inside)}</svg>'
        f"{_legend(chart, kinds)}"
    )


class _Frame:
    """From values to places in the picture."""

    def __init__(self, dots: Sequence[Dot]) -> None:
        self.x_low = min(dot.x for dot in dots) / 1.15
        self.x_high = max(dot.x for dot in dots) * 1.15
        self.y_low = max(0.0, math.floor((min(dot.y for dot in dots) - 2) / 10) * 10)
        self.y_high = max(100.0, max(dot.y for dot in dots))

    def x(self, value: float) -> float:
        share = math.log(value / self.x_low) / math.log(self.x_high / self.x_low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def ticks(low: float, high: float) -> list[float]:
    """Round values of a scale of factors: 1, 2 and 5 of each power of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [value for value in values if low <= value <= high]


def _axes(chart: Chart, frame: _Frame) -> list[str]:
    parts = []
    bottom = _HEIGHT - _BOTTOM
    for level in range(int(frame.y_low), int(frame.y_high) + 1, 10):
        at = frame.y(level)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(_text(f"{level}", _LEFT - 5, at + 4, "end"))
    for value in ticks(frame.x_low, frame.x_high):
        at = frame.x(value)
        parts.append(f'<path class="grid" d="M{at:.1f} {_TOP}V{bottom}"/>')
        parts.append(_text(chart.x_text(value), at, bottom + 15, "middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(chart.x_label, middle, _HEIGHT - 8, "middle"))
    parts.append(_text(chart.y_label, _LEFT + 4, _TOP + 10, "start"))
    return parts


def _text(content: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def _lines(dots: Sequence[Dot], kinds: list[str], frame: _Frame) -> list[str]:
    lines = dict.fromkeys((dot.line, dot.kind) for dot in dots if dot.line)
    return [
        _path(
            [dot for dot in dots if (dot.line, dot.kind) == (line, kind)],
            frame,
            f"line k{kinds.index(kind) % _KINDS}",
        )
        for line, kind in lines
    ]


def _path(dots: Sequence[Dot], frame: _Frame, kind: str) -> str:
    if len(dots) < 2:
        return ""
    ordered = sorted(dots, key=lambda dot: dot.x)
    steps = " ".join(f"{frame.x(dot.x):.1f} {frame.y(dot.y):.1f}" for dot in ordered)
    return f'<path class="{kind}" d="M{steps}"/>'


def _marked(dot: Dot, index: int, frame: _Frame) -> str:
    x, y = frame.x(dot.x), frame.y(dot.y)
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>' if dot.chosen else ""
    return f"<g><title>{escape(dot.title)}</title>{ring}{_mark(index, x, y)}</g>"


def _mark(index: int, x: float, y: float) -> str:
    """The shape of a kind: circle, square, triangle, diamond, cross, plus."""
    s = _SIZE
    shapes = (
        f"M{x - s:.1f} {y:.1f}a{s} {s} 0 1 0 {2 * s} 0a{s} {s} 0 1 0 {-2 * s} 0",
        f"M{x - s:.1f} {y - s:.1f}h{2 * s}v{2 * s}h{-2 * s}z",
        f"M{x:.1f} {y - s:.1f}l{s} {2 * s}h{-2 * s}z",
        f"M{x:.1f} {y - s - 1:.1f}l{s + 1} {s + 1}l{-s - 1} {s + 1}l{-s - 1} {-s - 1}z",
        f"M{x - s:.1f} {y - s:.1f}l{2 * s} {2 * s}m0 {-2 * s}l{-2 * s} {2 * s}",
        f"M{x - s:.1f} {y:.1f}h{2 * s}m{-s} {-s}v{2 * s}",
    )
    kind = index % _KINDS
    return f'<path class="mark k{kind}" d="{shapes[kind]}"/>'


def _legend(chart: Chart, kinds: list[str]) -> str:
    def item(drawing: str, text: str) -> str:
        return f'<li><svg viewBox="0 0 24 24" aria-hidden="true">{drawing}</svg>{escape(text)}</li>'

    items = [item(_mark(index, 12, 12), kind) for index, kind in enumerate(kinds)]
    items.append(item('<path class="hull" d="M2 18 12 9 22 6"/>', chart.hull_text))
    if any(dot.chosen for dot in chart.dots):
        items.append(item('<circle class="ring" cx="12" cy="12" r="9"/>', chart.chosen_text))
    return f'<ul class="legend">{"".join(items)}</ul>'
