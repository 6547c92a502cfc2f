"""An attribute-list reader of the tests' own, after the grammar of rfc8216bis §4.2."""

import re
from collections.abc import Callable

import pytest

_ATTRIBUTE = re.compile(
    r"(?P<name>[A-Z0-9-]+)="
    r"(?P<value>\"[^\"\r\n]*\"|[0-9]+x[0-9]+|[0-9]+\.[0-9]+|[0-9]+|[^\s\",]+)(?P<end>,|$)"
)

AttributeReader = Callable[[str], dict[str, str]]


def _read(text: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        assert match, f"no attribute at {text[at:]!r}"
        assert match["name"] not in attributes, f"{match['name']} twice in {text!r}"
        assert (match["end"] == "") == (match.end() == len(text)), f"dangling comma in {text!r}"
        attributes[match["name"]] = match["value"]
        at = match.end()
    return attributes


@pytest.fixture(scope="session")
def read_attributes() -> AttributeReader:
    """Reads ``A=1,B="x"`` strictly; fails the test on anything outside the grammar."""
    return _read
