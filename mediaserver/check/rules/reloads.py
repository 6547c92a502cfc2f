"""PL: how a media playlist changes from one reload to the next."""

import itertools
from collections.abc import Iterator

from mediaserver.check.playlist import MediaPlaylist, Part, Segment
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Rendition

rules = Rules()

_REPORT_LAG_S = 0.25


def _steps(seen: Observation) -> Iterator[tuple[Rendition, MediaPlaylist, MediaPlaylist]]:
    """Each playlist with the one that came after it."""
    for rendition in seen.renditions:
        for before, after in itertools.pairwise(rendition.playlists):
            yield rendition, before, after


@rules.must("PL-03", "bis 6.2.1, project")
def targets_never_change(seen: Observation) -> Iterator[str]:
    """TARGETDURATION and PART-TARGET never change."""
    for rendition, before, after in _steps(seen):
        if before.target_s != after.target_s:
            yield (
                f"{rendition.name}: the target duration went from {before.target_s} to "
                f"{after.target_s}."
            )
        if before.part_target_s != after.part_target_s:
            yield (
                f"{rendition.name}: PART-TARGET went from {before.part_target_s} to "
                f"{after.part_target_s}."
            )


@rules.must("PL-12", "bis 6.2.2")
def segments_leave_at_the_start_only(seen: Observation) -> Iterator[str]:
    """EXT-X-MEDIA-SEQUENCE never decreases; nothing vanishes from the middle or the end."""
    for rendition, before, after in _steps(seen):
        if after.media_sequence < before.media_sequence:
            yield (
                f"{rendition.name}: EXT-X-MEDIA-SEQUENCE went from {before.media_sequence} to "
                f"{after.media_sequence}."
            )
        elif after.edge < before.edge:
            yield (
                f"{rendition.name}: the end went from {_dot(before.edge)} back to "
                f"{_dot(after.edge)}."
            )


@rules.must("PL-13", "bis 6.2.1")
def what_is_listed_never_changes(seen: Observation) -> Iterator[str]:
    """A segment or part never changes once it is listed."""
    told: set[tuple[str, str]] = set()
    for rendition, before, after in _steps(seen):
        for old, new in _same(before, after):
            for what in _changes(old, new):
                if (rendition.url, what) not in told:
                    told.add((rendition.url, what))
                    yield f"{rendition.name}: {what} of segment {old.msn} changed."


def _same(before: MediaPlaylist, after: MediaPlaylist) -> Iterator[tuple[Segment, Segment]]:
    by_msn = {segment.msn: segment for segment in after.segments}
    for old in before.segments:
        if old.msn in by_msn:
            yield old, by_msn[old.msn]


def _changes(old: Segment, new: Segment) -> Iterator[str]:
    if old.ref is not None:
        if old.ref != new.ref:
            yield "the URI"
        if old.duration_s != new.duration_s:
            yield "the EXTINF"
    if old.utc_s != new.utc_s:
        yield "the date-time"
    if old.init != new.init:
        yield "the EXT-X-MAP"
    if old.discontinuity != new.discontinuity:
        yield "the EXT-X-DISCONTINUITY"
    if new.parts or new.ref is None:  # whose parts have not left
        for index, (a, b) in enumerate(itertools.zip_longest(old.parts, new.parts)):
            if a is not None and a != b:
                yield f"part {index} ({_difference(a, b)})"


def _difference(a: Part, b: Part | None) -> str:
    if b is None:
        return "it vanished"
    names = ("ref", "duration_s", "independent", "gap")
    return ", ".join(
        f"{getattr(a, n)} → {getattr(b, n)}" for n in names if getattr(a, n) != getattr(b, n)
    )


@rules.must("PL-14", "bis 6.2.2")
def discontinuities_are_counted(seen: Observation) -> Iterator[str]:
    """EXT-X-DISCONTINUITY-SEQUENCE moves with each EXT-X-DISCONTINUITY that leaves, and only so."""
    for rendition, before, after in _steps(seen):
        left = sum(s.discontinuity for s in before.segments if s.msn < after.media_sequence)
        wanted = before.discontinuity_sequence + left
        if after.media_sequence >= before.media_sequence and after.discontinuity_sequence != wanted:
            yield (
                f"{rendition.name}: EXT-X-DISCONTINUITY-SEQUENCE went from "
                f"{before.discontinuity_sequence} to {after.discontinuity_sequence}; {left} left."
            )


@rules.must("PL-18", "bis 4.4.5.3")
def hints_come_true(seen: Observation) -> Iterator[str]:
    """The hinted URI is that of the next part."""
    judged = False
    for rendition, before, after in _steps(seen):
        hint = next((ref for kind, ref in before.hints if kind == "PART"), None)
        new = [(key, part) for key, part in after.parts() if key >= before.edge]
        if hint is None or not new or after.media_sequence > before.edge[0]:
            continue
        judged = True
        key, part = new[0]
        if (part.ref.url, part.ref.first or 0) != (hint.url, hint.first or 0):
            yield f"{rendition.name}: part {_dot(key)} is {part.ref}; {hint} was hinted at."
    if not judged:
        raise NotSeen("no part came after a hint")


@rules.must("PL-20", "bis 4.4.5.4")
def reports_are_fresh(seen: Observation) -> Iterator[str]:
    """A rendition report is as fresh as its playlist, and never ahead of what can be had."""
    needed(seen.reported, "no rendition report")
    soon_s = 2 * seen.rtt_s + max(0.25, seen.part_target_s / 2)
    for test in seen.reported:
        msn, part = test.at
        what = f"A report for {_name(seen, test.other)} names {msn}.{part}"
        if test.playlist is None or not test.playlist.lists(msn, None if part < 0 else part):
            yield f"{what}, which its own playlist does not list ({test.reply.fault})."
        elif test.reply.took_s > soon_s:
            yield f"{what}, which came {test.reply.took_s:.2f} s later."
        other = next((r for r in seen.renditions if r.url == test.other), None)
        known = [
            reload.playlist.edge
            for reload in (other.reloads if other else [])
            if reload.playlist and reload.reply.done_s <= test.read_s - _REPORT_LAG_S
        ]
        listed_until = (msn, part + 1) if part >= 0 else (msn + 1, 0)
        if known and max(known) > listed_until and (max(known)[0] > msn + 1 or max(known)[1]):
            yield f"{what}, while its own playlist ended at {_dot(max(known))} before."


@rules.should("PL-25", "bis 6.2.1 (MUST)")
def parts_come_in_time(seen: Observation) -> Iterator[str]:
    """A new part is listed within one PART-TARGET of the last."""
    for rendition in seen.renditions:
        came_s: float | None = None
        for before, after in itertools.pairwise(rendition.reloads):
            if after.playlist is None or before.playlist is None or after.playlist.ended:
                continue
            if after.playlist.edge > before.playlist.edge:
                limit_s = 2 * (after.playlist.part_target_s or after.playlist.target_s) + 0.1
                if came_s is not None and after.reply.done_s - came_s > limit_s:
                    yield (
                        f"{rendition.name}: {_dot(after.playlist.edge)} came "
                        f"{after.reply.done_s - came_s:.2f} s after what was before it."
                    )
                came_s = after.reply.done_s


def _dot(edge: tuple[int, int]) -> str:
    return f"{edge[0]}.{edge[1]}"


def _name(seen: Observation, url: str) -> str:
    return next((r.name for r in seen.renditions if r.url == url), url)
