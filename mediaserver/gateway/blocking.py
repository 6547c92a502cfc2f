"""Blocking playlist reload: what a request's delivery directives ask for (§6.2.5.2). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mediaserver.gateway.window import Edge
from transcoder.values import TICKS_PER_SECOND

_DECIMAL_INTEGER = re.compile(r"[0-9]{1,20}")
"""§4.2: decimal-integer is 0 to 2^64-1."""

_ADVANCE_S = 3
_ADVANCE_PARTS = 3
_ADVANCE_SEGMENTS = 2


class BadDirective(ValueError):
    """Directives to be answered with 400 at once; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What must be listed before the answer goes out."""

    msn: int
    part: int | None
    """None stands for the whole segment."""

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


def parse(msn: Sequence[str], part: Sequence[str]) -> Target | None:
    """The target in the values of ``_HLS_msn`` and ``_HLS_part``; None without directives.

    Raises `BadDirective` for malformed values, and for ``_HLS_part`` alone: "If the Playlist URI
    contains an _HLS_part directive but no _HLS_msn directive, the Server MUST return Bad Request".
    """
    if part and not msn:
        raise BadDirective("_HLS_part needs _HLS_msn beside it.")
    if not msn:
        return None
    return Target(_integer("_HLS_msn", msn), _integer("_HLS_part", part) if part else None)


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
