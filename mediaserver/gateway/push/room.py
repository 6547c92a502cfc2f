"""The viewers of one show by media push, served a chunk at a time.

A pass gives every viewer what it lacks, at most `CHUNK` messages for each turn of the loop. Nobody
is waited for: a viewer who has no room for media (`EventSocket`) is left alone, and looked at
again every `RETRY_S` until it has caught up or was skipped ahead. What the show has said
(`Audience`) is written to a viewer before any part is, so that a cue precedes its frame.

Bounded by the event sockets there are: each has at most one subscription.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mediaserver.gateway.event_audience import Listener
from mediaserver.gateway.push import messages, place
from mediaserver.gateway.push.media import EpochMedia, Published, PushPart
from mediaserver.gateway.push.messages import OverReason, SkipReason, Subscribe
from mediaserver.gateway.push.place import Place
from mediaserver.gateway.turns import CHUNK, Turns
from transcoder.values import InitSection, Part

RETRY_S = 0.05


class Viewer(Listener, Protocol):
    """An event socket that can take media."""

    @property
    def has_room(self) -> bool:
        """Whether it has taken enough of what it was sent to be given media."""

    def write_media(self, data: bytes) -> None:
        """Take framed bytes. Never waits, never raises."""

    def offer_media(self, data: bytes) -> bool:
        """The same if there is room; whether it was taken."""


class Events(Protocol):
    """What is said to the same viewers."""

    @property
    def pending(self) -> int: ...

    def catch_up(self, listener: Listener) -> None: ...


class Meter(Protocol):
    """What a push room counts."""

    def joined(self) -> None: ...

    def left(self) -> None: ...

    def pushed(self, parts: int, media_bytes: int) -> None: ...

    def skipped(self, reason: SkipReason, parts: int) -> None: ...

    def passed(self, seconds: float, age_s: float | None) -> None: ...


@dataclass(slots=True, kw_only=True)
class _Begun:
    media: EpochMedia
    place: Place


@dataclass(slots=True, kw_only=True)
class _Subscription:
    ask: Subscribe
    begun: _Begun | None = None
    """None until there is something to send."""


class PushRoom:
    """One show's. One event loop only."""

    def __init__(
        self,
        *,
        events: Events,
        turns: Turns,
        meter: Meter,
        clock_ns: Callable[[], int],
        wanted: Callable[[str, str], None] = lambda epoch, rendition: None,
    ) -> None:
        """`wanted` hears of the rendition of an epoch that a viewer begins with, or goes to."""
        self._wanted = wanted
        self._events = events
        self._turns = turns
        self._meter = meter
        self._clock_ns = clock_ns
        self._epochs: dict[str, EpochMedia] = {}
        self._named: str | None = None
        self._subscriptions: dict[Viewer, _Subscription] = {}
        self._waiting: deque[Viewer] = deque()
        """Those whom this pass has not reached."""
        self._behind: set[Viewer] = set()
        """Those who could not be given all that there was."""
        self._retry: asyncio.TimerHandle | None = None
        self._stepping = False
        self._news_at_ns: int | None = None
        """When the oldest news came that no pass has begun for."""
        self._pass_of_ns: int | None = None
        self._parts_sent = self._bytes_sent = 0
        """Not yet told to the meter."""

    def __len__(self) -> int:
        return len(self._subscriptions)

    def take_init(self, init: InitSection) -> None:
        """An init section that the epoch's window has taken."""
        if init.epoch not in self._epochs:
            self._epochs[init.epoch] = EpochMedia(init)
        self._epochs[init.epoch].lines[init.rendition].take_init(init)

    def take_part(self, part: Part) -> None:
        """A part that the epoch's window has taken; it is sent once it is published."""
        self._epochs[part.epoch].lines[part.rendition].take(part)

    def publish(self, epoch: str, published: Published) -> None:
        """The epoch's playlists have been published as they are just now."""
        self._epochs[epoch].publish(published)
        self._news()

    def name(self, epoch: str | None) -> None:
        """The epoch to watch is this one."""
        if epoch != self._named:
            self._named = epoch
            self._news()

    def drop(self, epoch: str) -> None:
        """The epoch is freed: who was still behind will not catch up."""
        media = self._epochs.pop(epoch, None)
        for viewer, subscription in list(self._subscriptions.items()):
            begun = subscription.begun
            if begun is not None and begun.media is media:
                self._over(viewer, "ended")

    def subscribe(self, viewer: Viewer, ask: Subscribe) -> None:
        """Begin, change the rendition where the next segment begins, or go to another epoch."""
        known = self._subscriptions.get(viewer)
        if known is None:
            self._meter.joined()
        elif self._asked_again(viewer, known, ask):
            return
        self._subscriptions[viewer] = _Subscription(ask=ask)
        self._behind.discard(viewer)
        self._serve(viewer)

    def leave(self, viewer: Viewer) -> None:
        """No media for this viewer any more; one who has left already is no matter."""
        if self._subscriptions.pop(viewer, None) is not None:
            self._behind.discard(viewer)
            self._meter.left()

    @property
    def watched(self) -> set[tuple[str, str]]:
        """Epoch and rendition of every viewer, those included that somebody is about to go to."""
        begun = [each.begun for each in self._subscriptions.values() if each.begun is not None]
        return {
            (each.media.epoch, rendition)
            for each in begun
            for rendition in (each.place.rendition, each.place.wanted)
            if rendition is not None
        }

    def close(self) -> None:
        """The gateway stops."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _asked_again(self, viewer: Viewer, known: _Subscription, ask: Subscribe) -> bool:
        begun = known.begun
        if begun is None or (ask.epoch or self._named) != begun.media.epoch:
            return False
        media = begun.media
        rendition = ask.rendition or media.choose(ask.max_bps)
        if rendition not in media.lines:
            self._over(viewer, "unknown")
            return True
        known.ask = ask
        self._wanted(media.epoch, rendition)
        for message in place.ask_again(begun.place, ask, rendition, media):
            viewer.write_media(message)
        return True

    def _news(self) -> None:
        if self._subscriptions:
            if self._news_at_ns is None:
                self._news_at_ns = self._clock_ns()
            self._step_soon()

    def _step_soon(self) -> None:
        if not self._stepping:
            self._stepping = True
            self._turns.add(self._step, urgent=False)

    def _step(self) -> bool:
        """Serve one chunk: of everyone when there is news, else of those who are behind."""
        self._stepping = False
        if not self._waiting and self._news_at_ns is not None:
            self._waiting = deque(self._subscriptions)
            self._pass_of_ns, self._news_at_ns = self._news_at_ns, None
        written = 0
        while self._waiting and written < CHUNK:
            written += self._serve(self._waiting.popleft()) or 1
        if not self._waiting and self._pass_of_ns is not None:
            self._passed(self._pass_of_ns)
            self._pass_of_ns = None
        self._meter.pushed(self._parts_sent, self._bytes_sent)
        self._parts_sent = self._bytes_sent = 0
        self._stepping = bool(self._waiting) or self._news_at_ns is not None
        return self._stepping

    def _look_again(self) -> None:
        self._retry = None
        self._waiting.extend(self._behind)
        self._step_soon()

    def _serve(self, viewer: Viewer) -> int:
        """Write what a viewer lacks and has room for; how many parts."""
        subscription = self._subscriptions.get(viewer)
        if subscription is None:
            return 0
        begun = subscription.begun or self._begin(viewer, subscription)
        if begun is None:
            return 0
        media, where = begun.media, begun.place
        if self._events.pending:
            self._events.catch_up(viewer)
        newest = place.in_step(where, media)
        if newest is not None and viewer.offer_media(newest.framed):
            where.next += 1
            if self._behind:
                self._behind.discard(viewer)
            self._parts_sent += 1
            self._bytes_sent += newest.size
            return 1
        return self._serve_rarely(viewer, media, where)

    def _serve_rarely(self, viewer: Viewer, media: EpochMedia, where: Place) -> int:
        """The same for who may lack more than the newest part, or less."""
        parts = 0
        while viewer.has_room:
            due = place.pull(where, media)
            if due is None:
                break
            part = due if isinstance(due, PushPart) else self._prefaced(viewer, due)
            viewer.write_media(part.framed)
            parts += 1
            self._bytes_sent += part.size
            if where.next > media.lines[where.rendition].head:
                break
        self._parts_sent += parts
        behind = where.next <= media.lines[where.rendition].head
        if behind or media.ended or self._behind:
            self._settle(viewer, where, media)
        return parts

    def _prefaced(self, viewer: Viewer, due: place.Due) -> PushPart:
        """The part, after what is to be said before it has been said."""
        for message in due.before:
            viewer.write_media(message)
        if due.skip is not None:
            self._meter.skipped(due.skip.reason, due.skip.last - due.skip.first + 1)
        return due.part

    def _settle(self, viewer: Viewer, where: Place, media: EpochMedia) -> None:
        """Remember who is behind, and end what is over."""
        if where.next <= media.lines[where.rendition].head:
            self._behind.add(viewer)
            if self._retry is None:
                self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._look_again)
            return
        self._behind.discard(viewer)
        if media.ended:
            self._over(viewer, "ended")

    def _begin(self, viewer: Viewer, subscription: _Subscription) -> _Begun | None:
        """Where to send from, as soon as there is something to send."""
        ask = subscription.ask
        media = self._epochs.get(ask.epoch or self._named or "")
        if media is None:
            if ask.epoch is not None and ask.epoch != self._named:
                self._over(viewer, "unknown")
            return None
        if media.ended:
            self._over(viewer, "ended")
            return None
        if not media.on_air:
            return None
        rendition = ask.rendition or media.choose(ask.max_bps)
        if rendition not in media.lines:
            self._over(viewer, "unknown")
            return None
        self._wanted(media.epoch, rendition)
        where, said = place.begin(ask, rendition, media)
        for message in said:
            viewer.write_media(message)
        subscription.begun = _Begun(media=media, place=where)
        return subscription.begun

    def _over(self, viewer: Viewer, reason: OverReason) -> None:
        self.leave(viewer)
        self._events.catch_up(viewer)
        viewer.write(messages.media_over(reason))

    def _passed(self, begun_ns: int) -> None:
        now_ns = self._clock_ns()
        media = self._epochs.get(self._named or "")
        end_ns = None if media is None else media.end_ns()
        age_s = None if end_ns is None else (now_ns - end_ns) / 1e9
        self._meter.passed((now_ns - begun_ns) / 1e9, age_s)
