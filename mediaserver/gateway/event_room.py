"""One show as its event sockets see it: how it fares, its log folded so far, and who listens.

Whatever is told is said to the audience in the order in which it was told; telling the same twice
does nothing the second time. A listener who joins is first told where it stands: everything it
missed, if the history still has that, or the state as it is now.
"""

import time
from collections.abc import Callable

import structlog

from mediaserver.bus.messages import ShowSnapshot, ShowStatus
from mediaserver.errors import BusError
from mediaserver.gateway import event_frames
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.event_audience import Audience, Listener
from mediaserver.gateway.event_frames import Encoding, Frames
from mediaserver.gateway.event_request import Since
from mediaserver.gateway.event_state import LogPlace, MediaView, RenderedSnapshot, Snapshot
from mediaserver.gateway.event_viewers import EventViewers
from mediaserver.gateway.history import History
from mediaserver.gateway.push.room import PushRoom
from overlay.errors import ShopError
from overlay.show.fold import ShowState
from overlay.values import ShowEvent

log = structlog.get_logger()

MAX_RETOLD_BYTES = 512 * 1024
"""Who missed more is given the snapshot, which is smaller: half of what a socket may leave unread,
so that nobody is cut off for what was sent at once."""


class LogLost(BusError):
    """The show's log has a gap here: main must send its snapshot again."""

    code = "log_lost"


class ShowRoom:
    """Made when main first tells of a show. One event loop only.

    `media` gives the view of a media epoch by its name, None when there is no such media here;
    `push` is where its listeners may subscribe to that media; `pictured` says whether there is a
    poster.
    """

    def __init__(
        self,
        show: str,
        *,
        audience: Audience,
        push: PushRoom,
        media: Callable[[str], MediaView | None],
        pictured: Callable[[], bool] = lambda: False,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.audience = audience
        self.push = push
        self.viewers = EventViewers()
        self.status = ShowStatus(show=show, title=show, state="idle", epoch=None)
        self.watching = 0
        self._media = media
        self._pictured = pictured
        self._wall_ns = wall_ns
        self._folded: ShowState | None = None
        self._history = History(epoch="", offset=0)
        self._rendered: RenderedSnapshot | None = None

    @property
    def has_log(self) -> bool:
        """Whether main has sent the log: without it nobody can be told where they stand."""
        return self._folded is not None

    @property
    def rehearses(self) -> bool:
        """Whether the show is not for the public, as far as its log is known."""
        return self._folded is not None and self._folded.rehearsal

    @property
    def log_place(self) -> tuple[str, int] | None:
        """Log epoch and offset up to which the log is known."""
        return (self._history.epoch, self._history.offset) if self.has_log else None

    @property
    def held_events(self) -> int:
        """How many events can be told again."""
        return len(self._history)

    @property
    def held_event_bytes(self) -> int:
        """How many bytes they are."""
        return self._history.held_bytes

    def tell_status(self, status: ShowStatus) -> None:
        """How the show fares."""
        before, self.status = self.status, status
        self.push.name(status.epoch)
        if (before.state, before.epoch) != (status.state, status.epoch):
            self.audience.say(event_frames.framed(event_frames.air(status.state, status.epoch)))

    def tell_audience(self, viewers: int) -> None:
        """How many watch the show, on all gateways together."""
        if viewers != self.watching:
            self.watching = viewers
            self.audience.say(event_frames.framed(event_frames.audience(viewers)))

    def tell_snapshot(self, snapshot: ShowSnapshot) -> bool:
        """The log as it stands; False when it is what is known. Raises `LogLost`.

        Any other place than the one that is known, of this log epoch or another, voids the history
        and what every listener knows: they all begin anew.
        """
        place = (self._history.epoch, self._history.offset)
        if self.has_log and (snapshot.epoch, snapshot.offset) == place:
            return False
        try:
            self._folded = ShowState.from_plain(snapshot.state)
        except ShopError as exc:
            raise LogLost(f"the snapshot of {snapshot.show!r} cannot be read: {exc}") from exc
        self._history = History(epoch=snapshot.epoch, offset=snapshot.offset)
        if len(self.audience):
            log.info("event_sockets_begin_anew", show=snapshot.show, sockets=len(self.audience))
            now = self._render()
            self.audience.say(Frames(json=now.hello("json"), msgpack=now.hello("msgpack")))
        return True

    def tell_event(self, event: ShowEvent, now_ns: int) -> bool:
        """The next line of the log; False for one that is known. Raises `LogLost`."""
        history = self._history
        if self._folded is None or event.epoch != history.epoch:
            raise LogLost(f"an event of {event.show!r} came before the log that it belongs to")
        if event.offset <= history.offset:
            return False
        if event.offset != history.offset + 1:
            raise LogLost(
                f"event {event.offset} of {event.show!r} came when {history.offset + 1} was due"
            )
        try:
            self._folded = self._folded.apply(event)
        except (ShopError, KeyError, TypeError) as exc:
            raise LogLost(f"event {event.offset} of {event.show!r}: {exc!r}") from exc
        frames = event_frames.framed(event_frames.event(event))
        history.append(frames, now_ns)
        age_s = self._wall_ns() / 1e9 - event.utc_us / 1e6 if event.type == "cue" else None
        self.audience.say(frames, cue_age_s=age_s)
        return True

    def join(self, listener: Listener, since: Since | None) -> None:
        """Tell a listener where it stands; what is said from now on follows without a gap."""
        missed = None if since is None else self._missed(since, listener.encoding)
        listener.write(self._render().hello(listener.encoding) if missed is None else missed)
        self.audience.join(listener)

    def state(self) -> Answer:
        """The snapshot for late joiners."""
        return self._render().answer()

    def prune(self, now_ns: int) -> None:
        """Let go of history that is too old."""
        self._history.prune(now_ns)

    def _missed(self, since: Since, encoding: Encoding) -> bytes | None:
        """All that brings a socket from there to now; None where a snapshot is needed."""
        history = self._history.since(since.epoch, since.offset)
        if history is None:
            return None
        hello = event_frames.hello(
            epoch=since.epoch, offset=since.offset, recovered=True, state=None
        )
        air = event_frames.air(self.status.state, self.status.epoch)
        told = [
            event_frames.frame(hello, encoding),
            *(frames.of(encoding) for frames in history),
            event_frames.frame(air, encoding),
            event_frames.frame(event_frames.audience(self.watching), encoding),
        ]
        return b"".join(told) if sum(map(len, told)) <= MAX_RETOLD_BYTES else None

    def _render(self) -> RenderedSnapshot:
        """The snapshot, rendered anew only when it says something else."""
        snapshot = self._snapshot()
        if self._rendered is None or self._rendered.snapshot != snapshot:
            self._rendered = RenderedSnapshot(snapshot)
        return self._rendered

    def _snapshot(self) -> Snapshot:
        epoch, folded = self.status.epoch, self._folded
        view = None if epoch is None else self._media(epoch)
        anchor_utc_us = None if view is None else view.anchor_utc_us
        if folded is None:
            return Snapshot(
                status=self.status,
                anchor_utc_us=anchor_utc_us,
                viewers=self.watching,
                poster=self._pictured(),
                log=None,
                products={},
                cues=(),
            )
        begin_tick = 0 if view is None else view.begin_tick
        return Snapshot(
            status=self.status,
            anchor_utc_us=anchor_utc_us,
            viewers=self.watching,
            poster=self._pictured(),
            log=LogPlace(epoch=self._history.epoch, offset=self._history.offset),
            products=folded.products,
            offers=folded.offers,
            rehearsal=folded.rehearsal,
            cues=() if epoch is None else folded.cues_since(epoch, begin_tick),
        )
