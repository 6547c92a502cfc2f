"""The whole server over PostgreSQL, which goes away and comes back: orders are refused in a
sentence meanwhile, the rest goes on, and what was sold is still sold."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from bench import postgresql
from bench.node import Node
from bench.polling import eventually
from bench.postgresql import Cluster
from bench.shop import Buyer, Reply, ShopClient
from mediaserver.api.errors import SHOP_AWAY
from mediaserver.demo.stock import GOODS

pytestmark = pytest.mark.media

SHOW, KEY = "show1", "host-key-of-the-tests"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if (reason := postgresql.missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with Cluster() as running:
        yield running


async def sold(buyer: Buyer, key: str) -> Reply | None:
    reply = await buyer.order(key, {"wine": 1})
    return reply if reply.status in (200, 201) else None


@pytest.mark.timeout(180)
async def test_the_database_goes_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    database = cluster.fresh()
    settings = {"spare_workers": 0, "shop": {"database": database}}
    with Node(folder=tmp_path, shows={SHOW: KEY}, settings=settings) as node:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            shop = ShopClient(http=http, url=node.url, show=SHOW, key=KEY)
            body = {**GOODS[0].to_plain(), "stock": 10}
            assert (await shop.call("PUT", "products/wine", body)).status == 200
            buyer, key = await Buyer.come(http, shop), secrets.token_hex(8)
            first = await buyer.order(key, {"wine": 1})
            assert first.status == 201, first
            cluster.stop(crash=True)
            refused = await buyer.order(secrets.token_hex(8), {"wine": 1})
            assert (refused.status, refused.error["code"]) == (503, "shop_unavailable")
            assert refused.error["message"] == SHOP_AWAY
            async with http.get(f"{node.url}/livez") as alive:
                assert alive.status == 200
            cluster.start()
            after = await eventually(
                lambda: sold(buyer, key), 20, "the shop sells again", despite=(aiohttp.ClientError,)
            )
            assert after is not None
            assert after.body == first.body, "what was said once is said again"
            assert (await shop.product("wine"))["available"] == 9
        assert not (tmp_path / "data" / "shop.sqlite3").exists()
    log = node.log()
    assert "Traceback" not in log
