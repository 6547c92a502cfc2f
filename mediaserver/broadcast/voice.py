"""What main says and to whom: its own gateways over Unix sockets, all others through Redis.

Without a cluster every show is this node's. In one, main speaks only for the shows that it owns:
of any other it tells its gateways nothing, who then follow it through Redis. When that changes,
gateways are made to dial anew, which costs their viewers nothing.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from mediaserver.broadcast.audience import Audiences
from mediaserver.broadcast.cluster import Cluster, Place
from mediaserver.broadcast.feed import GatewayFeed
from mediaserver.broadcast.ladders import Ladders
from mediaserver.bus import said
from mediaserver.bus.messages import (
    Beat,
    PlayheadReport,
    PlayheadReports,
    RungsAsked,
    ShowsHere,
    ShowSnapshot,
    ShowStatus,
    ViewerCount,
    ViewerCounts,
)
from mediaserver.bus.redis_up import Report
from mediaserver.bus.said import Said, ShowBase
from transcoder.wire import frame

BEAT_EVERY_S = 1.0


class Show(Protocol):
    """What is needed of a show (`mediaserver.broadcast.show.ShowRunner`)."""

    @property
    def status(self) -> ShowStatus: ...

    def media(self) -> tuple[tuple[Said, ...], int]: ...

    def disown(self) -> None: ...


class Voice:
    """One per main. `run` until cancelled."""

    def __init__(
        self,
        *,
        names: Collection[str],
        shows: Mapping[str, Show],
        snapshots: Callable[[], list[ShowSnapshot]],
        playheads: Callable[[tuple[PlayheadReport, ...]], None],
        ladders: Ladders,
        place: Place | None,
    ) -> None:
        """`names` are of the shows that `shows` will have; `playheads` takes reports of them."""
        self._shows = shows
        self._names = names
        self._snapshots = snapshots
        self._playheads = playheads
        self._ladders = ladders
        self._node = "" if place is None else place.node
        self.feed = GatewayFeed(replay=self._replay)
        self.audiences = Audiences(names)
        self.cluster: Cluster | None = None
        if place is not None:
            self.cluster = Cluster(
                place, names, base=self._base, owned=self._owned, heard=self._heard
            )

    def owns(self, show: str) -> bool:
        """Whether this node, and no other, speaks for a show."""
        return self.cluster is None or self.cluster.owns(show)

    def elsewhere(self, show: str) -> bool:
        """Whether a show of ours is another node's now, or nobody's."""
        return show in self._names and not self.owns(show)

    @property
    def owned(self) -> list[str]:
        """The shows that this node speaks for."""
        return [show for show in self._names if self.owns(show)]

    def say(self, news: Said) -> None:
        """Tell every gateway, if it is ours to tell. Never waits."""
        if self.owns(news.show):
            self.feed.publish(news.data)
            if self.cluster is not None:
                self.cluster.say(news)

    def reported(self, report: Report) -> None:
        """What one of our own gateways says of its viewers: to each show's owner."""
        if isinstance(report, ViewerCounts):
            self._counted(report)
            return
        if isinstance(report, RungsAsked):
            self._asked(report)
            return
        elsewhere: dict[str, list[PlayheadReport]] = defaultdict(list)
        here: list[PlayheadReport] = []
        for each in report.reports:
            (here if self.owns(each.show) else elsewhere[each.show]).append(each)
        self._playheads(tuple(here))
        if self.cluster is not None:
            for show, reports in elsewhere.items():
                self.cluster.up.say(show, PlayheadReports(reports=tuple(reports)))

    def viewers(self) -> dict[str, int]:
        """How many watch each of our shows, on the gateways of all nodes."""
        now_s = time.monotonic()
        return {show: self.audiences.total(show, now_s) for show in self.owned}

    async def run(self) -> None:
        """Keep the bus's beat, tell who watches, and belong to the cluster, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            if self.cluster is not None:
                tasks.create_task(self.cluster.run())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            self.feed.publish(frame(Beat(monotonic_ns=time.monotonic_ns())))
            self._ladders.beat(time.monotonic())
            for news in self.audiences.due(self.owned, time.monotonic()):
                self.say(said.audience(news))

    def _counted(self, report: ViewerCounts) -> None:
        named = ViewerCounts(gateway=f"{self._node}/{report.gateway}", counts=report.counts)
        self.audiences.heard(named, time.monotonic())
        if self.cluster is None:
            return
        for count in report.counts:
            if not self.owns(count.show):
                one = ViewerCounts(
                    gateway=f"{named.gateway}/{count.show}",
                    counts=(ViewerCount(show=count.show, viewers=count.viewers),),
                )
                self.cluster.up.say(count.show, one)

    def _asked(self, asked: RungsAsked) -> None:
        if self.owns(asked.show):
            self._ladders.asked(asked, time.monotonic())
        elif self.cluster is not None and asked.rungs:
            self.cluster.up.say(asked.show, asked)

    def _heard(self, show: str, report: Report) -> None:
        """What gateways of other nodes say, in the stream of a show of ours."""
        if isinstance(report, ViewerCounts):
            self.audiences.heard(report, time.monotonic())
        elif isinstance(report, RungsAsked):
            if report.show == show:
                self._ladders.asked(report, time.monotonic())
        else:
            self._playheads(tuple(each for each in report.reports if each.show == show))

    def _owned(self, show: str, ours: bool) -> None:
        if not ours:
            self._shows[show].disown()
        self.feed.begin_anew()

    def _base(self, show: str) -> ShowBase:
        media, window_steps = self._shows[show].media()
        log = next((s for s in self._snapshots() if s.show == show), None)
        return ShowBase(
            status=said.status(self._shows[show].status),
            audience=said.audience(self.audiences.last(show)),
            log=None if log is None else said.snapshot(log),
            media=media,
            window_steps=window_steps,
        )

    def _replay(self) -> Iterator[bytes]:
        owned = self.owned
        if self.cluster is not None:
            yield frame(ShowsHere(shows=tuple(owned)))
        for snapshot in self._snapshots():
            if snapshot.show in owned:
                yield frame(snapshot)
        for show in owned:
            yield frame(self._shows[show].status)
            if (audience := self.audiences.last(show)).viewers:
                yield frame(audience)
            for news in self._shows[show].media()[0]:
                yield news.data
