"""PL: what each media playlist says, by itself."""

import itertools
from collections.abc import Iterator
from urllib.parse import urlsplit

from mediaserver.check.playlist import MediaPlaylist, Part, Segment
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Rendition

rules = Rules()

EXACT_S = 0.000_002
"""Decimals are rounded."""
_PART_FLOOR = 0.85


def each(seen: Observation) -> Iterator[tuple[Rendition, MediaPlaylist]]:
    """Every playlist of every rendition."""
    for rendition in seen.renditions:
        for playlist in rendition.playlists:
            yield rendition, playlist


def latest(seen: Observation) -> Iterator[tuple[Rendition, MediaPlaylist]]:
    """The newest playlist of every rendition."""
    for rendition in seen.renditions:
        if rendition.latest is not None:
            yield rendition, rendition.latest


def _listed_parts(seen: Observation) -> Iterator[tuple[str, Segment, int, Part, float]]:
    """Each part that was ever listed, once: the name, its segment and index, and PART-TARGET."""
    done: set[tuple[str, tuple[int, int], bool]] = set()
    for rendition, playlist in each(seen):
        if playlist.part_target_s is None:
            continue
        for segment in playlist.segments:
            for index, part in enumerate(segment.parts):
                key = (rendition.url, (segment.msn, index), segment.ref is None)
                if key not in done:
                    done.add(key)
                    name = f"{rendition.name}: part {part.ref} (number {segment.msn}.{index})"
                    yield name, segment, index, part, playlist.part_target_s


@rules.must("PL-01", "bis 4.1, 4.2")
def syntax(seen: Observation) -> Iterator[str]:
    """Media playlists can be read: form, single header tags, attribute lists."""
    told: set[tuple[str, str]] = set()
    for rendition in seen.renditions:
        for reload in rendition.reloads:
            if reload.playlist is None and reload.target is None:
                yield f"{rendition.name}: the playlist {reload.reply.fault}."
    for rendition, playlist in each(seen):
        for problem in playlist.problems:
            if (rendition.url, problem) not in told:
                told.add((rendition.url, problem))
                yield f"{rendition.name}: {problem}."


@rules.must("PL-02", "bis 4.4.3.1")
def durations_are_within_target(seen: Observation) -> Iterator[str]:
    """Each EXTINF, rounded, is at most TARGETDURATION."""
    for rendition in seen.renditions:
        for segment in rendition.listed.values():
            target_s = rendition.playlists[0].target_s
            if int(segment.duration_s + 0.5) > target_s:
                yield (
                    f"{rendition.name}: segment {segment.ref} lasts {segment.duration_s:g} s; "
                    f"the target duration is {target_s}."
                )


@rules.must("PL-04", "bis 4.4.4.9")
def parts_are_within_target(seen: Observation) -> Iterator[str]:
    """No part is longer than PART-TARGET."""
    needed(_listed_parts(seen), "no part")
    for name, _, _, part, target_s in _listed_parts(seen):
        if part.duration_s > target_s + EXACT_S:
            yield f"{name} lasts {part.duration_s:g} s; PART-TARGET is {target_s:g}."


@rules.must("PL-05", "bis 4.4.4.9")
def parts_are_not_short(seen: Observation) -> Iterator[str]:
    """Each part has 85 % of PART-TARGET, but the last of a segment, INDEPENDENT ones and gaps."""
    yield from _short(seen, independent=False)


@rules.should("PL-06", "project")
def independent_parts_are_not_short(seen: Observation) -> Iterator[str]:
    """INDEPENDENT parts that are not the last have 85 % of PART-TARGET too."""
    yield from _short(seen, independent=True)


def _short(seen: Observation, *, independent: bool) -> Iterator[str]:
    needed(_listed_parts(seen), "no part")
    for name, segment, index, part, target_s in _listed_parts(seen):
        last = index == len(segment.parts) - 1
        gap = part.gap or (not last and segment.parts[index + 1].gap)
        exempt = last or gap or part.independent != independent
        if not exempt and part.duration_s < _PART_FLOOR * target_s - EXACT_S:
            yield (
                f"{name} lasts {part.duration_s:g} s; 85 % of PART-TARGET is "
                f"{_PART_FLOOR * target_s:g}."
            )


@rules.must("PL-07", "bis 4.4.3.8, B.1")
def can_block(seen: Observation) -> Iterator[str]:
    """SERVER-CONTROL has CAN-BLOCK-RELOAD=YES."""
    for rendition, playlist in latest(seen):
        if playlist.control.text("CAN-BLOCK-RELOAD") != "YES":
            yield f"{rendition.name}: EXT-X-SERVER-CONTROL has no CAN-BLOCK-RELOAD=YES."


@rules.must("PL-08", "bis 4.4.3.8, Apple 14.3")
def part_hold_back(seen: Observation) -> Iterator[str]:
    """PART-HOLD-BACK is there, and at least three times PART-TARGET."""
    for rendition, playlist in latest(seen):
        held_s = playlist.control.number("PART-HOLD-BACK")
        if held_s is None:
            yield f"{rendition.name}: EXT-X-SERVER-CONTROL has no PART-HOLD-BACK."
        elif held_s < 3 * (playlist.part_target_s or 0) - EXACT_S:
            yield (
                f"{rendition.name}: PART-HOLD-BACK is {held_s:g}, less than three times "
                f"PART-TARGET, {playlist.part_target_s:g}."
            )


@rules.must("PL-09", "bis 4.4.3.8")
def hold_back(seen: Observation) -> Iterator[str]:
    """HOLD-BACK, if there, is at least three times TARGETDURATION."""
    for rendition, playlist in latest(seen):
        held_s = playlist.control.number("HOLD-BACK")
        if held_s is not None and held_s < 3 * playlist.target_s:
            yield (
                f"{rendition.name}: HOLD-BACK is {held_s:g}; three target durations are "
                f"{3 * playlist.target_s}."
            )


@rules.must("PL-10", "bis 4.4.3.8")
def skip_boundary(seen: Observation) -> Iterator[str]:
    """CAN-SKIP-UNTIL is at least six times TARGETDURATION; CAN-SKIP-DATERANGES only with it."""
    for rendition, playlist in latest(seen):
        until_s = playlist.skip_until_s
        if until_s is not None and until_s < 6 * playlist.target_s:
            yield (
                f"{rendition.name}: CAN-SKIP-UNTIL is {until_s:g}; six target durations are "
                f"{6 * playlist.target_s}."
            )
        if until_s is None and playlist.control.text("CAN-SKIP-DATERANGES") is not None:
            yield f"{rendition.name}: CAN-SKIP-DATERANGES stands there without CAN-SKIP-UNTIL."


@rules.must("PL-11", "bis 8")
def version(seen: Observation) -> Iterator[str]:
    """EXT-X-VERSION covers what is used: 6 for EXT-X-MAP, 9 and 10 for EXT-X-SKIP."""
    updates = [(r, d.update) for r in seen.renditions for d in r.deltas if d.update is not None]
    told: set[tuple[str, int]] = set()
    for rendition, playlist in (*latest(seen), *updates):
        skip = playlist.skip
        wanted = 6 if any(segment.init for segment in playlist.segments) else 1
        if skip is not None:
            wanted = 9 if skip.removed is None else 10
        if playlist.version < wanted and (rendition.url, wanted) not in told:
            told.add((rendition.url, wanted))
            yield f"{rendition.name}: EXT-X-VERSION is {playlist.version} where {wanted} is needed."


@rules.must("PL-15", "bis B.1, Apple 8.4")
def has_date_time(seen: Observation) -> Iterator[str]:
    """There is EXT-X-PROGRAM-DATE-TIME, with a time zone."""
    for rendition, playlist in latest(seen):
        dated = [segment for segment in playlist.segments if segment.utc_s is not None]
        if not dated:
            yield f"{rendition.name}: there is no EXT-X-PROGRAM-DATE-TIME."
        elif not all(segment.zoned for segment in dated):
            yield f"{rendition.name}: an EXT-X-PROGRAM-DATE-TIME names no time zone."


@rules.must("PL-16", "bis 4.4.4.6, project")
def date_times_add_up(seen: Observation) -> Iterator[str]:
    """Each segment's date-time is that of the one before plus its EXTINF, within 100 ms."""
    for rendition, playlist in latest(seen):
        for before, after in itertools.pairwise(playlist.segments):
            if before.utc_s is None or after.utc_s is None or after.discontinuity:
                continue
            off_s = after.utc_s - before.utc_s - before.duration_s
            if abs(off_s) > 0.1:
                yield (
                    f"{rendition.name}: the date-time of segment {after.msn} is "
                    f"{off_s * 1000:+.0f} ms off."
                )


@rules.must("PL-17", "bis 4.4.5.3, 6.2.6, B.1")
def one_hint(seen: Observation) -> Iterator[str]:
    """One EXT-X-PRELOAD-HINT of TYPE=PART, naming something that is not listed."""
    told: set[str] = set()
    for rendition, playlist in each(seen):
        hints = [ref for kind, ref in playlist.hints if kind == "PART"]
        if playlist.ended or rendition.url in told:
            continue
        if len(hints) != 1:
            told.add(rendition.url)
            yield f"{rendition.name}: there are {len(hints)} hints of TYPE=PART; there must be one."
        listed = {(part.ref.url, part.ref.first) for _, part in playlist.parts()}
        for hint in hints:
            if (hint.url, hint.first) in listed:
                told.add(rendition.url)
                yield f"{rendition.name}: the hint names {hint}, which is listed already."


@rules.must("PL-19", "bis 4.4.5.4, B.1")
def reports_every_other(seen: Observation) -> Iterator[str]:
    """There is an EXT-X-RENDITION-REPORT for every other rendition, with a relative URI."""
    urls = {rendition.url for rendition in seen.renditions}
    if len(urls) < 2:
        raise NotSeen("one rendition only")
    for rendition, playlist in latest(seen):
        if playlist.ended:
            continue
        missing = urls - {rendition.url} - {report.url for report in playlist.reports}
        for url in sorted(missing):
            other = next(r.name for r in seen.renditions if r.url == url)
            yield f"{rendition.name}: there is no EXT-X-RENDITION-REPORT for {other}."
        for report in playlist.reports:
            if urlsplit(report.uri).scheme or report.uri.startswith("//"):
                yield (
                    f"{rendition.name}: a rendition report names {report.uri}, which is not "
                    "relative."
                )


@rules.must("PL-21", "bis 4.4.4.5, 4.4.4.9, Apple 8.20")
def tags_precede_parts(seen: Observation) -> Iterator[str]:
    """EXT-X-MAP is there; it, date-time and discontinuity precede their segment's first part."""
    told: set[tuple[str, str]] = set()
    for rendition, playlist in each(seen):
        if playlist.segments and playlist.segments[0].init is None and not told:
            told.add((rendition.url, ""))
            yield f"{rendition.name}: the first segment has no EXT-X-MAP."
        for segment in playlist.segments:
            for tag in segment.late_tags:
                if (rendition.url, tag) not in told:
                    told.add((rendition.url, tag))
                    yield (
                        f"{rendition.name}: {tag} of segment {segment.msn} comes after its first "
                        "part."
                    )


@rules.must("PL-22", "bis 3.2, 4.4.4.9")
def parts_make_the_segment(seen: Observation) -> Iterator[str]:
    """The durations of a segment's parts add up to its EXTINF, within 10 ms."""
    for rendition, playlist in latest(seen):
        for segment in playlist.whole:
            if segment.parts:
                total_s = sum(part.duration_s for part in segment.parts)
                if abs(total_s - segment.duration_s) > 0.01:
                    yield (
                        f"{rendition.name}: the parts of segment {segment.ref} last {total_s:g} s, "
                        f"its EXTINF is {segment.duration_s:g}."
                    )


@rules.should("PL-23", "bis 6.2.2")
def old_parts_are_not_listed(seen: Observation) -> Iterator[str]:
    """Parts are listed for the last three target durations only."""
    for rendition, playlist in latest(seen):
        from_end_s = 0.0
        for segment in reversed(playlist.segments):
            if (
                segment.parts
                and from_end_s > 3 * playlist.target_s + EXACT_S
                and not playlist.ended
            ):
                yield (
                    f"{rendition.name}: the parts of segment {segment.msn} are listed though it "
                    f"ended {from_end_s:g} s before the end."
                )
                break
            from_end_s += segment.duration_s


@rules.must("PL-24", "Apple 8.11, bis 6.2.2")
def window_is_long_enough(seen: Observation) -> Iterator[str]:
    """There are six segments and three target durations once segments leave."""
    judged = False
    for rendition in seen.renditions:
        playlists = rendition.playlists
        for before, after in itertools.pairwise(playlists):
            if after.media_sequence > before.media_sequence:
                judged = True
                whole_s = sum(segment.duration_s for segment in after.whole)
                if len(after.whole) < 6 or whole_s < 3 * after.target_s:
                    yield (
                        f"{rendition.name}: {len(after.whole)} segments, {whole_s:g} s, were left "
                        "when one left the playlist."
                    )
                    break
    if not judged:
        raise NotSeen("no segment left the playlist")
