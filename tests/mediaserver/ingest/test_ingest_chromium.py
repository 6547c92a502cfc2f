"""Chromium's own estimator and its simulcast against our receiver, without the rest of a server.

The page paints noise that costs bits, large enough for three layers. What is judged are the
browser's figures and ours, waited for; nothing is assumed about how fast this machine encodes.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page

from bench.chromium import chromium
from bench.faults.process import BadLine
from bench.polling import eventually
from mediaserver.bus.messages import OpenSession
from mediaserver.config import WebRtcConfig
from mediaserver.ingest.offer import read_offer
from mediaserver.ingest.receiver import TrackFigures
from mediaserver.ingest.session import Session
from mediaserver.ingest.udp import UdpPort

pytestmark = pytest.mark.browser

ALLOWED_BPS = 2_000_000
PATIENCE_S = 30.0
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}

PAGE = """<!doctype html><canvas id=canvas width=960 height=540></canvas><script>
const context = canvas.getContext('2d');
const noise = new ImageData(128, 128);
for (let at = 0; at < noise.data.length; at++) noise.data[at] = Math.random() * 255;
let frame = 0;
setInterval(() => {
  context.fillStyle = `hsl(${frame++ % 360} 50% 40%)`;
  context.fillRect(0, 0, 960, 540);
  for (let n = 0; n < 4; n++) context.putImageData(noise, (frame * 5 + n * 210) % 832, n * 100);
}, 33);
async function publish(url, encodings) {
  const peer = (window.peer = new RTCPeerConnection());
  const [track] = canvas.captureStream(30).getVideoTracks();
  window.video = peer.addTransceiver(track, { direction: 'sendonly', sendEncodings: encodings });
  const codecs = RTCRtpSender.getCapabilities('video').codecs;
  video.setCodecPreferences(codecs.filter((c) => /VP8|rtx/.test(c.mimeType)));
  await peer.setLocalDescription();
  const headers = { 'Content-Type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: peer.localDescription.sdp });
  if (!response.ok) throw new Error(await response.text());
  const sdp = await response.text();
  await peer.setRemoteDescription({ type: 'answer', sdp });
  return sdp;
}
async function activate(rid, active) {
  const parameters = video.sender.getParameters();
  parameters.encodings.find((encoding) => encoding.rid === rid).active = active;
  await video.sender.setParameters(parameters);
}
async function available() {
  for (const entry of (await peer.getStats()).values())
    if (entry.type === 'candidate-pair' && entry.nominated)
      return entry.availableOutgoingBitrate ?? 0;
  return 0;
}
</script>"""


class Door:
    """One ingest port with a WHIP endpoint before it that takes everybody."""

    def __init__(self, folder: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        self.settings = WebRtcConfig(host="127.0.0.1", port=free, max_bitrate_bps=ALLOWED_BPS)
        self.url = ""
        self._folder = folder
        self._sessions: list[Session] = []
        self._port: UdpPort | None = None
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        self._port = await UdpPort.open(self.settings.host, self.settings.port)
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_post("/whip", self._publish)
        app.router.add_route("OPTIONS", "/whip", self._preflight)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://localhost:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        for session in self._sessions:
            await session.close("the test is over")
        if self._runner is not None:
            await self._runner.cleanup()
        if self._port is not None:
            await self._port.close()

    @property
    def video(self) -> TrackFigures:
        return self._sessions[-1].figures().tracks["video"]

    @property
    def rtt_s(self) -> float | None:
        return self._sessions[-1].figures().rtt_s

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(headers=_CORS)

    async def _publish(self, request: web.Request) -> web.Response:
        offer = await request.text()
        order = OpenSession(
            request=1,
            session=f"s{len(self._sessions)}",
            show="show1",
            epoch="e1",
            source=1,
            offer=offer,
            au_socket=str(self._folder / "nobody"),
            anchor=None,
        )
        assert self._port is not None
        session = Session(
            order,
            read_offer(offer),
            port=self._port,
            settings=self.settings,
            report=lambda event: None,
        )
        self._sessions.append(session)
        return web.Response(
            status=201, text=await session.open(), content_type="application/sdp", headers=_CORS
        )


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    made = Door(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def page(door: Door) -> AsyncIterator[Page]:
    async with chromium() as browser:
        made = await browser.new_page()
        await made.goto(door.url)
        yield made


async def publish(page: Page, url: str, *encodings: dict[str, Any]) -> str:
    """Publish from the page; returns the answer."""
    return str(await page.evaluate("([url, e]) => publish(url, e)", [url, list(encodings)]))


def holds(condition: Callable[[], object]) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        return bool(condition())

    return probe


async def test_the_browser_sends_its_full_rate_at_once_and_backs_off_on_a_thin_line(
    door: Door, page: Page
) -> None:
    with BadLine(
        "slow-300k", server_url=door.url, udp_port=door.settings.port, after_s=0.0, lasts_s=60.0
    ) as line:
        answer = await publish(page, f"{line.url}/whip", {"maxBitrate": ALLOWED_BPS})
        assert "transport-cc" in answer

        async def full() -> bool:
            return bool(await page.evaluate("available()") >= 0.8 * ALLOWED_BPS)

        await eventually(full, PATIENCE_S, "the estimator allows the full rate")
        await eventually(holds(lambda: door.video.frames > 15), PATIENCE_S, "frames come")
        await eventually(holds(lambda: door.rtt_s is not None), PATIENCE_S, "the time is echoed")
        assert door.video.lost == 0

        line.arm()

        async def thin() -> bool:
            return bool(0 < await page.evaluate("available()") < 500_000)

        await eventually(thin, PATIENCE_S, "the estimator backs off")
        frames = door.video.frames
        await eventually(holds(lambda: door.video.frames > frames), PATIENCE_S, "frames still come")


async def test_of_a_simulcast_the_best_layer_that_is_sent_goes_on(door: Door, page: Page) -> None:
    await publish(
        page,
        f"{door.url}/whip",
        {"rid": "q", "scaleResolutionDownBy": 4.0, "maxBitrate": 150_000},
        {"rid": "h", "scaleResolutionDownBy": 2.0, "maxBitrate": 400_000},
        {"rid": "f", "maxBitrate": 1_000_000},
    )

    async def goes_on_with(rid: str, size: tuple[int, int]) -> None:
        def so() -> bool:
            video = door.video
            return (video.layer, video.width, video.height) == (rid, *size)

        await eventually(holds(so), PATIENCE_S, f"layer {rid} goes on")
        frames = door.video.frames
        await eventually(holds(lambda: door.video.frames > frames + 15), PATIENCE_S, "frames come")
        assert door.video.layer == rid

    await goes_on_with("f", (960, 540))
    await page.evaluate("activate('f', false)")
    await goes_on_with("h", (480, 270))
    await page.evaluate("activate('f', true)")
    await goes_on_with("f", (960, 540))
