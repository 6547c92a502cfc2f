"""Is what was given legal? Each check returns its value, typed, or raises `InvalidInput`.

Values may be anything that JSON can hold, and what Python can beyond it. Texts are kept as given:
HTML in them is text, and escaping is the business of the page that shows them.
"""

import re
from collections.abc import Sequence
from typing import Any

from overlay.errors import InvalidInput

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")

UNPRINTABLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]"
)
"""Controls, surrogates, separators of lines; and embeddings, overrides and isolates of writing
direction (UAX #9): one left open turns the price beside it around."""


def text(value: Any, field: str, *, most: int, blank: bool = False) -> str:
    """One line of text of 1 to `most` characters, or also none where it may be `blank`."""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be a text.", field=field)
    if len(value) > most:
        raise InvalidInput(f"{field} has {len(value)} characters; {most} is the most.", field=field)
    if not blank and not value.strip():
        raise InvalidInput(f"{field} must not be empty.", field=field)
    if UNPRINTABLE.search(value):
        raise InvalidInput(f"{field} must not contain control characters.", field=field)
    return value


def paragraphs(value: Any, field: str, *, most: int) -> str:
    """Lines of text, `most` characters in all, or none. Lines end with ``\\n``."""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be a text.", field=field)
    if len(value) > most:
        raise InvalidInput(f"{field} has {len(value)} characters; {most} is the most.", field=field)
    if UNPRINTABLE.search(value.replace("\n", "")):
        raise InvalidInput(
            f"{field} must not contain control characters but line ends.", field=field
        )
    return value


def texts(value: Any, field: str, *, most: int, most_each: int) -> tuple[str, ...]:
    """At most `most` texts."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidInput(f"{field} must be a list of texts.", field=field)
    if len(value) > most:
        raise InvalidInput(f"{field} has {len(value)} entries; {most} is the most.", field=field)
    return tuple(text(item, f"{field}.{n}", most=most_each) for n, item in enumerate(value))


def integer(value: Any, field: str, *, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{field} must be a whole number.", field=field)
    if not least <= value <= most:
        raise InvalidInput(f"{field} must be from {least} to {most}.", field=field)
    return value


def identifier(value: Any, field: str) -> str:
    """1 to 64 of ``A-Z a-z 0-9 _ -``."""
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise InvalidInput(
            f"{field} must have 1 to 64 letters without accents, digits, _ and -.", field=field
        )
    return value


def token(value: Any, field: str, *, most: int) -> str:
    """1 to `most` printable ASCII characters, as HTTP header fields carry them."""
    if not isinstance(value, str) or not re.fullmatch(rf"[!-~]{{1,{most}}}", value):
        raise InvalidInput(
            f"{field} must have 1 to {most} printable ASCII characters without spaces.",
            field=field,
        )
    return value
