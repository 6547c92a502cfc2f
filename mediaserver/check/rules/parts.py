"""PH: preload hints, and parts as they are delivered."""

from collections.abc import Iterator

from mediaserver.check.rules.base import Rules, needed
from mediaserver.check.seen import Observation

rules = Rules()

_AT_ONCE_S = 0.5


@rules.must("PH-01", "bis 6.2.6")
def hints_can_be_asked_for(seen: Observation) -> Iterator[str]:
    """A hinted part can be asked for before it exists: the request waits, then brings it."""
    needed((h for r in seen.renditions for h in r.hinted), "no hint")
    for rendition in seen.renditions:
        latest = rendition.latest
        edge = latest.edge if latest else (0, 0)
        for hint in rendition.hinted:
            listed = rendition.parts.get(hint.edge)
            came = listed is not None and listed.ref.url == hint.ref.url
            if not hint.reply.ok and (came or hint.edge >= edge) and not (latest and latest.ended):
                yield f"{rendition.name}: the hinted part {hint.ref} {hint.reply.fault}."


@rules.must("PH-02", "bis 4.4.5.3")
def hinted_bytes_are_published(seen: Observation) -> Iterator[str]:
    """The hinted bytes are the published bytes."""
    needed((a for r in seen.renditions for a in r.again), "no hinted part was fetched again")
    for rendition in seen.renditions:
        for again in rendition.again:
            piece = rendition.parts.get(again.key)
            if piece is None or not piece.hinted or not again.reply.ok:
                continue
            if piece.digest != again.digest:
                yield (
                    f"{rendition.name}: part {again.ref} has other bytes than when it was "
                    "hinted at."
                )


@rules.must("PH-03", "bis 6.2.6")
def parts_come_at_line_speed(seen: Observation) -> Iterator[str]:
    """No byte of a part is sent before all of it can be."""
    hinted = [(r, p) for r in seen.renditions for p in r.parts.values() if p.hinted]
    needed(hinted, "no hinted part came")
    for rendition, piece in hinted:
        body_s = piece.reply.done_s - piece.reply.first_s
        if body_s > max(piece.duration_s / 2, 2 * seen.rtt_s):
            yield (
                f"{rendition.name}: the body of part {piece.ref}, {piece.duration_s:g} s of media, "
                f"took {body_s:.2f} s."
            )


@rules.must("PH-04", "bis 6.2.1")
def listed_parts_are_there(seen: Observation) -> Iterator[str]:
    """What is listed is available at once."""
    for rendition in seen.renditions:
        asked = [(piece.ref, piece.reply) for piece in rendition.pieces if not piece.hinted]
        asked += [(again.ref, again.reply) for again in rendition.again]
        asked += [(ref, reply) for ref, (reply, _) in rendition.inits.items()]
        for ref, reply in asked:
            if not reply.ok:
                yield f"{rendition.name}: {ref}, which was listed, {reply.fault}."
            elif reply.first_s - reply.sent_s > _AT_ONCE_S + 2 * seen.rtt_s:
                waited_s = reply.first_s - reply.sent_s
                yield (
                    f"{rendition.name}: {ref}, which was listed, came only after {waited_s:.2f} s."
                )
