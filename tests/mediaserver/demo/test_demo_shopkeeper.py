"""The demo's shopkeeper against an API that refuses, stumbles and takes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.demo.shopkeeper import PAUSE_S, SHOWN_S, ApiRefused, Shopkeeper, api_url
from mediaserver.demo.stock import GOODS
from overlay import __file__ as overlay_file

KEY = "a-host-key-for-tests"
NOW_MS = 1_700_000_000_000
PICTURES = Path(overlay_file).parent / "web" / "public"


class Api:
    """Takes everything, but for the answers it was told to give first."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.taken: list[tuple[str, str, dict[str, Any]]] = []
        self.naps: list[float] = []
        self.enough = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        if self.answers:
            status, code = self.answers.pop(0)
            error = {"code": code, "message": "A sentence."}
            return web.json_response({"error": error}, status=status)
        self.taken.append((request.method, request.path, await request.json()))
        if len(self.taken) >= 2 * len(GOODS) + 1:
            self.enough.set()
        return web.json_response({}, status=200)

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def keeper(api: Api) -> AsyncIterator[Shopkeeper]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield Shopkeeper(
            http=http,
            show_url=api_url(str(server.make_url("/live/demo/whip"))),
            key=KEY,
            sleep=api.sleep,
            now_ms=lambda: NOW_MS,
        )


async def run_until_enough(keeper: Shopkeeper, api: Api) -> None:
    task = asyncio.ensure_future(keeper.run())
    async with asyncio.timeout(10):
        await api.enough.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_shelf_is_filled_then_each_good_is_pinned_in_turn(
    keeper: Shopkeeper, api: Api
) -> None:
    await run_until_enough(keeper, api)
    shelf, pins = api.taken[: len(GOODS)], api.taken[len(GOODS) : 2 * len(GOODS) + 1]
    assert [(method, path) for method, path, _ in shelf] == [
        ("PUT", f"/api/v1/shows/demo/products/{good.id}") for good in GOODS
    ]
    assert {(method, path) for method, path, _ in pins} == {("POST", "/api/v1/shows/demo/cues")}
    assert [body["product"] for _, _, body in pins] == [good.id for good in (*GOODS, GOODS[0])]
    assert {body["clicked_at_ms"] for _, _, body in pins} == {NOW_MS}
    assert {body["duration_ms"] for _, _, body in pins} == {8000}
    assert set(api.naps) == {SHOWN_S + PAUSE_S}


async def test_what_may_pass_is_tried_again(keeper: Shopkeeper, api: Api) -> None:
    api.answers = [(503, "process_unavailable"), (409, "not_on_air"), (429, "slow_down")]
    await run_until_enough(keeper, api)
    assert len(api.naps) >= 3
    assert api.taken[0][1].endswith(GOODS[0].id)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
async def test_any_other_refusal_ends_it_with_the_servers_sentence(
    status: int, keeper: Shopkeeper, api: Api
) -> None:
    api.answers = [(status, "nonsense")]
    with pytest.raises(ApiRefused, match="A sentence"):
        await keeper.run()


@pytest.mark.parametrize("url", ["http://x/whip", "http://x/live//whip", "http://x/live/demo"])
def test_only_a_whip_endpoint_has_a_show(url: str) -> None:
    with pytest.raises(ValueError, match="is no WHIP endpoint"):
        api_url(url)


def test_every_good_is_within_the_limits_of_the_api() -> None:
    assert len(GOODS) >= 4
    assert len({good.id for good in GOODS}) == len(GOODS)
    for good in GOODS:
        assert len(good.name) <= 200
        assert len(good.facts) <= 5
        assert all(len(fact) <= 120 for fact in good.facts)


@pytest.mark.parametrize("good", GOODS, ids=lambda good: good.id)
def test_every_good_has_a_picture_that_brings_no_script(good: Any) -> None:
    picture = PICTURES / str(good.to_plain()["picture"]).lstrip("/")
    root = ElementTree.fromstring(picture.read_bytes())  # noqa: S314 - our own file
    assert root.get("viewBox")
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "foreignObject", "image", "use"}
