"""A small LL-HLS origin of the tests' own, alive and right, which variants break in one place.

Two muxed renditions of one second's segments in four parts, encoded once. The show began before
the test did, so the playlists are long at once. Cues come every second and a half.
"""

import asyncio
import gzip
import json
import re
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiohttp import web

from tests.mediaserver.check.clip import (
    PART_TICKS,
    PARTS,
    SEGMENTS,
    SIZES,
    TICKS,
    Clip,
    clip,
    cue_at,
)

BEFORE = 12
"""Segments that were there when the origin began."""
LISTED = 9


@pytest.fixture(scope="session")
def clips() -> dict[str, Clip]:
    """Both renditions, encoded once."""
    return {name: clip(*size) for name, size in SIZES.items()}


Text = Callable[[str, "Asked"], str]
Bytes = Callable[[bytes, "Asked"], bytes]
Answered = Callable[[web.Response, "Asked"], web.Response]


@dataclass(kw_only=True)
class Asked:
    """One request, for whoever breaks its answer."""

    kind: str
    """`index`, `playlist`, `init`, `part`, `segment` or `unknown`."""
    rendition: str = ""
    number: int = 0
    query: dict[str, str] = field(default_factory=dict)
    request: web.BaseRequest
    edge: int
    """Parts that are there."""
    hinted: bool = False
    """The part was not there yet."""
    reloads: int = 0
    """How often this rendition's playlist was answered before."""


@dataclass(kw_only=True)
class Flaw:
    """Where an origin errs. Everything else stays right."""

    text: Text | None = None
    """Of playlists, the index too."""
    data: Bytes | None = None
    """Of init sections, parts and segments."""
    answer: Answered | None = None
    wait: bool = True
    """Blocking requests wait."""
    whole: bool = True
    """_HLS_msn alone waits for the segment."""
    carry: bool = True
    """A part past the end is the next segment's first."""
    far: bool = True
    """What is too far ahead is refused."""
    strict: bool = True
    """Malformed directives are refused."""
    hinted: bool = True
    """Hinted parts wait."""
    kept_parts: int = 10_000
    kept_segments: int = 10_000
    past: bool = True
    """A past segment is answered at once."""
    before: int = BEFORE * PARTS
    """Parts that were there when the origin began."""
    turn: int | None = None
    """Not a flaw: from this segment on both renditions show the small one's pictures, as those of
    a show do that has shed a rung: other init sections, behind a discontinuity."""
    told: bool = True
    """The index follows that."""


class Origin:
    """One show, from `start` on. `flaw` says where it errs."""

    def __init__(self, clips: dict[str, Clip], flaw: Flaw) -> None:
        self.clips = clips
        self.flaw = flaw
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._utc_s = datetime.now(UTC).timestamp() - flaw.before / PARTS
        self._answered = dict.fromkeys(SIZES, 0)

    @property
    def edge(self) -> int:
        """How many parts there are."""
        return self.flaw.before + int((self._loop.time() - self._began_s) * PARTS)

    async def until(self, parts: int) -> None:
        """Until so many parts are there, at most three seconds."""
        wait_s = (parts - self.flaw.before) / PARTS - (self._loop.time() - self._began_s)
        done = asyncio.Event()
        timer = self._loop.call_later(min(max(0.0, wait_s) + 0.002, 3.0), done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    async def handle(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Any request; `path` is below this origin's root."""
        if request.method == "OPTIONS":
            asked = Asked(kind="preflight", request=request, edge=self.edge)
            return self._finish(_response(204, b"", ""), asked)
        asked = self._read(request, path)
        response = await self._answer(asked)
        asked.edge = self.edge
        return self._finish(response, asked)

    def _read(self, request: web.BaseRequest, path: str) -> Asked:
        query = dict(request.query)
        asked = Asked(kind="unknown", query=query, request=request, edge=self.edge)
        if path == "index.m3u8":
            asked.kind = "index"
            return asked
        rendition, _, file = path.partition("/")
        match = re.fullmatch(r"(media|init|part|seg)-?([0-9]*)\.(?:m3u8|mp4|m4s)", file)
        if rendition in SIZES and match:
            names = {"media": "playlist", "init": "init", "part": "part", "seg": "segment"}
            asked.kind, asked.rendition = names[match[1]], rendition
            asked.number = int(match[2] or 0)
            asked.hinted = asked.kind == "part" and asked.number >= asked.edge
        return asked

    async def _answer(self, asked: Asked) -> web.Response:
        match asked.kind:
            case "index":
                return self._playlist_response(self._index(), asked, "public, max-age=1")
            case "playlist":
                return await self._playlist(asked)
            case "init":
                later = asked.number > 0
                return self._media(self._clip(asked.rendition, later=later).init, asked)
            case "part":
                return await self._part(asked)
            case "segment":
                return self._segment(asked)
        return _error(404)

    def _index(self) -> str:
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
        later = self.flaw.told and self._has_turned(self.edge - 1)
        for name in SIZES:
            width, height = SIZES["small" if later else name]
            rate = 400_000 if name == "large" else 300_000
            avc = self._avc(self._clip(name, later=later))
            lines.append(
                f"#EXT-X-STREAM-INF:BANDWIDTH={rate},AVERAGE-BANDWIDTH={rate - 50_000},"
                f'CODECS="{avc},mp4a.40.2",RESOLUTION={width}x{height},FRAME-RATE=12.000'
            )
            lines.append(f"{name}/media.m3u8")
        return "\n".join([*lines, ""])

    def _has_turned(self, part: int) -> bool:
        """Whether that part is of the later ladder."""
        return self.flaw.turn is not None and part >= self.flaw.turn * PARTS

    def _clip(self, name: str, *, later: bool) -> Clip:
        return self.clips["small" if later else name]

    def _avc(self, clip: Clip) -> str:
        init = clip.init
        at = init.index(b"avcC") + 5
        return f"avc1.{init[at : at + 3].hex().upper()}"

    async def _playlist(self, asked: Asked) -> web.Response:
        flaw, query = self.flaw, asked.query
        msn, part = query.get("_HLS_msn"), query.get("_HLS_part")
        legal = all(v is None or v.isdecimal() for v in (msn, part))
        if (part is not None and msn is None) or not legal:
            if flaw.strict:
                return _error(400)
            msn = part = None
        if msn is not None:
            first = int(msn) * PARTS + (PARTS - 1 if part is None and flaw.whole else 0)
            index = int(part or 0)
            wanted = first + (min(index, PARTS) if flaw.carry else min(index, PARTS - 1)) + 1
            if wanted - self.edge > 3 * PARTS or index > 20:
                if flaw.far:
                    return _error(400)
                wanted = self.edge
            if int(msn) * PARTS < self.edge - LISTED * PARTS and not flaw.past:
                await self.until(self.edge + 6)
            if flaw.wait:
                await self.until(wanted)
        asked.reloads = self._answered[asked.rendition]
        self._answered[asked.rendition] += 1
        kept = "public, max-age=6" if msn is not None else "public, max-age=1"
        text = self.media_playlist(asked.rendition, self.edge, query.get("_HLS_skip", ""))
        return self._playlist_response(text, asked, kept)

    def media_playlist(self, name: str, edge: int, skip: str) -> str:
        """The playlist when `edge` parts are there."""
        whole, rest = divmod(edge, PARTS)
        first = max(0, whole - LISTED)
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{ {'': 6, 'YES': 9, 'v2': 10}[skip] }",
            "#EXT-X-TARGETDURATION:1",
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.75,"
            "CAN-SKIP-UNTIL=6.0,CAN-SKIP-DATERANGES=YES",
            "#EXT-X-PART-INF:PART-TARGET=0.25",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
        ]
        gone = self.flaw.turn is not None and first > self.flaw.turn
        lines += [f"#EXT-X-DISCONTINUITY-SEQUENCE:{gone:d}"] if self.flaw.turn else []
        skipped = ((whole - first) * PARTS + rest - 6 * PARTS) // PARTS if skip else 0
        if skip:
            removed = ',RECENTLY-REMOVED-DATERANGES="{}"'.format(
                "\t".join(f"cue-{n}" for n in self._cues(first - 3, first))
            )
            skips = removed if skip == "v2" else ""
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}{skips}")
        lines += [self._date_range(n) for n in self._cues(first, whole + 1, edge)]
        listed = range(first + skipped, whole + (rest > 0))
        for msn in listed:
            if msn == self.flaw.turn:
                lines.append("#EXT-X-DISCONTINUITY")
            if msn in (listed[0], self.flaw.turn):
                later = self._has_turned(msn * PARTS)
                lines.append(f'#EXT-X-MAP:URI="init-{later:d}.mp4"')
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(self._utc_s + msn)}")
            count = PARTS if msn < whole else rest
            for n in range(msn * PARTS, msn * PARTS + count) if msn > whole - 4 else ():
                independent = ",INDEPENDENT=YES" if n % PARTS == 0 else ""
                lines.append(f'#EXT-X-PART:DURATION=0.25,URI="part-{n}.m4s"{independent}')
            if msn < whole:
                lines += ["#EXTINF:1.0,", f"seg-{msn}.m4s"]
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{edge}.m4s"')
        last = divmod(edge - 1, PARTS)
        for other in SIZES:
            if other != name:
                lines.append(
                    f'#EXT-X-RENDITION-REPORT:URI="../{other}/media.m3u8",'
                    f"LAST-MSN={last[0]},LAST-PART={last[1]}"
                )
        return "\n".join([*lines, ""])

    def _cues(self, first: int, end: int, edge: int | None = None) -> list[int]:
        """Cues that overlap these segments and have been told."""
        return [
            n
            for n in range(SEGMENTS)
            if first * TICKS < cue_at(n) + TICKS
            and cue_at(n) < end * TICKS
            and (edge is None or cue_at(n) < edge * PART_TICKS)
            and (edge is not None or cue_at(n) + TICKS <= end * TICKS)
        ]

    def _date_range(self, number: int) -> str:
        start = _date(self._utc_s + cue_at(number) / TICKS)
        return f'#EXT-X-DATERANGE:ID="cue-{number}",CLASS="test",START-DATE="{start}",DURATION=1.0'

    async def _part(self, asked: Asked) -> web.Response:
        if asked.number == self.edge and self.flaw.hinted:
            await self.until(asked.number + 1)
        if not self.edge - self.flaw.kept_parts <= asked.number < self.edge:
            return _error(404)
        clip = self._clip(asked.rendition, later=self._has_turned(asked.number))
        return self._media(clip.parts[asked.number], asked)

    def _segment(self, asked: Asked) -> web.Response:
        whole = self.edge // PARTS
        if not whole - self.flaw.kept_segments <= asked.number < whole:
            return _error(404)
        first = asked.number * PARTS
        parts = self._clip(asked.rendition, later=self._has_turned(first)).parts
        return self._media(b"".join(parts[first : first + PARTS]), asked)

    def _playlist_response(self, text: str, asked: Asked, kept: str) -> web.Response:
        if self.flaw.text is not None:
            text = self.flaw.text(text, asked)
        response = _response(200, text.encode(), "application/vnd.apple.mpegurl")
        response.headers["Cache-Control"] = kept
        response.headers["Vary"] = "Accept-Encoding"
        if "gzip" in asked.request.headers.get("Accept-Encoding", ""):
            response.body = gzip.compress(text.encode(), 1)
            response.headers["Content-Encoding"] = "gzip"
        return response

    def _media(self, data: bytes, asked: Asked) -> web.Response:
        if self.flaw.data is not None:
            data = self.flaw.data(data, asked)
        response = _response(200, data, "video/mp4")
        response.headers["Cache-Control"] = "public, max-age=86400, immutable"
        response.headers["Accept-Ranges"] = "bytes"
        match = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", asked.request.headers.get("Range", ""))
        if match and asked.request.method == "GET":
            first, last = int(match[1]), min(int(match[2]), len(data) - 1)
            if first >= len(data):
                response.set_status(416)
                response.body = b""
                response.headers["Cache-Control"] = "no-store"
            else:
                response.set_status(206)
                response.headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
                response.body = data[first : last + 1]
        return response

    def _finish(self, response: web.Response, asked: Asked) -> web.StreamResponse:
        response.headers["Access-Control-Allow-Origin"] = "*"
        if asked.kind == "preflight":
            response.headers["Access-Control-Allow-Headers"] = "Range"
        return self.flaw.answer(response, asked) if self.flaw.answer is not None else response


def _response(status: int, body: bytes, kind: str) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": kind} if kind else {})


def _error(status: int) -> web.Response:
    response = _response(status, json.dumps({"error": status}).encode(), "application/json")
    response.headers["Cache-Control"] = "public, max-age=1"
    return response


def _date(utc_s: float) -> str:
    at = datetime.fromtimestamp(utc_s, UTC).replace(tzinfo=None)
    return at.isoformat(timespec="milliseconds") + "Z"


class Origins:
    """Many origins below one address."""

    def __init__(self, clips: dict[str, Clip]) -> None:
        self._clips = clips
        self._origins: dict[str, Origin] = {}
        self.url = ""

    def add(self, flaw: Flaw) -> str:
        """A new one, on air from now on: the address of its multivariant playlist."""
        name = str(len(self._origins))
        self._origins[name] = Origin(self._clips, flaw)
        return f"{self.url}/{name}/index.m3u8"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name, _, path = request.path.lstrip("/").partition("/")
        origin = self._origins.get(name)
        return _error(404) if origin is None else await origin.handle(request, path)


@pytest.fixture
async def origins(clips: dict[str, Clip]) -> AsyncIterator[Origins]:
    """A server for any number of origins."""
    made = Origins(clips)
    runner = web.ServerRunner(web.Server(made.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def flaw() -> type[Flaw]:
    """The class itself: tests share modules through fixtures alone."""
    return Flaw


@pytest.fixture
def cut_box() -> Callable[[bytes, bytes], bytes]:
    """Takes the first top-level box of a kind away."""

    def cut(data: bytes, kind: bytes) -> bytes:
        at = data.index(kind) - 4
        (size,) = struct.unpack_from(">I", data, at)
        return data[:at] + data[at + size :]

    return cut
