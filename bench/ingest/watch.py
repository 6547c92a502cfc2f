"""Watches a show as a viewer does, keeps what it is served, and in the end reads it.

Only the smallest rendition is fetched while the show runs; it is decoded afterwards, so that the
reading disturbs nothing that is measured.
"""

import asyncio
import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import av
import numpy as np

from bench.boxes import decode_times
from bench.hls import Follower, HlsClient, ListedPart
from bench.ingest.clip import FPS, FRAMES, WIDTH
from bench.ingest.figures import BeepFinder, Seen, Watched
from bench.polling import eventually
from mediaserver.demo import timecode
from mediaserver.demo.timecode import Timecode

ON_AIR_TIMEOUT_S = 30.0
NEXT_EPOCH_TIMEOUT_S = 600.0
VIDEO_TIMESCALE = 90_000
_NUMBER = re.compile(r"part-(\d+)")
DESPITE = (aiohttp.ClientError, TimeoutError, LookupError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An init section and the parts that follow it."""

    init_uri: str
    zero_s: float
    """Unix time of media time 0, from PROGRAM-DATE-TIME."""
    data: list[bytes]


@dataclass(slots=True, kw_only=True)
class Recording:
    """The parts of one show's smallest rendition, in order."""

    pieces: list[Piece] = field(default_factory=list)
    epochs: int = 0
    parts: int = 0
    holes: int = 0
    """Steps over a part's number: the viewer missed something."""

    def read(self, *, camera_width: int | None = None) -> Watched:
        """Decode it. Times are Unix time in seconds.

        Pictures are those of `bench.ingest.clip`, or of a camera of that width whose rate is only
        about the clip's: for lip sync its pictures get the clip's numbers for the time they were
        painted at, and on the screen they have their own.
        """
        pictures: list[Seen] = []
        own: list[Seen] = []
        beeps = BeepFinder()
        for piece in self.pieces:
            data = b"".join(piece.data)
            for at_s, code in _pictures(data, camera_width or WIDTH):
                own.append(Seen(at_s=piece.zero_s + at_s, counter=code.counter % FRAMES))
                number = code.unix_ms * FPS // 1000 % FRAMES
                pictures.append(Seen(at_s=piece.zero_s + at_s, counter=number))
            for start_s, samples, rate in _sounds(data):
                beeps.take(piece.zero_s + start_s, samples, rate)
        return Watched(
            pictures=pictures if camera_width else own,
            shown=own if camera_width else (),
            beeps_s=beeps.onsets_s,
            discontinuities=len(self.pieces) - self.epochs,
        )


class Watch:
    """Follows one show from its first part until `stop`; an epoch that ends is followed by the
    next one."""

    def __init__(self, client: HlsClient, index_url: str) -> None:
        self._client, self._index_url = client, index_url
        self._task: asyncio.Task[None] | None = None
        self.recording = Recording()
        self.on_air = asyncio.Event()
        """Set when the first part has come."""

    async def start(self) -> None:
        """Begin; returns once the first part is there. Raises `TimeoutError`."""
        self._task = asyncio.ensure_future(self._run())
        async with asyncio.timeout(ON_AIR_TIMEOUT_S):
            await self.on_air.wait()

    async def stop(self) -> Recording:
        """End it; returns what it has. Raises what ended it before."""
        assert self._task is not None
        if self._task.done():
            await self._task
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        return self.recording

    async def _run(self) -> None:
        followed = ""
        while True:
            url = followed = await self._next_epoch(followed)
            follower = Follower(self._client, url)
            self.recording.epochs += 1
            epoch = _Epoch(self._client, self.recording)
            while not follower.ended:
                with contextlib.suppress(*DESPITE):
                    await follower.reload()
                    await epoch.keep(follower)
                    self.on_air.set()

    async def _next_epoch(self, followed: str) -> str:
        async def probe() -> str:
            url = (await self._client.variants(self._index_url))[-1]
            return url if url != followed else ""

        return await eventually(probe, NEXT_EPOCH_TIMEOUT_S, "the show is on air", despite=DESPITE)


class _Epoch:
    """Keeps the parts of one epoch."""

    def __init__(self, client: HlsClient, recording: Recording) -> None:
        self._client, self._recording = client, recording
        self._zero_s: float | None = None
        self._kept = 0
        self._number: int | None = None
        self._init_uri = ""

    async def keep(self, follower: Follower) -> None:
        """Fetch the parts that were listed since."""
        parts = list(follower.parts.values())
        if self._zero_s is None:
            self._zero_s = await self._zero(follower, parts)
        for part in parts[self._kept :]:
            if part.init_uri != self._init_uri:
                init = await self._client.media(part.init_uri)
                self._init_uri = part.init_uri
                self._recording.pieces.append(
                    Piece(init_uri=part.init_uri, zero_s=self._zero_s, data=[init])
                )
            self._recording.pieces[-1].data.append(await self._client.media(part.uri))
            self._note(part)

    def _note(self, part: ListedPart) -> None:
        number = int(_NUMBER.findall(part.uri)[-1])
        self._recording.holes += self._number is not None and number != self._number + 1
        self._number = number
        self._recording.parts += 1
        self._kept += 1

    async def _zero(self, follower: Follower, parts: Sequence[ListedPart]) -> float:
        """PROGRAM-DATE-TIME minus media time of the first segment that lists its parts."""
        first = next((part for part in parts if part.index == 0), None)
        if first is None:
            raise LookupError("the playlist lists no segment's first part")
        place = first.msn - int(follower.playlist.media_sequence or 0)
        began = follower.playlist.segments[place].parts[0].program_date_time
        if not isinstance(began, datetime):
            raise LookupError("the playlist has no PROGRAM-DATE-TIME yet")
        data = await self._client.media(first.uri)
        return began.timestamp() - decode_times(data)[0] / VIDEO_TIMESCALE


def _pictures(data: bytes, painted_width: int) -> Iterator[tuple[float, Timecode]]:
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(container.streams.video[0]):
            code = timecode.read(timecode.luma_of(frame), painted_width=painted_width)
            if code is not None and frame.time is not None:
                yield frame.time, code


def _sounds(data: bytes) -> "Iterable[tuple[float, np.typing.NDArray[np.floating], int]]":
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(container.streams.audio[0]):
            if frame.time is not None:
                yield frame.time, frame.to_ndarray()[0].astype(np.float32), frame.sample_rate
