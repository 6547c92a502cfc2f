"""Recording from a show on air: what follows each other, no more than asked for, or a sentence."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import av
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.tune.record import CannotRecord, record
from tests.mediaserver.check.clip import PARTS, SIZES, Clip, clip

INDEX = (
    "#EXTM3U\n"
    '#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=64x36,CODECS="avc1.42C00A"\nbest/list.m3u8\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=64x36,CODECS="avc1.42C00A"\nnothing.m3u8\n'
)


def segment(made: Clip, number: int) -> bytes:
    return b"".join(made.parts[number * PARTS : (number + 1) * PARTS])


class Air:
    """One rendition of one second's segments; every load of the playlist makes one more."""

    def __init__(self, made: Clip, *, there: int, ends: int, changes: int | None = None) -> None:
        self._clip = made
        self._there = there
        self._ends = ends
        self._changes = changes
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        name = request.path.rsplit("/", 1)[-1]
        if name == "index.m3u8":
            return web.Response(text=INDEX)
        if name == "list.m3u8":
            listed = web.Response(text=self._playlist())
            self._there = min(self._there + 1, self._ends)
            return listed
        if name.startswith("init"):
            return web.Response(body=self._clip.init)
        if name.startswith("s"):
            return web.Response(body=segment(self._clip, int(name[1:-4])))
        return web.Response(status=404)

    def _playlist(self) -> str:
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:1"]
        lines += ["#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES", '#EXT-X-MAP:URI="init-0.mp4"']
        for number in range(self._there):
            if number == self._changes:
                lines += ["#EXT-X-DISCONTINUITY", '#EXT-X-MAP:URI="init-1.mp4"']
            lines += ["#EXTINF:1.00000,", f"s{number}.mp4"]
        return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if self._there == self._ends else []), ""])


Begin = Callable[[Air], Awaitable[str]]


@pytest.fixture(scope="module")
def made() -> Clip:
    return clip(*SIZES["small"])


@pytest.fixture
async def on_air() -> AsyncIterator[Begin]:
    """`await on_air(Air(…))` gives the address of its index."""
    servers: list[TestServer] = []

    async def begin(air: Air) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", air.answer)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return str(server.make_url("/index.m3u8"))

    yield begin
    for server in servers:
        await server.close()


def pictures(file: Path) -> int:
    with av.open(str(file)) as container:
        return sum(1 for _ in container.decode(video=0))


async def test_the_newest_seconds_are_taken_at_once(
    on_air: Begin, made: Clip, tmp_path: Path
) -> None:
    air = Air(made, there=5, ends=9)
    file = tmp_path / "air.mp4"
    assert await record(await on_air(air), file, seconds=2) == pytest.approx(2)
    assert [path for path in air.asked if "/s" in path] == ["/best/s3.mp4", "/best/s4.mp4"]
    whole = pictures(file)
    assert whole > 1
    one = tmp_path / "one.mp4"
    await record(await on_air(Air(made, there=1, ends=2)), one, seconds=1)
    assert whole == 2 * pictures(one)


async def test_what_is_still_to_come_is_waited_for(
    on_air: Begin, made: Clip, tmp_path: Path
) -> None:
    air = Air(made, there=1, ends=9)
    assert await record(await on_air(air), tmp_path / "a.mp4", seconds=3) == pytest.approx(3)
    assert [path for path in air.asked if "_HLS_msn" in path] == [
        "/best/list.m3u8?_HLS_msn=1",
        "/best/list.m3u8?_HLS_msn=2",
    ]


async def test_the_end_of_the_show_and_other_encoders_end_it(
    on_air: Begin, made: Clip, tmp_path: Path
) -> None:
    ended = Air(made, there=2, ends=3)
    assert await record(await on_air(ended), tmp_path / "a.mp4", seconds=50) == pytest.approx(3)
    changed = Air(made, there=4, ends=9, changes=2)
    assert await record(await on_air(changed), tmp_path / "b.mp4", seconds=4) == pytest.approx(4)
    assert "/best/init-1.mp4" in changed.asked
    assert "/best/init-0.mp4" not in changed.asked


async def test_what_cannot_be_recorded_is_a_sentence(
    on_air: Begin, made: Clip, tmp_path: Path
) -> None:
    file = tmp_path / "a.mp4"
    with pytest.raises(CannotRecord, match="is no http or https address"):
        await record("ftp://example.org/x", file, seconds=1)
    with pytest.raises(CannotRecord, match="broke off"):
        await record("http://127.0.0.1:1/x.m3u8", file, seconds=1)
    empty = await on_air(Air(made, there=0, ends=0))
    with pytest.raises(CannotRecord, match=r"less than 1 s of media"):
        await record(empty, file, seconds=2)
