"""The shows that main told of, and the media epochs that the gateway holds for each.

Applying a message twice does nothing the second time: main sends everything again after it was
away. The epoch to watch is the one that `ShowStatus` names; any other is ended and, after its
playlist's duration and a segment's, freed; so what an ended show last listed stays in memory until
the show begins anew. An epoch that no status has named yet gets a while to be named, so that init
sections may precede it. A show's log and its listeners are its `ShowRoom`'s, which may be there
before the show is: main sends snapshots first.
"""

import time
from collections.abc import Callable, Collection, Iterator
from functools import partial

import structlog

from mediaserver.bus.messages import (
    RungsAsked,
    ShowAudience,
    ShowSnapshot,
    ShowStatus,
    ViewerMessage,
)
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.event_audience import Audience
from mediaserver.gateway.event_metrics import EventMetrics
from mediaserver.gateway.event_room import ShowRoom
from mediaserver.gateway.event_state import MediaView
from mediaserver.gateway.held import HeldEpoch, HeldShow
from mediaserver.gateway.hot.metrics import HotMetrics
from mediaserver.gateway.publication import Publication, Wakes
from mediaserver.gateway.push.room import PushRoom
from mediaserver.gateway.show_list import OnAir, ShowList
from mediaserver.gateway.stills import NO_STILL, ShowStills
from mediaserver.gateway.turns import Turns
from mediaserver.gateway.watching import Watching
from mediaserver.gateway.window import MediaRefused
from overlay.values import ShowEvent
from transcoder.stills.values import Still
from transcoder.values import TICKS_PER_SECOND, EpochEnd, InitSection, Part

log = structlog.get_logger()

MAX_EPOCHS = 4
"""Held for a show at a time; one more takes the place of the oldest that is not the named one."""

UNNAMED_S = 60
"""How long an epoch is held that no `ShowStatus` names."""

_NO_MEDIA = (ShowSnapshot, ShowEvent, ViewerMessage, ShowAudience, Still)


class Shows:
    """What the gateway knows. Filled by the bus, read by `origin`; one event loop only."""

    def __init__(
        self,
        *,
        window_s: float,
        event_metrics: EventMetrics | None = None,
        hot_metrics: HotMetrics | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._window_s = window_s
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self.event_metrics = event_metrics or EventMetrics()
        self.hot_metrics = hot_metrics or HotMetrics()
        self.turns = Turns()
        """The one scheduler of this process's writes to many."""
        self._wakes = Wakes(turns=self.turns, meter=self.hot_metrics)
        self._rooms: dict[str, ShowRoom] = {}
        self._shows: dict[str, HeldShow] = {}
        self.pulling: Callable[[str], int] = lambda _: 0
        """How many connections pull a show's media, as the HTTP layer knows."""
        self.watching = Watching()
        """Which renditions are watched here."""
        self.refused = 0
        """Count of parts and init sections that could not be listed."""
        self._log_refused_at_ns = 0
        self._list = ShowList(self._on_air, clock_ns)
        self._watchers: list[Callable[[], None]] = []

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called after each change to the media that is held or published."""
        self._watchers.append(changed)

    def apply(self, message: object, now_ns: int) -> bool:
        """Take one message; False when it says nothing new or is refused (and logged).

        Raises `LogLost` when a show's log cannot go on from here.
        """
        try:
            match message:
                case ShowStatus():
                    return self._status(message, now_ns)
                case InitSection():
                    return self._init(message, now_ns)
                case Part():
                    return self._part(message, now_ns)
                case ShowSnapshot():
                    return self._room(message.show).tell_snapshot(message)
                case ShowEvent():
                    return self._room(message.show).tell_event(message, now_ns)
                case ViewerMessage():
                    viewers = self._room(message.show).viewers
                    self.event_metrics.sent(viewers.tell(message.token, message.data))
                    return False
                case ShowAudience():
                    self._room(message.show).tell_audience(message.viewers)
                    return False
                case Still():
                    self._still(message)
                    return False
                case EpochEnd():
                    return self._epoch(message.show, message.epoch).end()
            raise MediaRefused(f"a gateway has no use for a {type(message).__name__}")
        except MediaRefused as exc:
            self._refuse(message, exc, now_ns)
            return False
        finally:
            if not isinstance(message, _NO_MEDIA):
                self._changed()

    def publish_due(self, now_ns: int, but: Collection[str] = ()) -> int:
        """Publish what is new and may be, of all shows but these; the count of playlists that were
        rendered."""
        rendered = 0
        for show in self._shows.values():
            if show.status.show in but:
                continue
            for name, kept in show.epochs.items():
                count = kept.publication.publish_due(now_ns)
                if count:
                    self._room(show.status.show).push.publish(name, kept.publication.epoch)
                rendered += count
        if rendered:
            self._changed()
        return rendered

    def prune(self, now_ns: int) -> None:
        """Free what nobody may ask for any more. Call it every second or so."""
        for room in self._rooms.values():
            room.prune(now_ns)
        for show in self._shows.values():
            for name, held in list(show.epochs.items()):
                if held.free_at_ns is not None and held.free_at_ns <= now_ns:
                    self._free(show, name)
                else:
                    held.publication.epoch.free(now_ns)
        self._changed()

    def close(self) -> None:
        """Turn away all who wait: the gateway stops."""
        for room in self._rooms.values():
            room.push.close()
        for publication in self.publications():
            publication.close()
        self._changed()

    @property
    def waiting(self) -> int:
        """How many requests wait just now."""
        return sum(publication.waiting for publication in self.publications())

    @property
    def held_bytes(self) -> int:
        """Bytes of media in memory."""
        return sum(publication.epoch.held_bytes for publication in self.publications())

    @property
    def held_events(self) -> int:
        """Events that can be told again to who was away."""
        return sum(room.held_events for room in self._rooms.values())

    @property
    def held_event_bytes(self) -> int:
        """Bytes of those."""
        return sum(room.held_event_bytes for room in self._rooms.values())

    def age_s(self, part: Part, now_ns: int) -> float:
        """Seconds since the end of a part that has just been taken was *now* at the host."""
        init = self._epoch(part.show, part.epoch).windows[part.rendition].newest_init
        if init is None:
            return 0.0
        return (now_ns - init.anchor.monotonic_ns_at(part.decode_time + part.duration)) / 1e9

    def viewers(self) -> dict[str, int]:
        """How many watch each show here: its event sockets, one a page; or, where that is more,
        the connections that pull its media."""
        return {
            show: max(len(room.audience), self.pulling(show)) for show, room in self._rooms.items()
        }

    def rungs_asked(self, now_ns: int) -> list[RungsAsked]:
        """What main is to be told of the renditions that are watched here."""
        epochs = [
            (name, epoch)
            for name, show in self._shows.items()
            for epoch, held in show.epochs.items()
            if not held.publication.epoch.ended
        ]
        pushed = [
            (name, epoch, rendition)
            for name, room in self._rooms.items()
            for epoch, rendition in room.push.watched
        ]
        return self.watching.take(epochs, pushed, now_ns)

    def log_place(self, show: str) -> tuple[str, int] | None:
        """Log epoch and offset up to which a show's log is known; None without a log."""
        room = self._rooms.get(show)
        return None if room is None else room.log_place

    def publications(self) -> list[Publication]:
        """All epochs held."""
        return [h.publication for show in self._shows.values() for h in show.epochs.values()]

    def state(self, show: str) -> Answer | None:
        """The show's state as JSON; None when there is no such show."""
        room = self.room(show)
        return None if room is None else room.state()

    def room(self, show: str) -> ShowRoom | None:
        """Where the show's listeners meet; None when there is no such show."""
        return self._rooms[show] if show in self._shows else None

    def index(self, show: str) -> Answer | None:
        """The multivariant playlist to watch now; None while nothing is on air."""
        known = self._shows.get(show)
        if known is None:
            return None
        found = self._to_watch(known)
        return None if found is None else found.index

    def stills(self, show: str) -> ShowStills | None:
        """Poster and thumbnails; None when there is no such show."""
        known = self._shows.get(show)
        return None if known is None else known.stills

    def thumbnails(self, show: str) -> Answer:
        """The track of thumbnails of what there is to watch now."""
        known = self._shows.get(show)
        publication = None if known is None else self._to_watch(known)
        if known is None or publication is None:
            return NO_STILL
        epoch = publication.epoch.name
        view = self._view(show, epoch)
        if view is None:
            return NO_STILL
        return known.stills.track(
            epoch, anchor_utc_us=view.anchor_utc_us, begin_tick=view.begin_tick
        )

    def listed(self) -> Answer:
        """The shows on air, for a front door."""
        return self._list.answer()

    def publication(self, show: str, epoch: str) -> Publication | None:
        """A media epoch of a show, or None."""
        known = self._shows.get(show)
        held = known.epochs.get(epoch) if known is not None else None
        return None if held is None else held.publication

    def _on_air(self) -> Iterator[OnAir]:
        """None that rehearses: that is not for the public yet."""
        for name, show in self._shows.items():
            if show.status.state in ("live", "away") and not self._room(name).rehearses:
                yield OnAir(status=show.status, stills=show.stills)

    def _to_watch(self, show: HeldShow) -> Publication | None:
        """What of a show is to be watched now; None while nothing is on air."""
        named = show.epochs.get(show.status.epoch or "")
        if named is not None and named.publication.index is not None:
            return named.publication
        live = [h.publication for h in show.epochs.values() if not h.publication.epoch.ended]
        return next((p for p in reversed(live) if p.index is not None), None)

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

    def _refuse(self, message: object, why: MediaRefused, now_ns: int) -> None:
        """Count it, and log it at most once a second: what is wrong with one part is with all."""
        self.refused += 1
        if now_ns >= self._log_refused_at_ns:
            self._log_refused_at_ns = now_ns + 1_000_000_000
            log.warning(
                "media_refused",
                message=type(message).__name__,
                reason=str(why),
                refused=self.refused,
            )

    def _status(self, status: ShowStatus, now_ns: int) -> bool:
        known = self._shows.get(status.show)
        if known is not None and known.status == status:
            return False
        self._room(status.show).tell_status(status)
        if known is None:
            self._shows[status.show] = HeldShow(status=status, stills=ShowStills(self._window_s))
            return True
        known.status = status
        if status.epoch is not None:
            for name, held in known.epochs.items():
                if name == status.epoch:
                    held.free_at_ns = None
                else:
                    self._retire(held, now_ns)
        return True

    def _still(self, still: Still) -> None:
        show = self._shows.get(still.show)
        if show is None:
            raise MediaRefused(f"there is no show {still.show[:64]!r}")
        show.stills.take(still)

    def _part(self, part: Part, now_ns: int) -> bool:
        taken = self._epoch(part.show, part.epoch).add_part(part, now_ns)
        if taken:
            self._room(part.show).push.take_part(part)
        return taken

    def _init(self, init: InitSection, now_ns: int) -> bool:
        taken = self._init_taken(init, now_ns)
        if taken:
            self._room(init.show).push.take_init(init)
        return taken

    def _init_taken(self, init: InitSection, now_ns: int) -> bool:
        show = self._shows.get(init.show)
        if show is None:
            raise MediaRefused(f"there is no show {init.show[:64]!r}")
        held = show.epochs.get(init.epoch)
        if held is not None:
            return held.publication.epoch.add_init(init)
        epoch = MediaEpoch(init, window_s=self._window_s)
        epoch.add_init(init)
        while len(show.epochs) >= MAX_EPOCHS:
            self._free(show, next(name for name in show.epochs if name != show.status.epoch))
        unnamed = show.status.epoch is not None and show.status.epoch != init.epoch
        show.epochs[init.epoch] = HeldEpoch(
            publication=Publication(epoch, self._wakes),
            free_at_ns=now_ns + UNNAMED_S * 1_000_000_000 if unnamed else None,
        )
        log.info("epoch_begun", show=init.show, epoch=init.epoch, ladder=init.ladder)
        return True

    def _room(self, show: str) -> ShowRoom:
        if show not in self._rooms:
            audience = Audience(turns=self.turns, meter=self.event_metrics, clock_ns=self._clock_ns)
            push = PushRoom(
                events=audience,
                turns=self.turns,
                meter=self.event_metrics.push,
                clock_ns=self._clock_ns,
                wanted=partial(self.watching.ask, show),
            )
            self._rooms[show] = ShowRoom(
                show,
                audience=audience,
                push=push,
                media=partial(self._view, show),
                pictured=partial(self._pictured, show),
                wall_ns=self._wall_ns,
            )
        return self._rooms[show]

    def _pictured(self, show: str) -> bool:
        stills = self.stills(show)
        return stills is not None and bool(stills.poster_tag)

    def _view(self, show: str, epoch: str) -> MediaView | None:
        publication = self.publication(show, epoch)
        if publication is None:
            return None
        windows = publication.epoch.windows.values()
        anchors = [init.anchor for window in windows if (init := window.newest_init) is not None]
        begins = [tick for window in windows if (tick := window.first_tick) is not None]
        if not anchors:
            return None
        return MediaView(anchor_utc_us=anchors[0].utc_us, begin_tick=min(begins, default=0))

    def _epoch(self, show: str, epoch: str) -> MediaEpoch:
        publication = self.publication(show, epoch)
        if publication is None:
            raise MediaRefused(f"show {show[:64]!r} has no epoch {epoch[:64]!r} here")
        return publication.epoch

    def _free(self, show: HeldShow, name: str) -> None:
        show.epochs.pop(name).publication.close()
        self._room(show.status.show).push.drop(name)
        show.stills.drop(name)
        log.info("epoch_freed", show=show.status.show, epoch=name)

    def _retire(self, held: HeldEpoch, now_ns: int) -> None:
        """Another epoch is on: what this one listed leaves with it (§6.2.2 as for a segment)."""
        epoch = held.publication.epoch
        if epoch.end() or held.free_at_ns is None:
            ticks = max(w.listed_ticks for w in epoch.windows.values()) + epoch.segment_ticks
            held.free_at_ns = now_ns + ticks * 1_000_000_000 // TICKS_PER_SECOND
