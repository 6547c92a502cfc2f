"""MP: init sections, parts and segments, box by box."""

import itertools
from collections.abc import Iterator

from mediaserver.check.boxes import Span
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Piece, Rendition

rules = Rules()


def pieces(seen: Observation) -> Iterator[tuple[Rendition, Piece]]:
    """Every part and segment that came."""
    for rendition in seen.renditions:
        for piece in rendition.pieces:
            if piece.media is not None:
                yield rendition, piece


def _faults(seen: Observation, rule: str) -> Iterator[str]:
    needed(pieces(seen), "no media")
    for rendition, piece in pieces(seen):
        for fault in piece.media.faults if piece.media else ():
            if fault.rule == rule:
                yield f"{rendition.name}: {piece.name} {fault.what}."


@rules.must("MP-01", "bis 3.1.2, BMFF 8.8")
def inits_are_whole(seen: Observation) -> Iterator[str]:
    """The init section: ftyp, then moov with one video and one audio track at most, no samples."""
    needed((i for r in seen.renditions for i in r.inits), "no init section")
    for rendition in seen.renditions:
        for ref, (reply, init) in rendition.inits.items():
            for fault in init.faults:
                yield f"{rendition.name}: init section {ref} {fault.what}."
            if not reply.ok:
                yield f"{rendition.name}: init section {ref} {reply.fault}."


@rules.must("MP-02", "bis 3.1.2, CMAF 7.5.13, project")
def edits_undo_composition(seen: Observation) -> Iterator[str]:
    """There is no edit list, or one that only undoes the composition offset."""
    for rendition in seen.renditions:
        for ref, (_, init) in rendition.inits.items():
            for track in init.tracks:
                span = _first_span(rendition, track.track.track)
                offset = span.samples[0].composition_offset if span and span.samples else 0
                if len(track.edits) > 1 or (track.edits and track.edits[0][1] != offset):
                    yield (
                        f"{rendition.name}: init section {ref} edits track {track.track.track} to "
                        f"{[time for _, time in track.edits]}; its composition offset is {offset}."
                    )


def _first_span(rendition: Rendition, track: int) -> Span | None:
    for piece in rendition.pieces:
        if piece.media is not None and track in piece.media.spans:
            return piece.media.spans[track]
    return None


@rules.must("MP-03", "bis 3.1.2, BMFF 8.8")
def media_is_whole(seen: Observation) -> Iterator[str]:
    """Parts and segments are whole moof and mdat; sizes add up; samples lie inside of mdat."""
    yield from _faults(seen, "MP-03")


@rules.must("MP-04", "bis 3.1.2, CMAF 7.5.16")
def headers_are_right(seen: Observation) -> Iterator[str]:
    """default-base-is-moof, no base-data-offset, a tfdt in each traf, tracks of the init."""
    yield from _faults(seen, "MP-04")


@rules.must("MP-05", "Apple 7.1, 7.3")
def parts_are_continuous(seen: Observation) -> Iterator[str]:
    """Decode times go on from part to part."""
    needed((p for r in seen.renditions for p in r.parts.values() if p.media), "no part")
    for rendition in seen.renditions:
        for before, after in itertools.pairwise(rendition.ordered):
            next_in = (before.segment.msn, (before.index or 0) + 1) == after.key
            if next_in or (after.index == 0 and _ends(rendition, before, after)):
                yield from _jumps(rendition, before, after)
    yield from _faults(seen, "MP-05")


def _ends(rendition: Rendition, before: Piece, after: Piece) -> bool:
    """Whether `before` is the last part of the segment in front of `after`'s."""
    listed = rendition.listed.get(before.segment.msn)
    size = len(listed.parts) if listed else 0
    return after.segment.msn == before.segment.msn + 1 and before.index == size - 1


@rules.must("MP-06", "Apple 7.1, 7.3")
def segments_are_continuous(seen: Observation) -> Iterator[str]:
    """Decode times go on from segment to segment."""
    needed((p for r in seen.renditions for p in r.segments.values() if p.media), "no segment")
    for rendition in seen.renditions:
        whole = [rendition.segments[msn] for msn in sorted(rendition.segments)]
        for before, after in itertools.pairwise(whole):
            if after.segment.msn == before.segment.msn + 1:
                yield from _jumps(rendition, before, after)


def _jumps(rendition: Rendition, before: Piece, after: Piece) -> Iterator[str]:
    if before.media is None or after.media is None or after.segment.discontinuity:
        return
    for track in before.media.spans.keys() & after.media.spans.keys():
        end = before.media.spans[track].start + before.media.spans[track].duration
        start = after.media.spans[track].start
        if start != end:
            yield (
                f"{rendition.name}: {after.name} begins at {start} in track {track}; {end} is "
                "where the one before ends."
            )


@rules.must("MP-07", "bis 4.4.4.9, Apple 8.1")
def parts_last_as_said(seen: Observation) -> Iterator[str]:
    """A part's samples add up to its DURATION, within 5 ms."""
    yield from _lasts(seen, 0.005, whole=False)


@rules.must("MP-08", "bis 4.4.4.1, Apple 8.1")
def segments_last_as_said(seen: Observation) -> Iterator[str]:
    """A segment's samples add up to its EXTINF, within 10 ms."""
    yield from _lasts(seen, 0.010, whole=True)


def _lasts(seen: Observation, slack_s: float, *, whole: bool) -> Iterator[str]:
    found = [(r, p) for r, p in pieces(seen) if (p.index is None) == whole]
    needed(found, "no segment" if whole else "no part")
    for rendition, piece in found:
        if piece.media_s is not None and abs(piece.media_s - piece.duration_s) > slack_s:
            yield (
                f"{rendition.name}: {piece.name} has {piece.media_s:.3f} s of samples and is "
                f"listed with {piece.duration_s:g}."
            )


@rules.must("MP-09", "Apple 7.4, bis 4.4.2.1")
def segments_start_with_idr(seen: Observation) -> Iterator[str]:
    """Video segments start with an IDR."""
    judged = False
    for rendition, piece in pieces(seen):
        first = piece.lead[1].idr[:1] if piece.lead else ()
        if (piece.index is None or piece.index == 0) and first and first[0] is not None:
            judged = True
            if not first[0]:
                yield f"{rendition.name}: {piece.name} does not start with an IDR."
    if not judged:
        raise NotSeen("no H.264 segment")


def _independent(piece: Piece) -> bool | None:
    """Whether it has an independent frame; None where that cannot be told."""
    idr = [each for each in piece.lead[1].idr if each is not None] if piece.lead else []
    return any(idr) if idr else None


@rules.must("MP-10", "bis 4.4.4.9")
def independent_parts_are(seen: Observation) -> Iterator[str]:
    """INDEPENDENT=YES stands only on parts with an independent frame."""
    needed((p for r in seen.renditions for p in r.parts), "no part")
    for rendition, piece in pieces(seen):
        if piece.index is not None and piece.independent and _independent(piece) is False:
            yield f"{rendition.name}: {piece.name} is said to be independent and has no IDR."


@rules.should("MP-11", "bis 4.4.4.9")
def independence_is_said(seen: Observation) -> Iterator[str]:
    """INDEPENDENT=YES stands on every part with an independent frame."""
    needed((p for r in seen.renditions for p in r.parts), "no part")
    for rendition, piece in pieces(seen):
        if piece.index is not None and not piece.independent and _independent(piece):
            yield f"{rendition.name}: {piece.name} has an IDR and is not said to be independent."


@rules.must("MP-12", "BMFF 8.8.3.1")
def sync_flags_are_right(seen: Observation) -> Iterator[str]:
    """Sync-sample flags agree with the NAL units."""
    yield from _faults(seen, "MP-12")


def _wholes(seen: Observation) -> Iterator[tuple[Rendition, Piece, list[Piece]]]:
    """Each segment with all of its parts, where all came."""
    for rendition in seen.renditions:
        for msn, whole in rendition.segments.items():
            count = len(whole.segment.parts)
            parts = [rendition.parts.get((msn, index)) for index in range(count)]
            found = [part for part in parts if part is not None and part.media is not None]
            if count and len(found) == count and whole.media is not None:
                yield rendition, whole, found


@rules.must("MP-13", "bis 3.2")
def parts_are_the_segment(seen: Observation) -> Iterator[str]:
    """A segment and its parts hold the same samples at the same times."""
    needed(_wholes(seen), "no segment with all its parts")
    for rendition, whole, parts in _wholes(seen):
        if whole.media is None:
            continue
        for track, span in whole.media.spans.items():
            mine = [(s.time, s.duration, s.size, s.composition_offset) for s in span.samples]
            theirs = [
                (s.time, s.duration, s.size, s.composition_offset)
                for part in parts
                if part.media is not None and track in part.media.spans
                for s in part.media.spans[track].samples
            ]
            if mine != theirs:
                yield (
                    f"{rendition.name}: {whole.name} has other samples in track {track} than its "
                    "parts."
                )


@rules.should("MP-14", "project")
def parts_are_the_segment_byte_for_byte(seen: Observation) -> Iterator[str]:
    """The parts of a segment, one after the other, are the segment."""
    found = [
        (r, whole, parts)
        for r, whole, parts in _wholes(seen)
        if whole.key in r.data and all(part.key in r.data for part in parts)
    ]
    needed(found, "no segment with all its parts")
    for rendition, whole, parts in found:
        if b"".join(rendition.data[part.key] for part in parts) != rendition.data[whole.key]:
            yield f"{rendition.name}: {whole.name} is not its parts one after the other."


@rules.must("MP-15", "project")
def everything_decodes(seen: Observation) -> Iterator[str]:
    """Everything decodes, one frame a sample."""
    runs = [each for rendition in seen.renditions for each in rendition.decoded]
    needed(runs, "nothing to decode")
    for run in runs:
        if run.error is not None:
            yield f"{run.name} do not decode: {run.error}."
        elif run.frames != run.samples:
            yield f"{run.name} hold {run.samples} samples and decode to {run.frames} frames."


@rules.should("MP-16", "CMAF 7.5.13")
def presentation_starts_with_decoding(seen: Observation) -> Iterator[str]:
    """The first presentation time is the decode time, after edits."""
    needed(pieces(seen), "no media")
    for rendition in seen.renditions:
        for _, init in rendition.inits.values():
            for track in init.tracks:
                span = _first_span(rendition, track.track.track)
                if span is None or not span.samples:
                    continue
                edit = track.edits[0][1] if track.edits else 0
                first = min(s.time + s.composition_offset for s in span.samples) - edit
                if first != span.start:
                    yield (
                        f"{rendition.name}: track {track.track.track} is presented from {first} "
                        f"on, decoded from {span.start}."
                    )
