"""A request's query as name and value pairs (application/x-www-form-urlencoded). Pure."""

from urllib.parse import parse_qsl

MAX_FIELDS = 32
"""More than these is no query of a player's; what follows them is not looked at."""


class Query:
    """Every parameter in order, decoded; a malformed escape stays as it is."""

    __slots__ = ("_pairs",)

    def __init__(self, raw: str) -> None:
        self._pairs = tuple(
            parse_qsl("&".join(raw.split("&", MAX_FIELDS)[:MAX_FIELDS]), keep_blank_values=True)
        )

    def items(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each parameter."""
        return self._pairs
