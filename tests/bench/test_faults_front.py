"""The front: passes WHIP on, rewrites the answer alone, and is as dark as its line."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bench.faults.front import Front
from bench.faults.link import Impairment
from bench.faults.profiles import Profile
from bench.faults.relay import HOST, Relay

SDP = (
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    f"a=candidate:1 1 udp 1 {HOST} 4711 typ host\r\na=end-of-candidates\r\n"
)
PROFILE = Profile(name="dark", trouble=Impairment(blackout=True))


class Server:
    """Answers every POST with an SDP answer and keeps what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.body = ""
        self.answer = SDP

    async def handle(self, request: web.Request) -> web.Response:
        key = request.headers.get("Authorization", "")
        self.asked.append((request.method, request.path, key))
        self.body = await request.text()
        if request.method != "POST":
            return web.Response(status=404, text="a=candidate: nothing of the kind")
        return web.Response(
            status=201,
            text=self.answer,
            content_type="application/sdp",
            headers={"Location": "/there"},
        )


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay(PROFILE, target_port=None, seed=1)
    yield made
    await made.close()


@pytest.fixture
async def url(server: Server, relay: Relay) -> AsyncIterator[str]:
    """Where the front is."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    behind = f"http://{HOST}:{runner.addresses[0][1]}"
    front = Front(server_url=behind, relay=relay, relay_port=await relay.open())
    yield f"http://{HOST}:{await front.open()}"
    await front.close()
    await runner.cleanup()


async def test_an_answer_is_rewritten_and_aims_the_relay(
    server: Server, relay: Relay, url: str
) -> None:
    headers = {"Authorization": "Bearer key", "Content-Type": "application/sdp"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/live/s/whip", data="v=0", headers=headers) as response,
    ):
        assert response.status == 201
        assert response.headers["Location"] == "/there"
        answer = await response.text()
    assert "4711" not in answer
    assert answer.count("a=candidate") == 1
    assert relay.aimed
    assert server.asked == [("POST", "/live/s/whip", "Bearer key")]


async def test_an_offer_tells_the_server_no_way_past_the_line(server: Server, url: str) -> None:
    """A server that checks the publisher's own addresses would be reached without the relay."""
    headers = {"Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http:
        await http.post(f"{url}/live/s/whip", data=SDP, headers=headers)
    assert server.body == "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"


async def test_a_server_with_a_port_for_each_publish_is_followed(
    server: Server, relay: Relay, url: str
) -> None:
    headers = {"Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http:
        for port in (4711, 4712):
            server.answer = SDP.replace("4711", str(port))
            await http.post(f"{url}/live/s/whip", data=SDP, headers=headers)
            assert relay._target == (HOST, port)


async def test_anything_else_passes_as_it_is(server: Server, relay: Relay, url: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.delete(f"{url}/live/s/whip/1?x=%2F") as response,
    ):
        assert response.status == 404
        assert await response.text() == "a=candidate: nothing of the kind"
    assert not relay.aimed


async def test_while_the_line_is_dark_nobody_is_answered_or_passed_on(
    server: Server, relay: Relay, url: str
) -> None:
    relay.arm()
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await http.post(f"{url}/live/s/whip", data="v=0")
    assert server.asked == []
