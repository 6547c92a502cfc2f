"""Delivery directives: blocking reload and delta updates (§6.2.5). Pure.

A query is canonical when it is these directives alone, each once, in the one order and with plain
numbers. The same playlist asked for in other words is answered alike, but not for caches: they go
by the words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mediaserver.gateway.window import Edge
from transcoder.values import TICKS_PER_SECOND

Skip = Literal["", "YES", "v2"]
"""``_HLS_skip``: no delta update, one, one that leaves out date ranges too."""

_DIRECTIVES = ("_HLS_msn", "_HLS_part", "_HLS_skip")
"""In the order of their names, which is the order in which clients are asked to write them."""

_DECIMAL_INTEGER = re.compile(r"[0-9]{1,20}")
"""§4.2: decimal-integer is 0 to 2^64-1."""

_ADVANCE_S = 3
_ADVANCE_PARTS = 3
_ADVANCE_SEGMENTS = 2


class BadDirective(ValueError):
    """Directives to be answered with 400 at once; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """In which form the playlist is wanted."""

    skip: Skip = ""
    cacheable: bool = True
    """The query was canonical."""


@dataclass(frozen=True, slots=True)
class Target:
    """What must be listed before the answer goes out, and in which form that will be."""

    msn: int
    part: int | None
    """None stands for the whole segment."""
    form: Form = Form()

    def reached(self, edge: Edge) -> bool:
        """Whether a playlist that ends at `edge` lists it, or something after it.

        A part index past the end of its segment needs no case of its own: it is reached when the
        next segment has begun, which is part 0 of that segment ("the Server MUST treat the request
        as one for Part Index 0 of the following Parent Segment").
        """
        if edge.ended or self.msn < edge.last_msn:
            return True
        if self.msn > edge.last_msn:
            return False
        return edge.closed if self.part is None else self.part <= edge.last_part


def parse(query: Iterable[tuple[str, str]]) -> tuple[Target | None, Form]:
    """What a query asks for; without ``_HLS_msn`` there is no target. Raises `BadDirective`.

    Other parameters are ignored. ``_HLS_part`` alone is refused: "If the Playlist URI contains an
    _HLS_part directive but no _HLS_msn directive, the Server MUST return Bad Request".
    """
    pairs = list(query)
    msn, part, skip = ([v for name, v in pairs if name == each] for each in _DIRECTIVES)
    form = Form(_skip(skip), _canonical(pairs))
    if part and not msn:
        raise BadDirective("_HLS_part needs _HLS_msn beside it.")
    if not msn:
        return None, form
    index = _integer("_HLS_part", part) if part else None
    return Target(_integer("_HLS_msn", msn), index, form), form


def admit(target: Target, edge: Edge, *, part_ticks: int, segment_ticks: int) -> None:
    """Raises `BadDirective` when `target` is too far ahead of `edge` to be waited for.

    "If the _HLS_msn is greater than the Media Sequence Number of the last Media Segment in the
    current Playlist plus two, or if the _HLS_part exceeds the last Partial Segment in the current
    Playlist by the Advance Part Limit, then the server SHOULD immediately return Bad Request". A
    segment that is still open is not yet a Media Segment in the playlist.
    """
    last_whole = edge.last_msn if edge.closed else edge.last_msn - 1
    if target.msn > last_whole + _ADVANCE_SEGMENTS:
        raise BadDirective(
            f"_HLS_msn is more than {_ADVANCE_SEGMENTS} past the last segment, {last_whole}."
        )
    if target.part is None:
        return
    ahead = _parts_ahead(target.msn, target.part, edge, segment_ticks // part_ticks)
    # "The Advance Part Limit is three divided by the Part Target Duration if the Part Target
    # Duration is less than one second, or three otherwise."
    short = part_ticks < TICKS_PER_SECOND
    far = ahead * part_ticks > _ADVANCE_S * TICKS_PER_SECOND if short else ahead > _ADVANCE_PARTS
    if far:
        raise BadDirective("_HLS_part is too far past the last part.")


def _parts_ahead(msn: int, part: int, edge: Edge, parts_per_segment: int) -> int:
    """How many parts after the last listed one that part will be, with regular segments."""
    if not edge.closed:
        return (msn - edge.last_msn) * parts_per_segment + part - edge.last_part
    if msn <= edge.last_msn:  # past the end of a segment that is whole: part 0 of the next
        return 1
    return (msn - edge.last_msn - 1) * parts_per_segment + part + 1


def _integer(name: str, values: Sequence[str]) -> int:
    if len(values) != 1 or not _DECIMAL_INTEGER.fullmatch(values[0]):
        raise BadDirective(f"{name} must be one decimal integer.")
    return int(values[0])


def _skip(values: Sequence[str]) -> Skip:
    match values:
        case []:
            return ""
        case ["YES"]:
            return "YES"
        case ["v2"]:
            return "v2"
    raise BadDirective("_HLS_skip must be YES or v2.")


def _canonical(pairs: list[tuple[str, str]]) -> bool:
    names = [name for name, _ in pairs]
    numbers = [value for name, value in pairs if name != "_HLS_skip"]
    return names == [each for each in _DIRECTIVES if each in names] and all(
        value == "0" or not value.startswith("0") for value in numbers
    )
