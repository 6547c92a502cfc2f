"""The page around the sections."""

from html import escape

from transcoder.tune.report import curves, sections
from transcoder.tune.report.style import CSS
from transcoder.tune.report.texts import Language, Words
from transcoder.tune.values import Results


def render_page(results: Results, language: Language = "en") -> str:
    """The whole report as one HTML document. It fetches nothing and runs no script."""
    words = Words(language)
    clip, machine = results.clip, results.machine
    intro = words.say(
        "intro",
        clip=clip.name,
        width=clip.width,
        height=clip.height,
        fps=words.number(clip.frames_per_second, 2),
        seconds=words.number(clip.duration_s),
        rate=words.rate(clip.rate_bps),
        cores=machine.cores,
        processor=machine.processor,
    )
    interrupted = (
        f'<p class="warn">{escape(words.say("interrupted"))}</p>' if results.interrupted else ""
    )
    body = "".join(
        section(results, words)
        for section in (
            sections.recommended,
            curves.rate_quality,
            curves.cost_quality,
            sections.headroom,
            sections.stills,
            sections.rungs,
            sections.notes,
        )
    )
    title = escape(words.say("title"))
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{CSS}</style></head><body>"
        f'<header><h1>{title}</h1><p class="soft">{escape(intro)}</p>{interrupted}</header>'
        f"<main>{body}</main><footer>comptoir tune</footer></body></html>\n"
    )
