"""What a WHIP endpoint refuses, and that the show on air does not notice."""

from collections.abc import Iterator

import aiohttp
import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.hls import Follower, HlsClient, newest_picture
from bench.host import DemoHost
from bench.node import Node
from bench.polling import eventually
from mediaserver.demo import timecode

pytestmark = pytest.mark.media

WIDTH = 640


@pytest.fixture(scope="module")
def host(server: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHost]:
    """The show's rightful publisher, on air during all of this file."""
    (show, key), *_ = server.keys.items()
    log_path = tmp_path_factory.mktemp("host") / "host.log"
    with DemoHost(whip_url=server.whip_url(show), key=key, log_path=log_path) as running:
        yield running


@pytest.fixture
async def on_air(server: Node, host: DemoHost, hls: HlsClient) -> str:
    """The address of the show's playlist, once its picture is there."""
    url = f"{server.url}/live/{next(iter(server.keys))}/index.m3u8"
    await eventually(
        lambda: newest_picture(hls, url), 20, "the show is on air",
        despite=(aiohttp.ClientError, LookupError),
    )  # fmt: skip
    return url


@pytest.fixture
async def offer() -> str:
    """An offer that would be taken, were it not for the rest of its request."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="sendonly")
    peer.addTransceiver("audio", direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = str(peer.localDescription.sdp)
    await peer.close()
    return sdp


async def picture_ms(hls: HlsClient, url: str) -> int:
    """The time painted into the newest picture."""
    return painted_ms(await newest_picture(hls, url))


def painted_ms(picture: av.VideoFrame) -> int:
    code = timecode.read(timecode.luma_of(picture), painted_width=WIDTH)
    assert code is not None
    return code.unix_ms


async def post(
    http: aiohttp.ClientSession,
    url: str,
    *,
    key: str | None,
    body: str,
    content_type: str = "application/sdp",
) -> aiohttp.ClientResponse:
    headers = {"Content-Type": content_type}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    async with http.post(url, data=body.encode(), headers=headers) as response:
        await response.read()
        return response


async def test_bodies_that_are_no_offer(
    server: Node, http: aiohttp.ClientSession, on_air: str, offer: str
) -> None:
    idle, key = list(server.keys.items())[-1]
    url = server.whip_url(idle)
    malformed = await post(http, url, key=key, body="this is no SDP")
    assert malformed.status == 400
    assert "error" in await malformed.json()
    other = await post(http, url, key=key, body=offer, content_type="application/json")
    assert other.status == 415
    big = await post(http, url, key=key, body="v=0\r\n" + "a=x\r\n" * 13_400)
    assert big.status == 413
    async with http.get(f"{server.url}/live/{idle}/state") as response:
        assert (await response.json())["state"] == "idle"


async def test_hosts_without_the_key(
    server: Node, http: aiohttp.ClientSession, on_air: str, offer: str
) -> None:
    url = server.whip_url(next(iter(server.keys)))
    anonymous = await post(http, url, key=None, body=offer)
    assert anonymous.status == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = await post(http, url, key="not-the-key-of-this-show", body=offer)
    assert wrong.status in (401, 403)


async def test_a_show_that_is_not_there(
    server: Node, http: aiohttp.ClientSession, on_air: str, offer: str
) -> None:
    key = next(iter(server.keys.values()))
    unknown = await post(http, server.whip_url("nobody"), key=key, body=offer)
    assert unknown.status == 404


async def test_a_second_publisher(
    server: Node, http: aiohttp.ClientSession, on_air: str, offer: str
) -> None:
    (show, key), *_ = server.keys.items()
    second = await post(http, server.whip_url(show), key=key, body=offer)
    assert second.status == 409


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_methods_that_are_not_whip(
    server: Node, http: aiohttp.ClientSession, on_air: str, method: str
) -> None:
    show = next(iter(server.keys))
    async with http.request(method, server.whip_url(show)) as response:
        assert response.status == 405
        assert "POST" in response.headers["Allow"]


async def test_a_preflight_needs_no_key(
    server: Node, http: aiohttp.ClientSession, on_air: str
) -> None:
    headers = {
        "Origin": "http://studio.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    url = server.whip_url(next(iter(server.keys)))
    async with http.options(url, headers=headers) as response:
        assert response.status in (200, 204)
        allowed = response.headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "content-type"} <= {each.strip() for each in allowed.split(",")}


async def test_the_show_on_air_did_not_notice(
    server: Node,
    host: DemoHost,
    http: aiohttp.ClientSession,
    hls: HlsClient,
    on_air: str,
    offer: str,
) -> None:
    """The last of this file: everything above, once more and all at once, while it is watched."""
    (show, key), *_ = server.keys.items()
    url = server.whip_url(show)
    follower = Follower(hls, (await hls.variants(on_air))[-1])
    await follower.reload()
    before_ms = await picture_ms(hls, on_air)
    for _ in range(3):
        await post(http, url, key=key, body="this is no SDP")
        await post(http, url, key="not-the-key-of-this-show", body=offer)
        await post(http, url, key=key, body=offer)
        await post(http, url, key=key, body="x" * 66_000)
        await follower.reload()
    for _ in range(6):
        await follower.reload()
    assert await picture_ms(hls, on_air) > before_ms
    places = [(part.msn, part.index) for part in follower.parts.values()]
    assert places == sorted(places)
    assert "#EXT-X-DISCONTINUITY\n" not in follower.text
    assert host.log().count("demo_on_air") == 1
    assert "demo_publish_lost" not in host.log()
