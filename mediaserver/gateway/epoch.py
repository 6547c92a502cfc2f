"""A media epoch: its renditions side by side, and when their playlists may be published. Pure.

Parts of all renditions with one number arrive back to back, before any of the next number. Their
playlists are published together, once the last rendition has delivered that number: so that each
RENDITION-REPORT is "as up-to-date as the Playlist that contains it" (§4.4.5.4) and names nothing
that has not appeared. A rendition that fell behind is waited for until the next number comes; from
then on the others go on without it, and it is published again once it has caught up.
"""

import re
from collections.abc import Iterator

from mediaserver.gateway.date_ranges import DateRangeChanges, DateRanges, check
from mediaserver.gateway.window import MediaRefused, RenditionWindow
from transcoder.hls.delta import RecentDateRanges
from transcoder.hls.media import SKIP_TARGET_DURATIONS
from transcoder.hls.media_metadata_tags import DateRange, RenditionReport
from transcoder.hls.multivariant import MultivariantPlaylist
from transcoder.hls.multivariant_tags import StreamInf
from transcoder.values import TICKS_PER_SECOND, InitSection, Part

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Epochs and renditions are parts of addresses."""

MAX_RENDITIONS = 16
_MAX_SEGMENT_S = 60


class MediaEpoch:
    """Made from the epoch's first init section, which fixes its ladder and its durations.

    "Playlists' target durations may not change" (§6.2.1), so init sections that say otherwise are
    refused.
    """

    def __init__(self, first: InitSection, *, window_s: float) -> None:
        _check(first)
        self.name = first.epoch
        self.ladder = first.ladder
        self.part_ticks = first.part_ticks
        self.segment_ticks = first.segment_ticks
        self.ended = False
        self.windows = {
            rendition: RenditionWindow(
                window_ticks=round(window_s * TICKS_PER_SECOND),
                part_ticks=first.part_ticks,
                segment_ticks=first.segment_ticks,
            )
            for rendition in first.ladder
        }
        self._date_ranges = DateRanges()
        self._date_range_changes = DateRangeChanges(
            SKIP_TARGET_DURATIONS * self.target_duration_s * 1_000_000_000
        )
        # Numbers up to `_settled` are published, or given up where a rendition lacks them; `_even`
        # is the last that was published with no rendition lacking it.
        self._settled: int | None = None
        self._even: int | None = None
        self._end_unpublished = False

    @property
    def target_duration_s(self) -> int:
        """EXT-X-TARGETDURATION, the same in all renditions."""
        return self.windows[self.ladder[0]].target_duration_s

    @property
    def on_air(self) -> bool:
        """True once each rendition has a part."""
        return all(window.edge is not None for window in self.windows.values())

    @property
    def held_bytes(self) -> int:
        """Bytes of media in memory."""
        return sum(window.held_bytes for window in self.windows.values())

    def add_init(self, init: InitSection) -> bool:
        """Take an init section; False when it is known. Raises `MediaRefused`."""
        if (init.ladder, init.part_ticks, init.segment_ticks) != (
            self.ladder,
            self.part_ticks,
            self.segment_ticks,
        ):
            raise MediaRefused("the ladder or the durations differ from the epoch's")
        return self._window(init.rendition).add_init(init)

    def add_part(self, part: Part, now_ns: int) -> bool:
        """Take a part and its cues; False when it is known, or comes before the first segment.

        The cues count in either case: those of the latter may last into what is listed. Raises
        `MediaRefused`.
        """
        check(part)
        window = self._window(part.rendition)
        taken = window.add_part(part, now_ns)
        if part.cues and (taken or window.edge is None):
            self._date_ranges.note(part, window.anchor(part.generation))
        return taken

    def end(self) -> bool:
        """No part follows (EXT-X-ENDLIST); False when that is known."""
        if self.ended:
            return False
        self.ended = self._end_unpublished = True
        for window in self.windows.values():
            window.end()
        return True

    def shorten(self, now_ns: int) -> None:
        """Take off the lists what is too old for them."""
        for window in self.windows.values():
            window.shorten(now_ns)
        if not self.ended:
            ticks = [window.first_tick for window in self.windows.values()]
            listed = [tick for tick in ticks if tick is not None]
            self._date_ranges.forget(min(listed, default=0))

    def free(self, now_ns: int) -> None:
        """Free what nobody may ask for any more."""
        for window in self.windows.values():
            window.free(now_ns)

    @property
    def due(self) -> bool:
        """Whether there is something new that may be published."""
        if self._end_unpublished:
            return True
        newest = self._newest()
        if newest is None or not self.on_air:
            return False
        if self._settled is None or newest > self._settled + 1:
            return True
        if newest > self._settled:
            return self._complete(newest)
        return newest != self._even and self._is_even(newest)

    def published(self) -> None:
        """Everything known just now has been published."""
        newest = self._newest()
        if newest is not None:
            self._settled = newest if self._complete(newest) else newest - 1
            self._even = newest if self._is_even(newest) else self._even
        self._end_unpublished = False

    @property
    def date_ranges(self) -> tuple[DateRange, ...]:
        """The EXT-X-DATERANGE tags of every rendition's playlist."""
        return self._date_ranges.tags

    def publish_date_ranges(self, now_ns: int) -> RecentDateRanges | None:
        """`date_ranges` are listed from now on: what is recent about them, where that is known."""
        return self._date_range_changes.publish(self.date_ranges, now_ns)

    def reports(self, but: str) -> Iterator[RenditionReport]:
        """The RENDITION-REPORTs for the playlist of the rendition `but`."""
        for rendition, window in self.windows.items():
            edge = window.edge
            if rendition != but and edge is not None:
                yield RenditionReport(
                    uri=f"../{rendition}/media.m3u8",
                    last_msn=edge.last_msn,
                    last_part=edge.last_part,
                )

    def multivariant(self) -> MultivariantPlaylist:
        """The epoch's multivariant playlist, beside which a folder has the epoch's name."""
        inits = ((name, window.newest_init) for name, window in self.windows.items())
        return MultivariantPlaylist(
            variants=tuple(
                StreamInf(
                    uri=f"{self.name}/{rendition}/media.m3u8",
                    bandwidth_bps=init.bandwidth_bps,
                    average_bandwidth_bps=init.average_bandwidth_bps,
                    codecs=init.codecs,
                    width=init.width,
                    height=init.height,
                    frames_per_second=init.frames_per_second,
                )
                for rendition, init in inits
                if init is not None
            )
        )

    def _window(self, rendition: str) -> RenditionWindow:
        window = self.windows.get(rendition)
        if window is None:
            raise MediaRefused(f"the ladder has no rendition {rendition[:64]!r}")
        return window

    def _newest(self) -> int | None:
        numbers = [window.last_number for window in self.windows.values()]
        return max((number for number in numbers if number is not None), default=None)

    def _is_even(self, number: int) -> bool:
        """Whether all renditions have that part."""
        return all(window.last_number == number for window in self.windows.values())

    def _complete(self, number: int) -> bool:
        """Whether all renditions have that part, but those that fell behind before it."""
        settled = number - 1 if self._settled is None else self._settled
        numbers = [window.last_number for window in self.windows.values()]
        return all(n >= number for n in numbers if n is not None and n >= settled)


def _check(init: InitSection) -> None:
    if not 0 < len(init.ladder) <= MAX_RENDITIONS or len(set(init.ladder)) != len(init.ladder):
        raise MediaRefused(f"a ladder has 1 to {MAX_RENDITIONS} renditions with different names")
    for name in (init.epoch, *init.ladder):
        if not NAME.fullmatch(name):
            raise MediaRefused(f"{name[:64]!r} cannot stand in an address")
    if not 0 < init.part_ticks <= init.segment_ticks <= _MAX_SEGMENT_S * TICKS_PER_SECOND:
        raise MediaRefused("a part lasts at most as long as a segment, and that at most a minute")
