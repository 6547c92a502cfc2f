"""The report of a tuning run: one HTML file that needs nothing else, and the same as JSON.

`texts` has every word, `charts` draws SVG, `curves` and `sections` write HTML, `page` puts it
together. No script; readable on a phone, in the dark, by a screen reader: every chart has a title,
a description and a table.
"""

from transcoder.tune.report.as_json import render_json
from transcoder.tune.report.page import render_page
from transcoder.tune.report.texts import LANGUAGES, Language

__all__ = ["LANGUAGES", "Language", "render_json", "render_page"]
