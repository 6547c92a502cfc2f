"""DU: playlist delta updates."""

from collections.abc import Iterator
from dataclasses import replace

from mediaserver.check.playlist import MediaPlaylist, Segment
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Delta, Observation, Rendition

rules = Rules()

_EXACT_S = 0.000_01
_ENOUGH = 5
"""Delta updates of which one at least should have a whole playlist with the same end."""


def _deltas(seen: Observation) -> Iterator[tuple[Rendition, Delta, MediaPlaylist]]:
    """Every update beside a whole playlist that ends where it does."""
    if not any(p.skip_until_s for r in seen.renditions if (p := r.latest)):
        raise NotSeen("no CAN-SKIP-UNTIL")
    for rendition in seen.renditions:
        for delta in rendition.deltas:
            if delta.update is not None and delta.update.edge == delta.full.edge:
                yield rendition, delta, delta.update


def _skipping(seen: Observation) -> Iterator[tuple[Rendition, Delta, MediaPlaylist]]:
    for rendition, delta, update in _deltas(seen):
        if update.skip is not None and update.skip.segments:
            yield rendition, delta, update


@rules.must("DU-01", "bis 6.2.5.1, 6.3.7")
def merges(seen: Observation) -> Iterator[str]:
    """A delta update merged into the playlist before it is the whole playlist."""
    for rendition in seen.renditions:
        for delta in rendition.deltas:
            if delta.update is None:
                yield f"{rendition.name}: {delta.reply.name} {delta.reply.fault}."
        if len(rendition.deltas) >= _ENOUGH and not any(
            d.update is not None and d.update.edge == d.full.edge for d in rendition.deltas
        ):
            yield f"{rendition.name}: no delta update ends where the whole playlist does."
    needed(_deltas(seen), "no delta update")
    for rendition, delta, update in _deltas(seen):
        merged = merge(delta.before, update)
        if merged is None:
            yield (
                f"{rendition.name}: {delta.reply.name} skips segments that were not listed before."
            )
            return
        wanted = [_known(segment) for segment in delta.full.segments]
        if merged != wanted:
            yield (
                f"{rendition.name}: {delta.reply.name}, merged, gives {_differs(merged, wanted)}"
            )
            return


def merge(before: MediaPlaylist, update: MediaPlaylist) -> list[Segment] | None:
    """The segments of the playlist brought up to date; None where some are missing (§6.3.7)."""
    count = update.skip.segments if update.skip else 0
    wanted = range(update.media_sequence, update.media_sequence + count)
    old = {segment.msn: segment for segment in before.whole}
    if any(msn not in old for msn in wanted):
        return None
    fresh = [
        replace(s, init=s.init or (old[wanted[-1]].init if count else None))
        for s in update.segments
    ]
    return [_known(segment) for segment in (*(old[msn] for msn in wanted), *fresh)]


def _known(segment: Segment) -> Segment:
    """Without what may differ: the parts of old segments leave, counts run from elsewhere."""
    parts = segment.parts if segment.ref is None else ()
    return replace(segment, parts=parts, discontinuities=0, late_tags=())


def _differs(merged: list[Segment], wanted: list[Segment]) -> str:
    if len(merged) != len(wanted):
        return f"{len(merged)} segments instead of {len(wanted)}."
    at = next(i for i, (a, b) in enumerate(zip(merged, wanted, strict=True)) if a != b)
    return f"another segment {wanted[at].msn}."


@rules.must("DU-02", "bis 6.2.5.1")
def keeps_what_is_within(seen: Observation) -> Iterator[str]:
    """Nothing within CAN-SKIP-UNTIL of the end is skipped."""
    needed(_skipping(seen), "nothing was skipped")
    for rendition, delta, update in _skipping(seen):
        left_s = sum(segment.duration_s for segment in update.segments)
        until_s = delta.full.skip_until_s or 0.0
        if left_s < until_s - _EXACT_S:
            yield (
                f"{rendition.name}: {delta.reply.name} leaves {left_s:g} s where CAN-SKIP-UNTIL "
                f"is {until_s:g}."
            )
            return


@rules.must("DU-03", "bis 6.2.5.1")
def keeps_date_ranges(seen: Observation) -> Iterator[str]:
    """_HLS_skip=YES keeps every EXT-X-DATERANGE."""
    found = [(r, d, u) for r, d, u in _skipping(seen) if d.skip == "YES"]
    needed(found, "nothing was skipped")
    for rendition, delta, update in found:
        missing = {each.id for each in delta.full.date_ranges} - {e.id for e in update.date_ranges}
        if missing:
            yield (
                f"{rendition.name}: {delta.reply.name} leaves out the date range {min(missing)!r}."
            )
            return


@rules.must("DU-04", "bis 4.4.5.2, 6.2.5.1")
def says_which_date_ranges_went(seen: Observation) -> Iterator[str]:
    """_HLS_skip=v2 says RECENTLY-REMOVED-DATERANGES, and merges to all date ranges."""
    found = [
        (r, d, u)
        for r, d, u in _skipping(seen)
        if d.skip == "v2" and d.full.control.text("CAN-SKIP-DATERANGES") == "YES"
    ]
    needed(found, "no date range could be skipped")
    for rendition, delta, update in found:
        removed = update.skip.removed if update.skip else None
        if removed is None:
            yield f"{rendition.name}: {delta.reply.name} has no RECENTLY-REMOVED-DATERANGES."
            return
        kept = {each.id for each in delta.before.date_ranges} - set(removed)
        merged = kept | {each.id for each in update.date_ranges}
        wanted = {each.id for each in delta.full.date_ranges}
        if merged != wanted:
            which = min(merged ^ wanted)
            yield (
                f"{rendition.name}: {delta.reply.name}, merged, is wrong about the date range "
                f"{which!r}."
            )
            return


@rules.should("DU-05", "bis 6.2.5.1")
def skips_all_it_may(seen: Observation) -> Iterator[str]:
    """Everything past the skip boundary is skipped."""
    needed(_deltas(seen), "no delta update")
    for rendition, delta, update in _deltas(seen):
        until_s = delta.full.skip_until_s
        asked = delta.skip == "YES" or (update.skip is not None)
        left_s = sum(segment.duration_s for segment in update.segments[1:])
        if until_s and asked and left_s > until_s + _EXACT_S:
            yield (
                f"{rendition.name}: {delta.reply.name} keeps segment "
                f"{update.segments[0].msn}, {left_s:g} s from the end."
            )
            return
