"""CU: cues in band (emsg with ID3) and in playlists (EXT-X-DATERANGE)."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mediaserver.check import id3
from mediaserver.check.boxes import Event
from mediaserver.check.playlist import DateRange, MediaPlaylist
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Piece, Rendition

rules = Rules()

SCHEME = "https://aomedia.org/emsg/ID3"
_UNKNOWN_DURATION = 0xFFFF_FFFF
_CALL_S = 5.0
"""How much later than its time a cue may have been called for, for its frame to have left."""
_SLACK_S = 0.1
_EDGE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """One event message in a part or segment."""

    rendition: Rendition
    piece: Piece
    event: Event

    @property
    def name(self) -> str:
        return f"{self.rendition.name}: the emsg {self.event.id} in {self.piece.name.lower()}"

    @property
    def key(self) -> tuple[str, int, int, bytes]:
        event = self.event
        return event.value, event.id, round(event.time_s * 1000), event.message

    @property
    def at_fragment_start(self) -> bool:
        lead = self.piece.lead
        fragments = self.piece.media.fragments if self.piece.media else ()
        if lead is None or self.event.fragment >= len(fragments):
            return False
        start, _ = fragments[self.event.fragment].get(lead[0].track.track, (0, 0))
        return abs(start / lead[0].track.timescale - self.event.time_s) < 0.001


def _cues(seen: Observation, *, whole: bool | None = None) -> list[_Cue]:
    found = [
        _Cue(rendition=rendition, piece=piece, event=event)
        for rendition in seen.renditions
        for piece in rendition.pieces
        if piece.media is not None and whole in (None, piece.index is None)
        for event in piece.media.events
        if event.id3
    ]
    needed(found, "no emsg with ID3")
    return found


def _told_once(found: Iterator[str]) -> Iterator[str]:
    yield from dict.fromkeys(found)


@rules.must("CU-01", "AOM 2.2.1-2.2.3")
def emsg_is_of_version_1(seen: Observation) -> Iterator[str]:
    """An emsg with ID3 has version 1, flags 0 and the scheme https://aomedia.org/emsg/ID3."""
    for cue in _cues(seen):
        event = cue.event
        if event.version != 1 or event.flags:
            yield f"{cue.name} is of version {event.version} with flags {event.flags}."
        if event.scheme != SCHEME:
            yield f"{cue.name} has the scheme {event.scheme!r}."


def _v1(cues: list[_Cue]) -> Iterator[_Cue]:
    return (cue for cue in cues if cue.event.version == 1 and cue.event.timescale)


@rules.must("CU-02", "AOM 2.2.3")
def emsg_is_inside_its_segment(seen: Observation) -> Iterator[str]:
    """An emsg's presentation time is inside its segment."""
    for cue in _v1(_cues(seen, whole=True)):
        start_s, length_s = cue.piece.start_s, cue.piece.media_s
        if start_s is None or length_s is None:
            continue
        if not start_s - 0.001 <= cue.event.time_s < start_s + length_s:
            yield (
                f"{cue.name} is for {cue.event.time_s:.3f} s; the segment is {start_s:.3f} to "
                f"{start_s + length_s:.3f}."
            )


@rules.should("CU-03", "AOM 2.2.3 (must)")
def emsg_is_inside_its_fragment(seen: Observation) -> Iterator[str]:
    """An emsg's presentation time is inside its own fragment."""
    for cue in _v1(_cues(seen)):
        lead = cue.piece.lead
        fragments = cue.piece.media.fragments if cue.piece.media else ()
        if lead is None or cue.event.fragment >= len(fragments):
            continue
        times = fragments[cue.event.fragment].get(lead[0].track.track)
        if times is not None:
            start_s, end_s = (time / lead[0].track.timescale for time in times)
            if not start_s - 0.001 <= cue.event.time_s < end_s:
                yield (
                    f"{cue.name} is for {cue.event.time_s:.3f} s; its fragment is {start_s:.3f} "
                    f"to {end_s:.3f}."
                )


@rules.must("CU-04", "CMAF 7.4.5")
def emsg_is_before_its_moof(seen: Observation) -> Iterator[str]:
    """An emsg stands before the moof that it belongs to."""
    for cue in _cues(seen):
        if not cue.event.in_place:
            yield f"{cue.name} does not stand before a moof."


@rules.must("CU-05", "AOM 2.2.3, ID3v2.4.0 3-4")
def payload_is_a_tag(seen: Observation) -> Iterator[str]:
    """The payload is one whole ID3v2.4 tag."""
    for cue in _cues(seen):
        wrong = id3.wrong_with(cue.event.message)
        if wrong is not None:
            yield f"{cue.name} carries no good ID3 tag: {wrong}."


@rules.must("CU-06", "bis 3.2")
def segments_carry_what_their_parts_do(seen: Observation) -> Iterator[str]:
    """A segment carries the emsg of its parts."""
    judged = False
    cues = _cues(seen)
    for rendition in seen.renditions:
        for msn, whole in rendition.segments.items():
            count = len(whole.segment.parts)
            if not count or any((msn, i) not in rendition.parts for i in range(count)):
                continue
            mine = [c for c in cues if c.rendition is rendition and c.piece.segment.msn == msn]
            judged = judged or bool(mine)
            of_parts = Counter(c.key for c in mine if c.piece.index is not None)
            of_whole = Counter(c.key for c in mine if c.piece.index is None)
            if of_parts != of_whole:
                yield (
                    f"{rendition.name}: segment {whole.ref} has {of_whole.total()} emsg, its parts "
                    f"have {of_parts.total()}, or they differ."
                )
    if not judged:
        raise NotSeen("no segment with an emsg and all its parts")


def _covered(rendition: Rendition) -> tuple[float, float]:
    """The stretch of media time of which all parts came."""
    end_s: float | None = None
    start_s = 0.0
    for piece in reversed(rendition.ordered):
        if piece.start_s is None or piece.media_s is None:
            break
        if end_s is None:
            end_s = piece.start_s + piece.media_s
        elif abs(piece.start_s + piece.media_s - start_s) > 0.05:
            break
        start_s = piece.start_s
    return (start_s, end_s) if end_s is not None else (0.0, 0.0)


def _common(seen: Observation) -> tuple[float, float]:
    spans = [_covered(rendition) for rendition in seen.video]
    if not spans:
        raise NotSeen("no video rendition")
    return max(start for start, _ in spans), min(end for _, end in spans)


@rules.must("CU-07", "project")
def every_rendition_has_every_cue(seen: Observation) -> Iterator[str]:
    """The same cues, by id, time and payload, are in every video rendition."""
    start_s, end_s = _common(seen)
    by_name: dict[str, dict[tuple[str, int, int, bytes], _Cue]] = {r.name: {} for r in seen.video}
    for cue in _v1(_cues(seen, whole=False)):
        begins_s = cue.piece.start_s
        if begins_s is not None and start_s - 0.001 <= begins_s < end_s - 0.001:
            by_name.get(cue.rendition.name, {})[cue.key] = cue
    for name, other in itertools.permutations(by_name, 2):
        for key in by_name[name].keys() - by_name[other].keys():
            yield f"{by_name[name][key].name} at {key[2] / 1000:g} s is not in {other}."


@rules.must("CU-08", "BMFF/DASH 5.10.3.3.4")
def ids_are_unique(seen: Observation) -> Iterator[str]:
    """Ids of emsg are unique for a scheme and value."""
    for rendition in seen.renditions:
        known: dict[tuple[str, str, int], _Cue] = {}
        for cue in _cues(seen, whole=False):
            if cue.rendition is rendition:
                key = (cue.event.scheme, cue.event.value, cue.event.id)
                first = known.setdefault(key, cue)
                if first.key != cue.key:
                    yield f"{cue.name} has the id of another, in part {first.piece.ref}."


def _ranges(seen: Observation) -> Iterator[tuple[Rendition, MediaPlaylist, DateRange]]:
    for rendition in seen.renditions:
        for playlist in rendition.playlists:
            for each in playlist.date_ranges:
                yield rendition, playlist, each


@rules.must("CU-09", "bis 4.4.5.1")
def date_ranges_are_legal(seen: Observation) -> Iterator[str]:
    """One EXT-X-DATERANGE an ID, with START-DATE, consistent DURATION and END-DATE, legal names."""
    needed(_ranges(seen), "no EXT-X-DATERANGE")

    def found() -> Iterator[str]:
        for rendition, _, each in _ranges(seen):
            if each.problem is not None:
                yield f"{rendition.name}: EXT-X-DATERANGE {each.id!r} is not legal: {each.problem}."
        for rendition in seen.renditions:
            for playlist in rendition.playlists:
                for name, count in Counter(e.id for e in playlist.date_ranges).items():
                    if count > 1:
                        yield (
                            f"{rendition.name}: {count} EXT-X-DATERANGE tags have the ID {name!r}."
                        )

    yield from _told_once(found())


@rules.must("CU-10", "bis 4.4.5.1")
def date_ranges_never_change(seen: Observation) -> Iterator[str]:
    """Attributes of an EXT-X-DATERANGE never change once seen; more may come."""
    needed(_ranges(seen), "no EXT-X-DATERANGE")
    known: dict[tuple[str, str], dict[str, str]] = {}

    def found() -> Iterator[str]:
        for rendition, _, each in _ranges(seen):
            attributes = known.setdefault((rendition.url, each.id), dict(each.attributes))
            for name, value in each.attributes.items():
                if attributes.setdefault(name, value) != value:
                    yield f"{rendition.name}: {name} of EXT-X-DATERANGE {each.id!r} changed."

    yield from _told_once(found())


@rules.must("CU-11", "bis 6.2.1")
def date_ranges_stay(seen: Observation) -> Iterator[str]:
    """An EXT-X-DATERANGE stays while it overlaps the playlist."""
    needed(_ranges(seen), "no EXT-X-DATERANGE")
    for rendition in seen.renditions:
        for before, after in itertools.pairwise(rendition.playlists):
            begins_s = after.segments[0].utc_s if after.segments else None
            there = {each.id for each in after.date_ranges}
            for each in before.date_ranges:
                if each.id in there or begins_s is None or each.start_s is None:
                    continue
                if each.duration_s is None or each.start_s + each.duration_s > begins_s + _SLACK_S:
                    yield (
                        f"{rendition.name}: EXT-X-DATERANGE {each.id!r} vanished while it "
                        "overlapped the playlist."
                    )


@rules.must("CU-12", "project")
def every_playlist_has_every_date_range(seen: Observation) -> Iterator[str]:
    """The same EXT-X-DATERANGE tags are in every video rendition."""
    needed(_ranges(seen), "no EXT-X-DATERANGE")
    if len(seen.video) < 2:
        raise NotSeen("one video rendition only")
    first = {playlist.edge: playlist for playlist in seen.video[0].playlists}

    def found() -> Iterator[str]:
        for other in seen.video[1:]:
            for playlist in other.playlists:
                mine = first.get(playlist.edge)
                if mine is None or mine.media_sequence != playlist.media_sequence:
                    continue
                a, b = ({e.id: e.attributes for e in p.date_ranges} for p in (mine, playlist))
                for name in a.keys() | b.keys():
                    if a.get(name) != b.get(name):
                        yield (
                            f"EXT-X-DATERANGE {name!r} differs between {seen.video[0].name} and "
                            f"{other.name}."
                        )

    yield from _told_once(found())


def _mapping(rendition: Rendition) -> float | None:
    """Date-time minus media time."""
    for piece in rendition.pieces:
        at_start = piece.index is None or piece.index == 0
        if at_start and piece.start_s is not None and piece.segment.utc_s is not None:
            return piece.segment.utc_s - piece.start_s
    return None


@rules.must("CU-13", "project")
def both_ways_say_the_same(seen: Observation) -> Iterator[str]:
    """Every cue in band has an EXT-X-DATERANGE at its time, and the other way round."""
    judged = False
    for rendition in seen.video:
        offset_s = _mapping(rendition)
        if offset_s is None:
            continue
        ranges = {e.id: e for p in rendition.playlists for e in p.date_ranges}
        starts = [each.start_s for each in ranges.values() if each.start_s is not None]
        media = [p for p in rendition.ordered if p.media is not None]
        cues = [
            _Cue(rendition=rendition, piece=piece, event=event)
            for piece in media
            if piece.media is not None
            for event in piece.media.events
            if event.id3 and event.version == 1 and event.timescale
        ]
        judged = judged or bool(starts or cues)
        for cue in cues:
            at_s = cue.event.time_s + offset_s
            if not any(_same_time(start_s, at_s, late=cue.at_fragment_start) for start_s in starts):
                yield f"{cue.name} has no EXT-X-DATERANGE at its time."
        first_s, last_s = (each + offset_s for each in _covered(rendition))
        for each in ranges.values():
            if each.start_s is None or not first_s <= each.start_s < last_s - _EDGE_S:
                continue
            if not any(
                _same_time(each.start_s, c.event.time_s + offset_s, late=c.at_fragment_start)
                for c in cues
            ):
                yield f"{rendition.name}: EXT-X-DATERANGE {each.id!r} has no emsg at its time."
    if not judged:
        raise NotSeen("no cue")


def _same_time(start_s: float, emsg_s: float, *, late: bool) -> bool:
    """Whether they are one cue: the part of its frame may have left before it was called."""
    early_s = emsg_s - start_s
    return -_SLACK_S <= early_s <= (_CALL_S if late else _SLACK_S)


@rules.should("CU-14", "AOM 2.2.3, 2.3, CMAF 7.4.5")
def emsg_is_well_dressed(seen: Observation) -> Iterator[str]:
    """The init has the brand aid3; an emsg's duration is not 0, its timescale is the track's."""
    cues = _cues(seen)

    def found() -> Iterator[str]:
        for rendition in {cue.rendition.name: cue.rendition for cue in cues}.values():
            if rendition.init is not None and "aid3" not in rendition.init.brands:
                yield f"{rendition.name}: the init section has no brand aid3."
        for cue in cues:
            lead = cue.piece.lead
            if cue.event.duration == 0:
                yield f"{cue.name} lasts 0."
            if lead is not None and cue.event.timescale != lead[0].track.timescale:
                yield (
                    f"{cue.name} has the timescale {cue.event.timescale}, its track "
                    f"{lead[0].track.timescale}."
                )

    yield from _told_once(found())


@rules.must("CU-15", "project")
def cues_are_bounded(seen: Observation) -> Iterator[str]:
    """Every cue lasts its own bounded time, in band and in playlists."""
    needed(_ranges(seen), "no EXT-X-DATERANGE")

    def found() -> Iterator[str]:
        for rendition, _, each in _ranges(seen):
            if not each.duration_s:
                yield (
                    f"{rendition.name}: EXT-X-DATERANGE {each.id!r} has neither DURATION nor "
                    "END-DATE."
                )
        for rendition in seen.renditions:
            for piece in rendition.pieces:
                for event in piece.media.events if piece.media else ():
                    brief = event.timescale and event.duration <= event.timescale / 1000
                    if event.id3 and (brief or event.duration == _UNKNOWN_DURATION):
                        cue = _Cue(rendition=rendition, piece=piece, event=event)
                        yield f"{cue.name} has no bounded duration."

    yield from _told_once(found())
