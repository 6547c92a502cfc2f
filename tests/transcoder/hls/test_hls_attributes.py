"""Attribute lists, strings that must not pass, and times as printed."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.hls.attributes import (
    attribute_list,
    decimal_us,
    enumerated,
    microseconds_up,
    quoted,
    seconds,
    uri_line,
)

TICKS = st.integers(min_value=0, max_value=90_000 * 3600)


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\rb", "a\x00b", "a\u2028b"])
def test_a_string_that_could_write_a_tag_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quoted string"):
        quoted(text)


@pytest.mark.parametrize("text", ["", "a b", "a,b", 'a"b', "a\n"])
def test_an_enumerated_string_has_no_separators(text: str) -> None:
    with pytest.raises(ValueError, match="enumerated"):
        enumerated(text)


@pytest.mark.parametrize("uri", ["", "#EXT-X-ENDLIST", "a b", "a\nb", "é.m4s"])
def test_a_uri_line_is_one_uri(uri: str) -> None:
    with pytest.raises(ValueError, match="URI"):
        uri_line(uri)


@pytest.mark.parametrize("attributes", [[("a", "1")], [("A B", "1")], [("A", "1"), ("A", "2")]])
def test_attribute_names_are_upper_case_and_single(attributes: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="attribute name"):
        attribute_list(attributes)


@given(st.dictionaries(st.from_regex(r"[A-Z0-9-]{1,12}", fullmatch=True), st.text(), min_size=1))
def test_what_can_be_rendered_keeps_to_the_grammar(
    read_attributes: Callable[[str], dict[str, str]], values: dict[str, str]
) -> None:
    try:
        rendered = attribute_list([(name, quoted(text)) for name, text in values.items()])
    except ValueError:
        return
    assert read_attributes(rendered) == {name: f'"{text}"' for name, text in values.items()}


@given(TICKS)
def test_seconds_are_the_nearest_microsecond(ticks: int) -> None:
    assert abs(Fraction(seconds(ticks)) - Fraction(ticks, 90_000)) <= Fraction(1, 2_000_000)


@given(TICKS, TICKS)
def test_no_part_is_printed_longer_than_a_target_it_does_not_exceed(a: int, b: int) -> None:
    part, target = sorted((a, b))
    assert Fraction(seconds(part)) <= Fraction(decimal_us(microseconds_up(target)))
    assert Fraction(decimal_us(microseconds_up(target))) >= Fraction(target, 90_000)
