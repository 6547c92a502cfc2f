"""A media epoch as published: each playlist rendered and gzipped once, and those who wait for it.

What is answered is what was published last, not what the window holds meanwhile; media is served
from the window as soon as it is there. Knows no HTTP library: its `Answer`s are finished bytes.
"""

import gzip
from dataclasses import dataclass
from functools import cached_property

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.blocking import Form, Skip, Target
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.listed import ListedSince
from mediaserver.gateway.turns import Turns
from mediaserver.gateway.waiters import Waiters, WakeMeter
from mediaserver.gateway.window import Edge, RenditionWindow
from transcoder.hls.delta import RecentDateRanges, render_delta
from transcoder.hls.media import SKIP_TARGET_DURATIONS, MediaPlaylist
from transcoder.values import InitSection

_GZIP_LEVEL = 6
_BLOCKING_TARGET_DURATIONS = 6
_MAX_MEDIA_ANSWERS = 32
"""Kept of a rendition: those that thousands ask for just now are the newest few."""


@dataclass(frozen=True, kw_only=True)
class PublishedPlaylist:
    """One rendition's playlist at one instant, in every form, each made once and when asked for.

    No slots: that is where they are kept.
    """

    edge: Edge
    playlist: MediaPlaylist
    recent: RecentDateRanges | None
    """For delta updates that leave out date ranges; None while these cannot be made."""
    known_until: int
    """Every client that may ask for a delta update has the segments before this number."""

    @cached_property
    def plain(self) -> Answer:
        """The whole playlist, for requests without directives."""
        return _answer(self.playlist.render(), answers.FRESH)

    @cached_property
    def blocking(self) -> Answer:
        """The same for requests with directives, which may be cached for longer."""
        return answers.kept(self.plain, self._keep)

    @cached_property
    def skip(self) -> Answer | None:
        """The delta update; None where nothing can be left out."""
        text = render_delta(self.playlist, known_until=self.known_until)
        return None if text is None else _answer(text, self._keep)

    @cached_property
    def skip_v2(self) -> Answer | None:
        """The delta update that leaves out date ranges too; None where it cannot be made."""
        if self.recent is None:
            return None
        text = render_delta(self.playlist, self.recent, known_until=self.known_until)
        return None if text is None else _answer(text, self._keep)

    def answer(self, form: Form, *, directed: bool) -> Answer:
        """The playlist in the form that is wanted, or whole where that is not to be had.

        `directed`: the request named what must be listed, so that its answer is always right.
        """
        made = self._made.get((form, directed))
        if made is None:
            made = self._made[form, directed] = self._make(form, directed=directed)
        return made

    @cached_property
    def _made(self) -> dict[tuple[Form, bool], Answer]:
        return {}

    @property
    def _keep(self) -> str:
        return f"public, max-age={_BLOCKING_TARGET_DURATIONS * self.playlist.target_duration_s}"

    def _make(self, form: Form, *, directed: bool) -> Answer:
        delta = self._delta(form.skip)
        if not form.cacheable:
            return answers.kept(delta or self.plain, answers.NO_STORE)
        if directed:
            return delta or self.blocking
        return answers.kept(delta, answers.FRESH) if delta else self.plain

    def _delta(self, skip: Skip) -> Answer | None:
        match skip:
            case "YES":
                return self.skip
            case "v2":
                return self.skip_v2
        return None


def _answer(text: str, cache_control: str) -> Answer:
    body = text.encode()
    packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
    return answers.playlist(body, packed, cache_control=cache_control)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakes:
    """How waiters are woken: by whose turns, and who hears of it."""

    turns: Turns
    meter: WakeMeter | None = None


class RenditionPublication:
    """One rendition: its latest playlist, and the waiters for its next playlists and parts."""

    def __init__(self, window: RenditionWindow, wakes: Wakes | None = None) -> None:
        self.window = window
        self.latest: PublishedPlaylist | None = None
        self.listed = ListedSince((SKIP_TARGET_DURATIONS - 1) * window.target_duration_s)
        turns, meter = (wakes.turns, wakes.meter) if wakes else (None, None)
        self.playlist_waiters: Waiters[Target, Answer] = Waiters(turns, meter)
        self.part_waiters: Waiters[int, Answer] = Waiters(turns, meter)
        self._media: dict[tuple[str, int], Answer] = {}

    def publish(self, latest: PublishedPlaylist) -> None:
        """Make `latest` the playlist, and wake those whose target it reaches."""
        self.latest = latest
        ended_ns = self.window.ended_ns
        self.playlist_waiters.resolve(
            lambda target: (
                latest.answer(target.form, directed=True) if target.reached(latest.edge) else None
            ),
            ended_ns=ended_ns,
        )
        self.part_waiters.resolve(self._part_answer, ended_ns=ended_ns)

    def close(self) -> None:
        """Nothing more will come: turn away all who wait."""
        self.playlist_waiters.turn_away(answers.PLAYLIST_LATE)
        self.part_waiters.turn_away(answers.MEDIA_UNKNOWN)

    def media(self, kind: str, number: int) -> Answer | None:
        """A part, segment or init section, as one answer for all who ask; None: not (any more)
        there."""
        data = self.window.data(kind, number)
        if data is None:
            return None
        made = self._media.get((kind, number))
        if made is None or made.body is not data:
            if len(self._media) >= _MAX_MEDIA_ANSWERS:
                del self._media[next(iter(self._media))]
            made = self._media[kind, number] = answers.media(data)
        return made

    def _part_answer(self, number: int) -> Answer | None:
        found = self.media("part", number)
        if found is not None:
            return found
        edge = self.window.edge
        # §6.2.6: a hinted part that was never made "SHOULD" be answered with Not Found
        over = edge is not None and (edge.ended or number < edge.next_number)
        return answers.MEDIA_UNKNOWN if over else None


class Publication:
    """A media epoch on the way to its viewers. One event loop only."""

    def __init__(self, epoch: MediaEpoch, wakes: Wakes | None = None) -> None:
        self.epoch = epoch
        self.index: Answer | None = None
        """The multivariant playlist, once the epoch is on air."""
        self.renditions = {
            name: RenditionPublication(window, wakes) for name, window in epoch.windows.items()
        }
        self._variants: tuple[InitSection | None, ...] = ()

    @property
    def waiting(self) -> int:
        """How many requests wait just now."""
        return sum(
            len(rendition.playlist_waiters) + len(rendition.part_waiters)
            for rendition in self.renditions.values()
        )

    def publish_due(self, now_ns: int) -> int:
        """Publish what is new, if it may be; the count of playlists that were rendered."""
        if not self.epoch.due:
            return 0
        self.epoch.shorten(now_ns)
        recent = self.epoch.publish_date_ranges(now_ns)
        rendered = {
            name: self._render(name, window, edge, recent, now_ns)
            for name, window in self.epoch.windows.items()
            if (edge := window.edge) is not None
        }
        self._publish_index()
        # All appear before any waiter runs, so no report is ahead of the playlist it speaks of.
        for name, playlist in rendered.items():
            self.renditions[name].publish(playlist)
        self.epoch.published()
        return len(rendered)

    def close(self) -> None:
        """The epoch is about to be freed: turn away all who wait."""
        for rendition in self.renditions.values():
            rendition.close()

    def _render(
        self,
        name: str,
        window: RenditionWindow,
        edge: Edge,
        recent: RecentDateRanges | None,
        now_ns: int,
    ) -> PublishedPlaylist:
        playlist = window.playlist(self.epoch.reports(name), self.epoch.date_ranges)
        whole_until = edge.last_msn + edge.closed
        return PublishedPlaylist(
            edge=edge,
            playlist=playlist,
            recent=recent,
            known_until=self.renditions[name].listed.publish(whole_until, now_ns),
        )

    def _publish_index(self) -> None:
        variants = tuple(window.newest_init for window in self.epoch.windows.values())
        if self.epoch.on_air and variants != self._variants:
            self.index = _answer(self.epoch.multivariant().render(), answers.FRESH)
            self._variants = variants
