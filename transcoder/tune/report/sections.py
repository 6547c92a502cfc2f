"""The sections of the report in words and tables, each of `Results` and `Words`. Pure."""

import base64
from html import escape

from transcoder.tune.report.cells import paragraph, rung_cells, rung_columns, score, section
from transcoder.tune.report.tables import Column, table
from transcoder.tune.report.texts import Words
from transcoder.tune.values import METRICS, Note, Recommendation, Results


def recommended(results: Results, words: Words) -> str:
    """The ladder, why, and its YAML."""
    found = results.recommendation
    if found is None:
        return section(words.say("recommended"), paragraph(words.say("no_recommendation")))
    parts = [paragraph(_why(results, found, words))]
    measured = results.recommended
    if measured is None:
        parts.append(
            paragraph(words.say("recommended_cost", cores=words.cores(found.expected_cores)))
        )
    else:
        parts.append(
            paragraph(
                words.say(
                    "recommended_measured",
                    cores=words.cores(measured.cores),
                    base=words.cores(measured.base_cores),
                )
            )
        )
        if measured.cores > results.budget.cores:
            parts.append(paragraph(words.say("recommended_over"), "warn"))
        rows = [
            [*rung_cells(rung, words), chosen]
            for rung, chosen in zip(measured.rungs, found.chosen, strict=False)
        ]
        columns = [*rung_columns(words), Column(words.say("from"), text=True)]
        parts.append(table(words.say("recommended"), columns, rows))
    parts.append(
        f"<details open><summary>{escape(words.say('yaml'))}</summary>"
        f'<pre tabindex="0"><code>{escape(found.yaml)}</code></pre></details>'
    )
    return section(words.say("recommended"), *parts)


def _why(results: Results, found: Recommendation, words: Words) -> str:
    limit = results.budget.bandwidth_bps
    bandwidth = (
        words.say("recommended_bandwidth", rate=words.rate(limit)) if limit is not None else ""
    )
    return words.say(
        "recommended_why",
        cores=words.cores(results.budget.cores),
        bandwidth=bandwidth,
        rungs=results.budget.rungs,
        metric=words.metric(found.metric),
        worth=words.number(found.mean_quality),
    )


def headroom(results: Results, words: Words) -> str:
    """How many shows fit."""
    parts = [paragraph(words.say("headroom_about"))]
    if not results.headroom:
        parts.append(paragraph(words.say("headroom_missing")))
    for one in results.headroom:
        key = "headroom_most" if one.most else "headroom_none"
        said = words.say(key, what=one.variant.label, most=one.most)
        rows = [
            [
                str(run.shows),
                words.say("unit_times", value=words.number(run.speed, 2)),
                words.number(run.cores, 2),
                words.say("yes" if run.fits else "no"),
            ]
            for run in one.runs
        ]
        columns = [
            Column(words.say("shows"), text=True),
            *(Column(words.say(key)) for key in ("speed", "cores_used", "fits")),
        ]
        parts += [paragraph(said), table(one.variant.label, columns, rows)]
    return section(words.say("headroom"), *parts)


def rungs(results: Results, words: Words) -> str:
    """Every rung of every variant."""
    have = [
        metric
        for metric in METRICS
        if any(metric in rung.quality for result in results.variants for rung in result.rungs)
    ]
    columns = [
        Column(words.say("profile"), text=True),
        *rung_columns(words),
        *(Column(words.metric(metric)) for metric in have[1:]),
        *([Column(f"{words.metric(have[0])} {words.say('low')}")] if have else []),
        Column(words.say("aim")),
        Column(words.say("codecs"), text=True),
        Column(words.say("cores_show")),
        Column(words.say("delay")),
    ]
    rows = []
    for result in results.variants:
        for rung in result.rungs:
            low = rung.quality.get(have[0]) if have else None
            rows.append(
                [
                    result.variant.label,
                    *rung_cells(rung, words),
                    *(score(rung.quality, metric, words) for metric in have[1:]),
                    *([words.number(low.low) if low else "–"] if have else []),
                    words.rate(rung.settings["bitrate_bps"]),
                    rung.codecs,
                    words.cores(result.cores),
                    str(result.delay_frames),
                ]
            )
    if not rows:
        return ""
    about = paragraph(words.say("rungs_about"))
    return section(words.say("rungs"), about, table(words.say("rungs"), columns, rows))


def stills(results: Results, words: Words) -> str:
    """The crops."""
    if len(results.stills) < 2:
        return ""
    figures = []
    for still in results.stills:
        name = f"{still.profile_name}, {still.rung}" if still.rung else words.say("still_source")
        data = base64.b64encode(still.webp).decode("ascii")
        figures.append(
            f'<figure><img src="data:image/webp;base64,{data}" alt="{escape(name, quote=True)}" '
            f'width="{still.width}" height="{still.height}">'
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )
    return section(
        words.say("stills"),
        paragraph(words.say("stills_about")),
        f'<div class="stills">{"".join(figures)}</div>',
    )


def notes(results: Results, words: Words) -> str:
    """What did not work, and how it was measured."""
    method = section(
        words.say("method"),
        paragraph(words.say("method_text", ffmpeg=results.machine.ffmpeg)),
    )
    if not results.notes:
        return method
    items = "".join(f"<li>{escape(note_text(one, words))}</li>" for one in results.notes)
    return section(words.say("notes"), f"<ul>{items}</ul>") + method


def note_text(one: Note, words: Words) -> str:
    """A note as a sentence."""
    return words.say(f"note_{one.key}", **one.places)
