"""XR: renditions beside each other."""

import itertools
from collections.abc import Iterator

from mediaserver.check.playlist import Segment
from mediaserver.check.rules.base import NotSeen, Rules
from mediaserver.check.seen import Observation, Rendition

rules = Rules()

_BOUNDARY_S = 0.010
_MEDIA_S = 0.001
_MAPPING_S = 0.025
_AAC_FRAME_S = 1024 / 44_100


def _video_pairs(seen: Observation) -> list[tuple[Rendition, Rendition]]:
    pairs = [(seen.video[0], other) for other in seen.video[1:]] if seen.video else []
    if not pairs:
        raise NotSeen("one video rendition only")
    return pairs


def _dated(rendition: Rendition) -> dict[int, tuple[float, Segment]]:
    return {
        msn: (segment.utc_s, segment)
        for msn, segment in rendition.listed.items()
        if segment.utc_s is not None
    }


def _unmatched(mine: list[float], theirs: list[float], slack_s: float) -> Iterator[float]:
    """Those of `mine`, within the span of `theirs`, that have no equal there."""
    if not theirs:
        return
    for each in mine:
        inside = min(theirs) <= each <= max(theirs)
        if inside and min(abs(each - other) for other in theirs) > slack_s:
            yield each


@rules.must("XR-01", "Apple 8.22 (SHOULD), project")
def boundaries_at_equal_dates(seen: Observation) -> Iterator[str]:
    """Video renditions have segment boundaries at the same date-time."""
    for a, b in _video_pairs(seen):
        dates = [[utc_s for utc_s, _ in _dated(each).values()] for each in (a, b)]
        for lost in _unmatched(dates[0], dates[1], _BOUNDARY_S):
            yield f"{b.name} has no boundary at {lost:.3f}, where {a.name} has one."
            break


def _starts(rendition: Rendition) -> list[tuple[int, float]]:
    """Number and media time of each segment whose start is known."""
    found = {piece.segment.msn: piece.start_s for piece in rendition.segments.values()}
    found |= {p.segment.msn: p.start_s for p in rendition.parts.values() if p.index == 0}
    return sorted((msn, start_s) for msn, start_s in found.items() if start_s is not None)


@rules.must("XR-02", "bis 6.2.4, project")
def boundaries_at_equal_media_times(seen: Observation) -> Iterator[str]:
    """Video renditions have segment boundaries at the same media time."""
    for a, b in _video_pairs(seen):
        mine, theirs = ([start_s for _, start_s in _starts(each)] for each in (a, b))
        for lost in _unmatched(mine, theirs, _MEDIA_S):
            yield f"{b.name} has no boundary at media time {lost:.3f} s, where {a.name} has one."
            break


@rules.must("XR-03", "bis 6.2.4")
def one_mapping(seen: Observation) -> Iterator[str]:
    """Media time maps to date-time in one way, in all renditions and reloads."""
    offsets: dict[int, list[tuple[float, str, bool]]] = {}
    for rendition in seen.renditions:
        starts = dict(_starts(rendition))
        for playlist in rendition.playlists:
            for segment in playlist.segments:
                if segment.utc_s is not None and segment.msn in starts:
                    offset_s = segment.utc_s - starts[segment.msn]
                    where = f"{rendition.name}, segment {segment.msn}"
                    offsets.setdefault(segment.discontinuities, []).append(
                        (offset_s, where, rendition.is_video)
                    )
    if not offsets:
        raise NotSeen("no date-time beside media")
    for found in offsets.values():
        low, high = min(found), max(found)
        slack_s = _MAPPING_S + (0.0 if low[2] and high[2] else _AAC_FRAME_S)
        if high[0] - low[0] > slack_s:
            yield (
                f"Date-time and media time are {(high[0] - low[0]) * 1000:.0f} ms further apart "
                f"in {high[1]} than in {low[1]}."
            )


@rules.must("XR-04", "Apple 8.2")
def equal_target_durations(seen: Observation) -> Iterator[str]:
    """All renditions have the same target duration."""
    targets = {r.name: p.target_s for r in seen.renditions if (p := r.latest)}
    if len(set(targets.values())) > 1:
        yield f"The target durations differ: {', '.join(f'{n} {t}' for n, t in targets.items())}."


@rules.should("XR-05", "Apple 8.22, project")
def equal_numbers_match(seen: Observation) -> Iterator[str]:
    """Segments of the same media sequence number match in time."""
    if len(seen.renditions) < 2:
        raise NotSeen("one rendition only")
    first = seen.renditions[0]
    mine = _dated(first)
    for other in seen.renditions[1:]:
        slack_s = _BOUNDARY_S + (0.0 if first.is_video and other.is_video else _AAC_FRAME_S)
        for msn, (utc_s, _) in _dated(other).items():
            if msn in mine and abs(utc_s - mine[msn][0]) > slack_s:
                yield (
                    f"Segment {msn} of {other.name} is {utc_s - mine[msn][0]:+.3f} s off that of "
                    f"{first.name}."
                )
                break


@rules.should("XR-06", "bis 4.4.3.8")
def equal_server_control(seen: Observation) -> Iterator[str]:
    """EXT-X-SERVER-CONTROL is the same everywhere; PART-HOLD-BACK covers every PART-TARGET."""
    found = [(r, p.control.values) for r in seen.renditions if (p := r.latest)]
    for (a, mine), (b, theirs) in itertools.pairwise(found):
        if mine != theirs:
            yield f"EXT-X-SERVER-CONTROL of {a.name} and {b.name} differ."
    for rendition in seen.renditions:
        held_s = rendition.latest.control.number("PART-HOLD-BACK") if rendition.latest else None
        if held_s is not None and held_s < 3 * seen.part_target_s - 0.000_01:
            yield (
                f"{rendition.name}: PART-HOLD-BACK is {held_s:g}; the largest PART-TARGET is "
                f"{seen.part_target_s:g}."
            )


@rules.must("XR-07", "bis 6.2.4, Apple 8.15")
def equal_discontinuities(seen: Observation) -> Iterator[str]:
    """Discontinuities are at the same points in all renditions."""
    if len(seen.renditions) < 2:
        raise NotSeen("one rendition only")
    first = seen.renditions[0]
    mine = _dated(first)
    for other in seen.renditions[1:]:
        theirs = _dated(other)
        for a, b, from_, to in ((mine, theirs, first, other), (theirs, mine, other, first)):
            dates = [utc_s for utc_s, _ in b.values()]
            cuts = [utc_s for utc_s, segment in b.values() if segment.discontinuity]
            for utc_s, segment in a.values():
                inside = bool(dates) and min(dates) <= utc_s <= max(dates)
                near = any(abs(utc_s - cut) <= _BOUNDARY_S + _AAC_FRAME_S for cut in cuts)
                if segment.discontinuity and inside and not near:
                    yield (
                        f"{from_.name} has a discontinuity at segment {segment.msn}; {to.name} "
                        "has none there."
                    )
