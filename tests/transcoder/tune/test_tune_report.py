"""The report: HTML that is whole, says everything twice for eyes and ears, and fetches nothing."""

import json
import string
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.tune.report import LANGUAGES, Language, render_json, render_page
from transcoder.tune.report.charts import ticks
from transcoder.tune.report.texts import TEXTS, Words
from transcoder.tune.values import Results

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Fails on anything that is not closed in order; keeps what was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_whole_and_fetches_nothing(
    make_results: Callable[..., Results], language: Language
) -> None:
    page = render_page(make_results(), language)
    reader = read(page)
    assert reader.of("html")[0]["lang"] == language
    assert not reader.of("script")
    assert not reader.of("link")
    assert "http" not in page.replace("http-equiv", "")
    assert all(
        (image["src"] or "").startswith("data:image/webp;base64,") for image in reader.of("img")
    )
    assert all(image["alt"] for image in reader.of("img"))


def test_every_chart_has_a_title_a_description_and_a_table(
    make_results: Callable[..., Results],
) -> None:
    reader = read(render_page(make_results()))
    drawn = [svg for svg in reader.of("svg") if svg.get("role") == "img"]
    assert len(drawn) == 2
    ids = {attributes.get("id") for tag, attributes in reader.tags if tag in ("title", "desc")}
    for svg in drawn:
        assert set((svg["aria-labelledby"] or "").split()) <= ids
    assert len(reader.of("table")) >= 5
    assert len(reader.of("caption")) == len(reader.of("table"))
    for rung in ("180p", "90p"):
        assert rung in reader.text
    assert "rungs:" in reader.text
    assert "cannot measure xpsnr" in reader.text


def test_names_are_no_markup(make_results: Callable[..., Results]) -> None:
    reader = read(render_page(make_results(name="<b>x", clip="<script>alert(1)</script>&.mp4")))
    assert not reader.of("script")
    assert not reader.of("b")
    assert "<script>alert(1)</script>&.mp4" in reader.text


def test_an_interrupted_run_and_an_empty_one_are_reports_too(
    make_results: Callable[..., Results],
) -> None:
    results = make_results(stills=False)
    assert "interrupted" in read(render_page(replace(results, interrupted=True))).text
    bare = replace(
        results, variants=(), headroom=(), stills=(), recommendation=None, recommended=None
    )
    assert "No ladder is recommended." in read(render_page(bare)).text
    assert json.loads(render_json(bare))["recommendation"] is None


def test_programs_get_the_same(make_results: Callable[..., Results]) -> None:
    results = make_results()
    told = json.loads(render_json(results))
    assert [one["label"] for one in told["variants"]] == [
        one.variant.label for one in results.variants
    ]
    assert told["headroom"][0]["most"] == 2
    assert told["variants"][0]["rungs"][0]["quality"]["vmaf"]["mean"] > 0
    assert told["recommendation"]["profile"]["name"] == "tuned"


def test_both_languages_say_the_same_things() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, french = TEXTS["en"], TEXTS["fr"]
    assert list(english) == list(french)
    for key, text in english.items():
        assert places(text) == places(french[key]), key
        assert text.strip()
        assert french[key].strip()


def test_numbers_are_written_as_readers_write_them() -> None:
    assert Words("en").rate(2_758_624) == "2.76 Mb/s"
    assert Words("fr").rate(2_758_624) == "2,76 Mb/s"
    assert Words("fr").rate(900_000) == "900 kb/s"
    assert Words("en").cores(0.061) == "0.061"


@given(st.floats(1e-3, 1e8), st.floats(1.5, 1e3))
def test_ticks_lie_within_and_rise(low: float, factor: float) -> None:
    found = ticks(low, low * factor)
    assert found == sorted(found)
    assert all(low <= tick <= low * factor for tick in found)
