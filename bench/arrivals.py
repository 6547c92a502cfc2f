"""When each part of a rendition became available, as a viewer who waits for it sees it.

The playlist is asked for with blocking reload and delta updates and read line by line, which costs
little, so that one process can follow many shows.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin

import aiohttp

from bench.hls import HlsClient

PAUSE_S = 0.1
"""After an error."""

_VALUE = r"#EXT-X-{}:(.*)"
_SEQUENCE = re.compile(_VALUE.format("MEDIA-SEQUENCE"))
_SKIPPED = re.compile(r"SKIPPED-SEGMENTS=(\d+)")
_DATE = re.compile(_VALUE.format("PROGRAM-DATE-TIME"))
_TARGET = re.compile(r"#EXT-X-PART-INF:PART-TARGET=([0-9.]+)")
_DURATION = re.compile(r"DURATION=([0-9.]+)")
_URI = re.compile(r'URI="([^"]*part-(\d+)[^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One part as a playlist lists it."""

    number: int
    uri: str
    map_uri: str
    msn: int
    index: int
    end_utc_s: float
    """Unix time at which its media ends, from PROGRAM-DATE-TIME."""
    duration_s: float
    target_s: float
    """PART-TARGET: what a part's duration is, but for those that are cut short."""
    ends_segment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A part, and when the playlist with it was there."""

    part: Listed
    came_ns: int
    """`time.monotonic_ns()`."""
    came_utc_s: float

    @property
    def lag_s(self) -> float:
        """From the end of its media to its being there."""
        return self.came_utc_s - self.part.end_utc_s

    @property
    def late(self) -> bool:
        """Whether that was longer than a part is."""
        return self.lag_s > self.part.target_s


def parts_of(text: str) -> list[Listed]:
    """The parts that a playlist lists, in order. Pure."""
    parts: list[Listed] = []
    msn, index, at_s, target_s, map_uri = 0, 0, 0.0, 0.0, ""
    for line in text.splitlines():
        if found := _SEQUENCE.match(line):
            msn = int(found[1])
        elif found := _TARGET.match(line):
            target_s = float(found[1])
        elif line.startswith("#EXT-X-SKIP:") and (found := _SKIPPED.search(line)):
            msn += int(found[1])
        elif line.startswith("#EXT-X-MAP:"):
            map_uri = line.split('"')[1]
        elif found := _DATE.match(line):
            at_s = datetime.fromisoformat(found[1]).timestamp()
        elif line.startswith("#EXT-X-PART:"):
            part = _part(line)
            at_s += part.duration_s
            parts.append(
                replace(
                    part, msn=msn, index=index, end_utc_s=at_s, target_s=target_s, map_uri=map_uri
                )
            )
            index += 1
        elif line.startswith("#EXTINF:"):
            if parts and parts[-1].msn == msn:
                parts[-1] = replace(parts[-1], ends_segment=True)
            msn, index = msn + 1, 0
    return parts


def _part(line: str) -> Listed:
    uri, duration = _URI.search(line), _DURATION.search(line)
    if uri is None or duration is None:
        raise ValueError(f"a part without a number or a duration: {line}")
    return Listed(
        number=int(uri[2]), uri=uri[1], map_uri="", msn=0, index=0, end_utc_s=0.0, target_s=0.0,
        duration_s=float(duration[1]), ends_segment=False,
    )  # fmt: skip


class Listener:
    """Follows one rendition from `start` to `stop`. A task of the event loop.

    An error ends nothing: it is counted in `failed`, and the playlist is asked for again. Keeps
    every arrival, three a second; with `fetch` also the media of each, and the init sections.
    """

    def __init__(self, client: HlsClient, url: str, *, fetch: bool = False) -> None:
        self._client, self.url, self._fetch = client, url, fetch
        self.media: dict[str, bytes] = {}
        """What was fetched, by its URI as the playlist has it."""
        self._task: asyncio.Task[None] | None = None
        self._last: Listed | None = None
        self.arrivals: list[Arrival] = []
        """Without those that were there already at the start."""
        self.missed = 0
        """Steps over a part's number."""
        self.failed = 0

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.ensure_future(self._run())

    @property
    def ended(self) -> bool:
        """Whether the rendition is over."""
        return self._task is not None and self._task.done()

    async def stop(self) -> None:
        """End it. Raises what ended it before."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            had = len(self.arrivals)
            try:
                text = await self._client.text(self.url, **self._query())
                self._note(parts_of(text), time.monotonic_ns(), time.time())
                if self._fetch:
                    await self._keep(self.arrivals[had:])
            except (aiohttp.ClientError, TimeoutError):
                self.failed += 1
                await asyncio.sleep(PAUSE_S)
                continue
            if "#EXT-X-ENDLIST" in text:
                return

    async def _keep(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            for uri in (arrival.part.map_uri, arrival.part.uri):
                if uri not in self.media:
                    self.media[uri] = await self._client.media(urljoin(self.url, uri))

    def _query(self) -> dict[str, int | str]:
        last = self._last
        if last is None:
            return {}
        msn, index = (last.msn + 1, 0) if last.ends_segment else (last.msn, last.index + 1)
        return {"_HLS_msn": msn, "_HLS_part": index, "_HLS_skip": "YES"}

    def _note(self, parts: list[Listed], came_ns: int, came_utc_s: float) -> None:
        if not parts:
            return
        for part in self._new(parts):
            if self._last is not None:
                self.missed += part.number != self._last.number + 1
                self.arrivals.append(Arrival(part=part, came_ns=came_ns, came_utc_s=came_utc_s))
            self._last = part
        self._last = parts[-1]

    def _new(self, parts: list[Listed]) -> Iterator[Listed]:
        if self._last is None:
            yield parts[-1]
            return
        yield from (part for part in parts if part.number > self._last.number)
