"""A media epoch as published: each playlist rendered and gzipped once, and those who wait for it.

What is answered is what was published last, not what the window holds meanwhile; media is served
from the window as soon as it is there. Knows no HTTP library: its `Answer`s are finished bytes.
"""

import gzip
from dataclasses import dataclass

from mediaserver.gateway import answers
from mediaserver.gateway.answers import Answer
from mediaserver.gateway.blocking import Target
from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.waiters import Waiters
from mediaserver.gateway.window import Edge, RenditionWindow
from transcoder.values import InitSection

_GZIP_LEVEL = 6
_BLOCKING_TARGET_DURATIONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPlaylist:
    """One rendition's playlist at one instant. Both answers share their bytes."""

    edge: Edge
    plain: Answer
    blocking: Answer
    """The same for requests with directives, which may be cached for longer."""


class RenditionPublication:
    """One rendition: its latest playlist, and the waiters for its next playlists and parts."""

    def __init__(self, window: RenditionWindow) -> None:
        self.window = window
        self.latest: PublishedPlaylist | None = None
        self.playlist_waiters: Waiters[Target, Answer] = Waiters()
        self.part_waiters: Waiters[int, Answer] = Waiters()

    def publish(self, latest: PublishedPlaylist) -> None:
        """Make `latest` the playlist, and wake those whose target it reaches."""
        self.latest = latest
        self.playlist_waiters.resolve(
            lambda target: latest.blocking if target.reached(latest.edge) else None
        )
        self.part_waiters.resolve(self._part_answer)

    def close(self) -> None:
        """Nothing more will come: turn away all who wait."""
        self.playlist_waiters.resolve(lambda _: answers.PLAYLIST_LATE)
        self.part_waiters.resolve(lambda _: answers.MEDIA_UNKNOWN)

    def _part_answer(self, number: int) -> Answer | None:
        data = self.window.part_data(number)
        if data is not None:
            return answers.media(data)
        edge = self.window.edge
        # §6.2.6: a hinted part that was never made "SHOULD" be answered with Not Found
        over = edge is not None and (edge.ended or number < edge.next_number)
        return answers.MEDIA_UNKNOWN if over else None


class Publication:
    """A media epoch on the way to its viewers. One event loop only."""

    def __init__(self, epoch: MediaEpoch) -> None:
        self.epoch = epoch
        self.index: Answer | None = None
        """The multivariant playlist, once the epoch is on air."""
        self.renditions = {
            name: RenditionPublication(window) for name, window in epoch.windows.items()
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
        rendered = {
            name: self._render(name, window, edge)
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

    def _render(self, name: str, window: RenditionWindow, edge: Edge) -> PublishedPlaylist:
        playlist = window.playlist(self.epoch.reports(name), self.epoch.date_ranges)
        body = playlist.render().encode()
        packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        keep_s = _BLOCKING_TARGET_DURATIONS * window.target_duration_s
        return PublishedPlaylist(
            edge=edge,
            plain=answers.playlist(body, packed, cache_control=answers.FRESH),
            blocking=answers.playlist(body, packed, cache_control=f"public, max-age={keep_s}"),
        )

    def _publish_index(self) -> None:
        variants = tuple(window.newest_init for window in self.epoch.windows.values())
        if self.epoch.on_air and variants != self._variants:
            body = self.epoch.multivariant().render().encode()
            packed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            self.index = answers.playlist(body, packed, cache_control=answers.FRESH)
            self._variants = variants
