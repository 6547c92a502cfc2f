"""Where a viewer stands among the parts, and what is to be sent next. Pure.

Parts go out in the order of their numbers. A viewer's rendition changes where a segment begins
(parts are numbered alike in all renditions), a viewer who is too late goes on at the newest
independent part, and an init section goes right before the first part that needs it.
"""

from dataclasses import dataclass

from mediaserver.gateway.push import messages
from mediaserver.gateway.push.media import EpochMedia, Line, PushPart
from mediaserver.gateway.push.messages import SkipReason, Subscribe
from transcoder.values import TICKS_PER_SECOND

LATE_S = 3
"""A viewer who is further behind than this, and the buffer it asked for, is not caught up."""


@dataclass(slots=True, kw_only=True)
class Place:
    """One viewer's; only this module changes it."""

    rendition: str
    next: int
    """Number of the part that comes next."""
    buffer_ticks: int
    late_ticks: int
    """How far behind the edge a part may begin and still be sent."""
    wanted: str | None = None
    """The rendition to go to where a segment begins."""
    generation: int | None = None
    """Of the init section that the viewer has for `rendition`; None where it has none."""
    renditions: bytes = b""
    """The newest list of renditions that the viewer was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """What a viewer does not get, both ends included."""

    first: int
    last: int
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a viewer is to be sent: first `before`, message by message, then the part."""

    part: PushPart
    before: tuple[bytes, ...] = ()
    skip: Skip | None = None


def begin(ask: Subscribe, rendition: str, media: EpochMedia) -> tuple[Place, list[bytes]]:
    """The place where a subscription to an epoch on air begins, and what is said of it."""
    number = start_number(media.lines[rendition], ask)
    place = Place(
        rendition=rendition,
        next=number,
        buffer_ticks=ask.buffer_ticks,
        late_ticks=_late_ticks(ask),
        renditions=media.renditions_framed,
    )
    return place, [media.renditions_framed, _subscribed(place, media)]


def start_number(line: Line, ask: Subscribe) -> int:
    """The number of the first part to send.

    One that is asked for is taken at its word where it can be: the viewer has what comes before.
    Else it is an independent part that leaves the viewer the buffer that it asked for, so that
    the first frame shows at once.
    """
    if ask.at == line.head + 1:
        return line.head + 1
    held = None if ask.at == "live" or ask.at > line.head else line.get(ask.at)
    if held is not None and line.edge_tick - held.part.decode_time <= _late_ticks(ask):
        return held.part.number
    first = line.independent(from_edge_ticks=ask.buffer_ticks)
    return line.head + 1 if first is None else first.part.number


def ask_again(place: Place, ask: Subscribe, rendition: str, media: EpochMedia) -> list[bytes]:
    """A viewer of this epoch subscribes once more: another rendition, or another buffer."""
    place.buffer_ticks, place.late_ticks = ask.buffer_ticks, _late_ticks(ask)
    if rendition != place.rendition:
        place.wanted = rendition
        return []
    place.wanted = None
    return [_subscribed(place, media)]


def in_step(place: Place, media: EpochMedia) -> PushPart | None:
    """The newest part, if it is all that a viewer lacks of media that goes on, and nothing is to be
    said before it: that is what thousands get every time. `place` stays before it."""
    line = media.lines[place.rendition]
    newest = line.newest
    if (
        newest is not None
        and place.next == line.head
        and newest.generation == place.generation
        and place.wanted is None
        and place.renditions is media.renditions_framed
        and not media.ended
    ):
        return newest
    return None


def pull(place: Place, media: EpochMedia) -> PushPart | Due | None:
    """What comes next for a viewer, None while there is nothing; `place` is then behind it. A bare
    part has nothing that is to be said before it."""
    line = media.lines[place.rendition]
    if place.next > line.head:
        return None
    held = line.get(place.next)
    if (
        held is not None
        and held.part.generation == place.generation
        and place.wanted is None
        and line.edge_tick - held.part.decode_time <= place.late_ticks
        and place.renditions is media.renditions_framed
    ):
        place.next += 1
        return held
    return _pull_rarely(place, media, held)


def _pull_rarely(place: Place, media: EpochMedia, held: PushPart | None) -> Due | None:
    skip = _skip(place, media, held)
    if skip is not None:
        place.next = skip.last + 1
        held = media.lines[place.rendition].get(place.next)
    if held is None:
        return None
    before = [] if skip is None else [messages.skipped(skip.first, skip.last, skip.reason)]
    held = _switched(place, media, held, anywhere=skip is not None and skip.reason == "slow")
    if place.renditions is not media.renditions_framed:
        place.renditions = media.renditions_framed
        before.append(place.renditions)
    if held.part.rendition != place.rendition:
        place.rendition, place.wanted, place.generation = held.part.rendition, None, None
        before.append(_subscribed(place, media))
    if held.part.generation != place.generation:
        place.generation = held.part.generation
        before.append(media.lines[place.rendition].init_frame(place.generation))
    place.next += 1
    return Due(part=held, before=tuple(before), skip=skip)


def _skip(place: Place, media: EpochMedia, held: PushPart | None) -> Skip | None:
    """What a viewer cannot be given: it is too late for it, or the server never had it."""
    line = media.lines[place.rendition]
    lost = held is None and line.holds_before(place.next)
    late = held is None or line.edge_tick - held.part.decode_time > place.late_ticks
    target = line.independent(from_edge_ticks=0) if late and not lost else None
    if target is not None and target.part.number > place.next:
        return Skip(first=place.next, last=target.part.number - 1, reason="slow")
    target = line.first_after(place.next) if held is None else None
    if target is None:
        return None
    return Skip(first=place.next, last=target.part.number - 1, reason="lost")


def _switched(place: Place, media: EpochMedia, held: PushPart, *, anywhere: bool) -> PushPart:
    """The part of the same number in the rendition that is wanted, if a viewer may go there now:
    where a segment begins, or at any independent part after a skip."""
    if place.wanted is None:
        return held
    wanted = media.lines[place.wanted]
    other = wanted.get(held.part.number)
    if other is None or other.part.number > wanted.head:
        return held
    seam = other.part.index == 0 or (anywhere and other.part.opens)
    return other if seam else held


def _late_ticks(ask: Subscribe) -> int:
    return ask.buffer_ticks + LATE_S * TICKS_PER_SECOND


def _subscribed(place: Place, media: EpochMedia) -> bytes:
    return messages.subscribed(
        epoch=media.epoch,
        rendition=place.rendition,
        number=place.next,
        buffer_ticks=place.buffer_ticks,
        part_ticks=media.part_ticks,
    )
