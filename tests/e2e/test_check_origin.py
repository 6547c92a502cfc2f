"""`comptoir check` against our own server on air, with pins: every MUST is kept."""

import asyncio
import contextlib
from collections.abc import Iterator

import aiohttp
import pytest

from bench.hls import HlsClient
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from bench.shop import ShopClient
from mediaserver.check.command import check
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

SECONDS = 12.0
SKIPPABLE_SEGMENTS = 8
"""Longer than the skip boundary of six target durations."""
MAY_BE_UNSEEN = {"MV-09", "HT-15", "PL-24", "DU-04"}
"""No EXT-X-MEDIA, no TLS; nothing leaves a window of a minute; the first twelve seconds."""


@pytest.fixture(scope="module")
def host(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHost]:
    (show, key), *_ = server.keys.items()
    log_path = tmp_path_factory.mktemp("host") / "host.log"
    with DemoHost(
        whip_url=server.whip_url(show), key=key, log_path=log_path, size="854x480"
    ) as running:
        yield running


async def test_our_own_origin_keeps_every_rule(
    server: Node, host: DemoHost, http: aiohttp.ClientSession, hls: HlsClient
) -> None:
    (show, key), *_ = server.keys.items()
    url = f"{server.url}/live/{show}/index.m3u8"
    shop = ShopClient(http=http, url=server.url, show=show, key=key)
    await shop.fill()
    urls = await eventually(
        lambda: hls.variants(url), 20, "the show is on air", despite=(aiohttp.ClientError,)
    )
    await hls.text(urls[0])
    for msn in range(SKIPPABLE_SEGMENTS):
        await hls.text(urls[0], _HLS_msn=msn)
    checking = asyncio.ensure_future(check(url, seconds=SECONDS, timeout_s=10.0))
    pinning = asyncio.ensure_future(pin_each_segment(shop, hls, urls[0]))
    try:
        seen, verdicts = await checking
    finally:
        pinning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pinning
    broken = {v.rule.id: v.sentences for v in verdicts if v.outcome == "broken"}
    musts = {v.rule.id for v in verdicts if v.rule.level == "MUST"}
    assert {rule: said for rule, said in broken.items() if rule in musts} == {}
    assert {v.rule.id for v in verdicts if v.outcome == "not seen"} <= MAY_BE_UNSEEN
    assert any(rendition.deltas for rendition in seen.renditions)


async def pin_each_segment(shop: ShopClient, hls: HlsClient, url: str) -> None:
    """A pin with each new segment."""
    number = SKIPPABLE_SEGMENTS
    while True:
        good = GOODS[number % len(GOODS)]
        reply = await shop.cue(type="pin", product=good.id, duration_ms=3000)
        assert reply.status < 300, reply
        await hls.text(url, _HLS_msn=number)
        number += 1
