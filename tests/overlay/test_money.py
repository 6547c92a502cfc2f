"""Money, read exactly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overlay.errors import InvalidInput
from overlay.money import people_minor, plain_minor, written

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD", "XXX"])


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.90", "EUR", 1290),
        ("12,90", "EUR", 1290),
        ("12.9", "EUR", 1290),
        ("12", "EUR", 1200),
        ("0", "EUR", 0),
        ("1,299.00", "EUR", 129900),
        ("1.299,00", "EUR", 129900),
        ("1 299,00", "EUR", 129900),
        ("1\u202f299,00", "EUR", 129900),
        ("1'299.00", "CHF", 129900),
        ("1,234,567", "EUR", 123456700),
        ("1.234.567,8", "EUR", 123456780),
        ("€ 12.90", "EUR", 1290),
        ("12,90 €", "EUR", 1290),
        ("12.9000", "EUR", 1290),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.250", "KWD", 1250),
    ],
)
def test_what_people_write(text: str, currency: str, minor: int) -> None:
    assert people_minor(text, currency, "price") == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.299", "EUR"), ("1,299", "EUR"), ("1,250", "KWD"), ("1.500", "JPY"), ("12.345", "JPY"),
        ("12.9001", "EUR"), ("-1", "EUR"), ("€-1", "EUR"), ("1e5", "EUR"), ("NaN", "EUR"),
        ("", "EUR"), (".", "EUR"), (",90", "EUR"), ("12.", "EUR"), ("1,2,3.00", "EUR"),
        ("12,34.56,78", "EUR"), ("1 2", "EUR"), ("١٢", "EUR"), ("１２", "EUR"), ("0x10", "EUR"),
        ("12.90 USD", "EUR"), ("9" * 50, "EUR"), ("=1+1", "EUR"), ("1_000", "EUR"),
    ],
)  # fmt: skip
def test_what_is_not_one_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        people_minor(text, currency, "price")
    assert refused.value.field == "price"
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("text", ["1,00", "1 000", "-1", "1e3", "", ".5", "5.", "1.005", "+1"])
def test_programs_write_one_way(text: str) -> None:
    with pytest.raises(InvalidInput):
        plain_minor(text, "EUR", "price")


@given(st.integers(min_value=0, max_value=10**12), CURRENCIES)
def test_what_is_written_is_read_again(minor: int, currency: str) -> None:
    text = written(minor, currency)
    assert plain_minor(text, currency, "price") == minor
    assert people_minor(text, currency, "price") == minor


@given(st.text(max_size=50) | st.text("0123456789.,' €-", max_size=12), CURRENCIES)
def test_any_text_is_an_amount_or_refused_in_words(text: str, currency: str) -> None:
    for read in (plain_minor, people_minor):
        try:
            assert read(text, currency, "price") >= 0
        except InvalidInput as exc:
            assert exc.field == "price"
            assert str(exc).isprintable()
