"""Cues in the media itself, read by what shares nothing with our writers: the same in all."""

import asyncio
import base64
import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bench.boxes import EventMessage, decode_times, event_messages
from bench.hls import Follower, HlsClient, ListedPart, video_frames
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from bench.shop import ShopClient
from mediaserver.demo import timecode
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

WIDTH = 854
PINS = 10
TICKS_PER_SECOND = 90_000
FRAME_TICKS = 3_000
HOST_CLOCK_MS = 100
"""The demo's host ties its clock to its frames less exactly than a browser does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What one rendition carried while the cues came."""

    follower: Follower
    init: bytes
    parts: list[tuple[ListedPart, bytes]]

    def messages(self) -> list[tuple[EventMessage, int, int]]:
        """Each emsg, with the first tick of the part it lies in and the tick after its last."""
        found = []
        for part, data in self.parts:
            start = decode_times(data)[0]
            end = start + round(part.duration_s * TICKS_PER_SECOND)
            found += [(message, start, end) for message in event_messages(data)]
        return found

    def date_ranges(self) -> dict[str, str]:
        """The EXT-X-DATERANGE tags of the last playlist, by ID."""
        lines = re.findall(r"^#EXT-X-DATERANGE:(.*)$", self.follower.text, re.MULTILINE)
        by_id = {attribute(line, "ID"): line for line in lines}
        assert len(by_id) == len(lines), "an ID is listed twice"
        return by_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """All renditions of one stretch of the show, and the cues the API says are in it."""

    renditions: list[Rendition]
    cues: list[dict[str, Any]]
    clicked_at_ms: dict[str, int]


def attribute(line: str, name: str) -> str:
    """The value of one attribute of a tag, without its quotes."""
    match = re.search(rf'(?:^|,){name}=(?:"([^"]*)"|([^,]*))', line)
    assert match is not None, f"{name} is missing: {line}"
    return match[1] if match[1] is not None else match[2]


def payload_of(message: EventMessage) -> dict[str, Any]:
    private = message.private()
    assert list(private) == ["comptoir.cue"]
    payload: dict[str, Any] = json.loads(private["comptoir.cue"])
    return payload


def key_of(cue: dict[str, Any]) -> tuple[str, int]:
    return cue["id"], cue["revision"]


@pytest.fixture(scope="module")
def host(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHost]:
    (show, key), *_ = server.keys.items()
    log_path = tmp_path_factory.mktemp("host") / "host.log"
    with DemoHost(
        whip_url=server.whip_url(show), key=key, log_path=log_path, size=f"{WIDTH}x480"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def broadcast(server: Node, host: DemoHost) -> Broadcast:
    """A show with `PINS` pins and as many unpins at random moments, followed in all renditions."""
    return asyncio.run(record(server))


async def record(server: Node) -> Broadcast:
    (show, key), *_ = server.keys.items()
    index_url = f"{server.url}/live/{show}/index.m3u8"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        hls = HlsClient(http)
        shop = ShopClient(http=http, url=server.url, show=show, key=key)
        await shop.fill()
        urls = await eventually(
            lambda: hls.variants(index_url), 20, "the show is on air",
            despite=(aiohttp.ClientError,),
        )  # fmt: skip
        recorders = [Recorder(hls, url) for url in urls]
        await asyncio.gather(*(recorder.go_on() for recorder in recorders))
        pins = asyncio.ensure_future(pin_at_random(shop))
        while not pins.done():
            await asyncio.gather(*(recorder.go_on() for recorder in recorders))
        for _ in range(8):
            await asyncio.gather(*(recorder.go_on() for recorder in recorders))
        renditions = [await recorder.rendition() for recorder in recorders]
        return Broadcast(renditions=renditions, cues=await shop.cues(), clicked_at_ms=await pins)


class Recorder:
    """Follows one rendition and keeps its parts as they come."""

    def __init__(self, hls: HlsClient, url: str) -> None:
        self._hls, self._follower = hls, Follower(hls, url)
        self._data: dict[str, bytes] = {}

    async def go_on(self) -> None:
        """Reload once, and fetch what is new."""
        await self._follower.reload()
        for uri in self._follower.parts:
            if uri not in self._data:
                self._data[uri] = await self._hls.media(uri)

    async def rendition(self) -> Rendition:
        """What there is so far."""
        parts = [(part, self._data[uri]) for uri, part in self._follower.parts.items()]
        init = await self._hls.media(parts[0][0].init_uri)
        return Rendition(follower=self._follower, init=init, parts=parts)


async def pin_at_random(shop: ShopClient) -> dict[str, int]:
    """Pin and unpin. Returns when each pin was meant, in Unix milliseconds."""
    luck = random.Random(5)
    clicked_at_ms = {}
    for number in range(PINS):
        at_ms = time.time_ns() // 1_000_000
        good = GOODS[number % len(GOODS)]
        pinned = await shop.cue(type="pin", product=good.id, clicked_at_ms=at_ms)
        assert pinned.status == 201, pinned
        clicked_at_ms[pinned.body["id"]] = at_ms
        await asyncio.sleep(luck.uniform(0.5, 0.9))
        unpinned = await shop.cue(type="unpin", ends=pinned.body["id"])
        assert unpinned.status == 201, unpinned
        await asyncio.sleep(luck.uniform(0.0, 0.4))
    return clicked_at_ms


def test_every_rendition_carries_each_cue_once_in_band(broadcast: Broadcast) -> None:
    assert len(broadcast.renditions) >= 2
    stored = {key_of(cue): cue for cue in broadcast.cues}
    assert len(stored) == 2 * PINS
    for rendition in broadcast.renditions:
        found = [payload_of(message) for message, _, _ in rendition.messages()]
        assert sorted(map(key_of, found)) == sorted(stored), "none lost, none doubled"
        assert all(stored[key_of(cue)] == cue for cue in found)


def test_renditions_carry_the_same_bytes_at_the_same_time(broadcast: Broadcast) -> None:
    first, *others = [rendition.messages() for rendition in broadcast.renditions]
    for messages in others:
        assert messages == first
    assert len({message.id for message, _, _ in first}) == len(first)


def test_a_message_lies_in_the_part_that_holds_its_time(broadcast: Broadcast) -> None:
    moved = 0
    for message, start, end in broadcast.renditions[0].messages():
        cue = payload_of(message)
        assert (message.scheme, message.value) == ("https://aomedia.org/emsg/ID3", "")
        assert message.timescale == TICKS_PER_SECOND
        assert message.duration == cue["duration"]
        assert start <= message.presentation_time < end
        if message.presentation_time != cue["pts"]:
            moved += 1
            assert cue["pts"] < start, "only a cue whose frame had left may move"
            assert message.presentation_time == start
    assert moved < PINS


def test_every_playlist_lists_the_same_date_ranges(broadcast: Broadcast) -> None:
    first, *others = [rendition.date_ranges() for rendition in broadcast.renditions]
    for ranges in others:
        assert ranges == first
    stored = {f"cue-{cue['id']}-{cue['revision']}": cue for cue in broadcast.cues}
    assert set(first) == set(stored)
    for name, line in first.items():
        encoded = attribute(line, "X-COMPTOIR-CUE")
        payload = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        assert payload == stored[name]
        assert attribute(line, "CLASS") == "comptoir.cue"
        assert float(attribute(line, "DURATION")) == pytest.approx(
            payload["duration"] / TICKS_PER_SECOND, abs=0.001
        )


def test_the_date_of_a_cue_is_the_date_of_its_frame(broadcast: Broadcast) -> None:
    """By the playlist's own EXT-X-PROGRAM-DATE-TIME and the media's decode times."""
    rendition = broadcast.renditions[0]
    sequence = int(rendition.follower.playlist.media_sequence or 0)
    date, data = next(
        (segment.program_date_time, data)
        for msn, segment in enumerate(rendition.follower.playlist.segments, start=sequence)
        for part, data in rendition.parts
        if segment.program_date_time and (part.msn, part.index) == (msn, 0)
    )
    tick_zero = date - timedelta(seconds=decode_times(data)[0] / TICKS_PER_SECOND)
    stored = {f"cue-{cue['id']}-{cue['revision']}": cue for cue in broadcast.cues}
    for name, line in rendition.date_ranges().items():
        start = datetime.fromisoformat(attribute(line, "START-DATE"))
        meant = tick_zero + timedelta(seconds=stored[name]["pts"] / TICKS_PER_SECOND)
        assert abs(start - meant) <= timedelta(milliseconds=2)


def test_the_frame_of_a_pin_was_painted_when_the_host_clicked(broadcast: Broadcast) -> None:
    rendition = broadcast.renditions[-1]
    painted = {}
    for frame in video_frames([rendition.init, *(data for _, data in rendition.parts)]):
        code = timecode.read(timecode.luma_of(frame), painted_width=WIDTH)
        assert code is not None
        assert frame.pts is not None
        painted[frame.pts // FRAME_TICKS] = code.unix_ms
    for cue in broadcast.cues:
        if cue["type"] == "pin":
            clicked = broadcast.clicked_at_ms[cue["id"]] % 2**32
            assert abs(painted[cue["pts"] // FRAME_TICKS] - clicked) <= HOST_CLOCK_MS
