"""Every check gives back a legal value or a sentence with its field, whatever it is given."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overlay import checks
from overlay.errors import InvalidInput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

CHECKS: tuple[Callable[[Any], Any], ...] = (
    lambda value: checks.text(value, "name", most=20),
    lambda value: checks.texts(value, "name", most=2, most_each=5),
    lambda value: checks.integer(value, "name", least=0, most=9),
    lambda value: checks.identifier(value, "name"),
    lambda value: checks.token(value, "name", most=20),
)


@settings(deadline=None)
@given(value=JSON, check=st.sampled_from(CHECKS))
def test_anything_is_legal_or_refused_in_a_sentence(
    value: Any, check: Callable[[Any], Any]
) -> None:
    try:
        result = check(value)
    except InvalidInput as exc:
        assert exc.field is not None
        assert exc.field.startswith("name")
        assert str(exc).endswith(".")
        assert len(str(exc)) < 200
    else:
        json.dumps(result, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "legal",
    [
        "a",
        "<b>bold</b> & <script>alert(1)</script>",
        "crémant 🍾",
        "👩‍👩‍👧",
        "יין אדום",
        "نبيذ",
        "\u200fא",
    ],
)
def test_text_is_kept_as_given(legal: str) -> None:
    assert checks.text(legal, "name", most=200) == legal


@pytest.mark.parametrize(
    "illegal",
    ["", "  ", "\u3000", "a\nb", "a\0", "\x7f", "a\u2028b", "\ud800", "99 \u202eRUE", "\u2066a", 7],
)
def test_text_that_would_break_a_page_is_refused(illegal: Any) -> None:
    with pytest.raises(InvalidInput):
        checks.text(illegal, "name", most=200)


def test_a_name_of_a_million_characters_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInput, match="1000000 characters; 200 is the most") as refused:
        checks.text("x" * 10**6, "name", most=200)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("illegal", [True, 1.0, "1", None, -1, 10, 10**30])
def test_only_whole_numbers_in_range_are_integers(illegal: Any) -> None:
    with pytest.raises(InvalidInput):
        checks.integer(illegal, "stock", least=0, most=9)


@pytest.mark.parametrize("illegal", ["", "a b", "é", "a\n", "x" * 65, "../x", None])
def test_identifiers_are_safe_in_every_form(illegal: Any) -> None:
    with pytest.raises(InvalidInput):
        checks.identifier(illegal, "id")
