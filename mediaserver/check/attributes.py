"""Attribute lists as a judge reads them (rfc8216bis §4.2). Pure; nothing is raised."""

import re
from dataclasses import dataclass

_ATTRIBUTE = re.compile(r'(?P<name>[A-Z0-9-]+)=(?P<value>"[^"\r\n]*"|[^",\s][^",]*)(?:,(?=.)|$)')

MAX_ATTRIBUTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """The attributes of one tag, and whether the list could be read."""

    values: dict[str, str]
    """As written, quotes included."""
    problem: str | None

    def text(self, name: str) -> str | None:
        """A quoted string without its quotes, or any other value as it stands."""
        value = self.values.get(name)
        return None if value is None else value.removeprefix('"').removesuffix('"')

    def quoted(self, name: str) -> str | None:
        """A quoted string's text; None for anything else."""
        value = self.values.get(name)
        return value[1:-1] if value is not None and value.startswith('"') else None

    def number(self, name: str) -> float | None:
        """A decimal number, or None."""
        return decimal(self.values.get(name, ""))

    def integer(self, name: str) -> int | None:
        """A decimal integer, or None."""
        return integer(self.values.get(name, ""))


def read_attributes(text: str) -> Attributes:
    """What can be read of `text`; the rest is the problem."""
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None or len(values) >= MAX_ATTRIBUTES:
            return Attributes(
                values=values, problem=f"no attribute can be read at {text[at : at + 40]!r}"
            )
        if match["name"] in values:
            return Attributes(values=values, problem=f"{match['name']} stands there twice")
        values[match["name"]] = match["value"]
        at = match.end()
    return Attributes(values=values, problem=None if values else "the list is empty")


def integer(text: str) -> int | None:
    """A decimal-integer of at most 20 digits, or None."""
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None


def decimal(text: str) -> float | None:
    """A decimal-floating-point of at most 20 digits on either side, or None."""
    return float(text) if re.fullmatch(r"[0-9]{1,20}(?:\.[0-9]{0,20})?", text) else None
