"""Cells that are only ever text, and come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overlay.spreadsheet import guarded, table, unguarded

TEXTS = st.text(max_size=20) | st.text("'=+-@\t\rab\n\",;", max_size=8)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "＝1", '=HYPERLINK("x")']
)
def test_a_formula_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "wine", "rock 'n' roll", "'tis", "1-2", "é="])
def test_other_texts_are_left_alone(text: str) -> None:
    assert guarded(text) == text


@given(TEXTS)
def test_guarding_can_be_undone(text: str) -> None:
    cell = guarded(text)
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert unguarded(cell) == text


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=4))
def test_a_table_is_read_again_by_any_reader(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(table(["a", "b"], rows), newline="")))
    assert [[unguarded(cell) for cell in row] for row in read[1:]] == rows
