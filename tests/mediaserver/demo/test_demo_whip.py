import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mediaserver.demo.whip import MAX_ANSWER_BYTES, WhipClient
from mediaserver.errors import PublishRefused

KEY = "a-host-key-for-tests"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (web.Response(status=409), "409 Conflict"),
        (web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}), "307"),
        (web.Response(status=201, text="v=0", content_type="application/sdp"), "not one of WHIP"),
        (web.Response(status=201, text="{}", headers={"Location": "/r"}), "not one of WHIP"),
        (web.Response(status=201, text="x" * (MAX_ANSWER_BYTES + 1)), "over 65536 bytes"),
    ],
)
async def test_answers_that_are_none(response: web.Response, message: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return response

    app = web.Application()
    app.router.add_post("/whip", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        client = WhipClient(http=http, endpoint=str(server.make_url("/whip")), token=KEY)
        with pytest.raises(PublishRefused, match=message):
            await client.publish("v=0\r\n")


@pytest.mark.parametrize("location", ["sessions/1", "/live/demo/sessions/1", "{origin}/s/1"])
async def test_locations_may_be_relative(location: str) -> None:
    deleted = []

    async def post(request: web.Request) -> web.Response:
        where = location.format(origin=str(request.url.origin()))
        return web.Response(
            status=201, text="v=0", content_type="application/sdp", headers={"Location": where}
        )

    async def delete(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        deleted.append(request.path)
        return web.Response(status=404)

    app = web.Application()
    app.router.add_post("/live/demo/whip", post)
    app.router.add_delete("/{path:.*}", delete)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        endpoint = str(server.make_url("/live/demo/whip"))
        client = WhipClient(http=http, endpoint=endpoint, token=KEY)
        resource = await client.publish("v=0\r\n")
        await client.end(resource)
    assert deleted == [resource.url.path]
    assert resource.url.is_absolute()
