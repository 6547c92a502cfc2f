"""The pieces that sections and curves are made of: a rung's cells, paragraphs, sections. Pure."""

from html import escape

from transcoder.tune.report.tables import Column
from transcoder.tune.report.texts import Words
from transcoder.tune.values import MetricName, Quality, RungResult


def rung_columns(words: Words) -> list[Column]:
    """The heads of `rung_cells`."""
    texts = (Column(words.say("rung"), text=True), Column(words.say("size")))
    return [
        *texts,
        Column(words.say("preset"), text=True),
        *(Column(words.say(key)) for key in ("rate", "declared", "cores")),
        Column(words.metric("vmaf")),
    ]


def rung_cells(rung: RungResult, words: Words) -> list[str]:
    """What every table says of a rung."""
    return [
        rung.name,
        f"{rung.width}×{rung.height}",
        rung.shown_preset,
        words.rate(rung.rate_bps),
        words.rate(rung.bandwidth_bps),
        words.cores(rung.cores),
        score(rung.quality, "vmaf", words),
    ]


def score(quality: Quality, metric: MetricName, words: Words) -> str:
    """A metric's mean, or a dash."""
    found = quality.get(metric)
    return "–" if found is None else words.number(found.mean, 3 if metric == "ssim" else 1)


def paragraph(text: str, kind: str = "") -> str:
    """Text as a paragraph, escaped."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def section(title: str, *content: str) -> str:
    """A section under a heading; its content is HTML."""
    return f"<section><h2>{escape(title)}</h2>{''.join(content)}</section>"
