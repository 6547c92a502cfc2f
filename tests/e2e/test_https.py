"""HTTPS without a proxy: a studio that goes live, a viewer, and a certificate that is renewed."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from bench.certificates import Pair, self_signed
from bench.chromium import PAGES, chromium
from bench.hls import HlsClient, newest_picture
from bench.node import Node
from bench.polling import eventually

pytestmark = pytest.mark.media

SHOWS = {"show1": "host-key-of-the-tests", "show2": "another-key-of-the-tests"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pair: Pair) -> Iterator[Node]:
    """`comptoir serve` with a certificate of its own."""
    tls = {"certificate": str(pair.certificate), "key": str(pair.key)}
    folder = tmp_path_factory.mktemp("node")
    with Node(folder=folder, shows=SHOWS, settings={"http": {"tls": tls}}) as node:
        yield node
    assert "Traceback" not in node.log()
    assert "PRIVATE KEY" not in node.log()


@pytest.fixture
def url(server: Node) -> str:
    return f"https://localhost:{server.http_port}"


@pytest.fixture
async def http(pair: Pair) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=pair.client())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def test_locations_and_cookies_are_for_https(url: str, http: aiohttp.ClientSession) -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {SHOWS['show2']}", "Content-Type": "application/sdp"}
    whip = f"{url}/live/show2/whip"
    async with http.post(whip, data=peer.localDescription.sdp, headers=headers) as response:
        assert response.status == 201
        assert response.headers["Location"].startswith(f"{url}/")
        location = response.headers["Location"]
    async with http.delete(location, headers=headers) as response:
        assert response.status == 200
    await peer.close()
    async with http.post(f"{url}/api/v1/viewer") as response:
        assert response.status == 204
        assert "; Secure" in response.headers["Set-Cookie"]


async def test_a_renewed_certificate_is_shown_and_open_connections_live_on(
    server: Node, pair: Pair, url: str, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{url}/livez") as response:
        assert response.status == 200
    self_signed(pair.certificate.parent)

    async def shown() -> bool:
        connector = aiohttp.TCPConnector(ssl=pair.client(), force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as newcomer,
            newcomer.get(f"{url}/livez") as response,
        ):
            return response.status == 200

    await eventually(shown, 20, "the new certificate is shown", despite=(aiohttp.ClientError,))
    async with http.get(f"{url}/livez") as response:  # over the connection of before
        assert response.status == 200
    assert [line for line in _events(server.log_path) if line == "certificate_renewed"]


@pytest.mark.browser
@pytest.mark.usefixtures("chromium_here")
async def test_a_studio_goes_live_and_a_viewer_plays(
    server: Node, url: str, pair: Pair, http: aiohttp.ClientSession
) -> None:
    (show, key), *_ = SHOWS.items()
    sockets: list[str] = []
    async with chromium() as browser:
        context = await browser.new_context(ignore_https_errors=True, locale="en-US")
        page = await context.new_page()
        await page.add_init_script(path=PAGES / "camera.js")
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await page.goto(f"{url}/studio/{show}#key={key}")
        secure = "() => isSecureContext && typeof navigator.mediaDevices?.getUserMedia"
        assert await page.evaluate(secure) == "function"
        await page.get_by_role("button", name="Go live").click()
        playlist = f"{url}/live/{show}/index.m3u8"
        picture = await eventually(
            lambda: newest_picture(HlsClient(http), playlist), 40, "the show is on air",
            despite=(aiohttp.ClientError, LookupError),
        )  # fmt: skip
        assert picture is None or picture.width > 0
        viewer = await context.new_page()
        viewer.on("websocket", lambda socket: sockets.append(socket.url))
        await viewer.goto(f"{url}/watch/{show}")
        await viewer.wait_for_function(
            "() => [...document.querySelectorAll('*')].flatMap(e => [e, ...(e.shadowRoot"
            "?.querySelectorAll('video') ?? [])]).some(e => e.currentTime > 3)",
            timeout=40_000,
        )
    assert sockets
    assert all(each.startswith("wss://") for each in sockets)


def _events(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line).get("event")) for line in lines if line.startswith("{")]
