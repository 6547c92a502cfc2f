"""Colour bars from a host's browser through ingest, ladder and a viewer's browser to its canvas.

The host's camera is a canvas of bars; the viewer's page draws its video on a canvas and reads the
pixels there, so both browsers' own colour conversions are in it.
"""

import aiohttp
import pytest

from bench.bars import MOST_DELTA_E, seen_deltas, show_bars
from bench.chromium import chromium, go_live, host_page, viewer_page
from bench.hls import HlsClient
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param((854, 480), id="480 lines"),
        pytest.param((1280, 720), id="720 lines", marks=pytest.mark.soak),
    ],
)
async def test_bars_keep_their_colours_from_canvas_to_canvas(
    server: Node, http: aiohttp.ClientSession, hls: HlsClient, size: tuple[int, int]
) -> None:
    show = list(server.keys)[size[1] == 720]
    width, height = size
    async with chromium() as host_browser, chromium() as viewer_browser:
        host = await host_page(host_browser, monitor=False)
        await show_bars(host, width=width, height=height)
        await go_live(host, url=server.url, show=show, key=server.keys[show])
        await eventually(
            lambda: hls.variants(f"{server.url}/live/{show}/index.m3u8"),
            20, "the show is on air", despite=(aiohttp.ClientError,),
        )  # fmt: skip
        viewer = await viewer_page(viewer_browser)
        await viewer.goto(f"{server.url}/watch/{show}")
        deltas = await seen_deltas(viewer)
        await viewer.close()
        await host.close()
    assert max(deltas) < MOST_DELTA_E, deltas
