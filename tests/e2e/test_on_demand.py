"""A rung that nobody watches dozes, and wakes for whoever asks for it. Takes what it takes to be
sure that nobody watches; behind `make soak`."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from bench.hls import Follower, HlsClient
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.media, pytest.mark.soak]

SHOW, KEY = "show1", "host-key-of-the-tests"
RUNGS = [
    {"name": "top", "height": 360, "bitrate_bps": 900_000, "max_bitrate_bps": 1_000_000},
    {"name": "low", "height": 144, "bitrate_bps": 200_000, "max_bitrate_bps": 250_000},
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Node]:
    path = tmp_path / "profile.yaml"
    profile = {"name": "on demand", "on_demand": True, "rungs": RUNGS, "overload": {"shed": []}}
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    with Node(folder=tmp_path, shows={SHOW: KEY}, settings={"profile": str(path)}) as node:
        yield node


async def test_a_rung_dozes_while_nobody_asks_for_it(
    server: Node, http: aiohttp.ClientSession, hls: HlsClient, tmp_path: Path
) -> None:
    async def dozing() -> int:
        url = f"http://127.0.0.1:{server.admin_port}/metrics"
        async with http.get(url) as response:
            lines = (await response.text()).splitlines()
        (line,) = [each for each in lines if each.startswith("comptoir_ladder_dozing{")]
        return int(float(line.split()[-1]))

    index_url = f"{server.url}/live/{SHOW}/index.m3u8"
    host = DemoHost(whip_url=server.whip_url(SHOW), key=KEY, log_path=tmp_path / "host.log")
    with host:
        top, low = await eventually(
            lambda: hls.variants(index_url), 20, "it is on air", despite=(aiohttp.ClientError,)
        )
        watched = Follower(hls, top)

        async def low_dozes() -> bool:
            await watched.reload()
            return await dozing() == 1

        assert await dozing() == 0
        await eventually(low_dozes, 40, "the rung that nobody watches dozes")
        newcomer = Follower(hls, low)
        await newcomer.reload()

        async def awake() -> bool:
            await newcomer.reload()
            return await dozing() == 0

        await eventually(awake, 5, "it wakes")
        assert not newcomer.ended
    assert len({part.init_uri for part in newcomer.parts.values()}) == 1
