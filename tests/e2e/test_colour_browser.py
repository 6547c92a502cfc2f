"""Colour bars from a host's browser through ingest, ladder and a viewer's browser to its canvas.

The host's camera is a canvas of bars; the viewer's page draws its video on a canvas and reads the
pixels there, so both browsers' own colour conversions are in it.
"""

import itertools

import aiohttp
import pytest
from playwright.async_api import Page

from bench.chromium import chromium, go_live, host_page, viewer_page
from bench.colour import BARS, Rgb, delta_e
from bench.hls import HlsClient
from bench.node import Node
from bench.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.media, pytest.mark.usefixtures("chromium_here")]

MOST_DELTA_E = 4.0
"""Two encoders and two browsers lie between. A wrong matrix gives 8 and more."""
SETTLED = 3
"""So often the same colours must be read: the first pictures may be of a smaller rendition."""

CAMERA = """(bars) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d", { alpha: false });
  const paint = () => bars.forEach(([red, green, blue], index) => {
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    const left = Math.floor((index * WIDTH) / bars.length);
    context.fillRect(left, 0, Math.ceil(WIDTH / bars.length) + 1, HEIGHT);
  });
  const media = navigator.mediaDevices;
  if (!media) return;
  const painted = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    const stream = await painted({ ...constraints, video: false });
    const [track] = canvas.captureStream(0).getVideoTracks();
    setInterval(() => { paint(); track.requestFrame(); }, 1000 / 30);
    return new MediaStream([track, ...stream.getAudioTracks()]);
  };
}"""
"""Lays itself over the painted camera (`bench/pages/camera.js`), whose microphone it keeps."""

READ = """(count) => {
  const video = document.querySelector("video") ??
    document.querySelector("comptoir-player")?.shadowRoot?.querySelector("video");
  if (!video || video.videoWidth === 0) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d", { alpha: false });
  context.drawImage(video, 0, 0);
  return Array.from({ length: count }, (_, index) => {
    const x = Math.floor(((index + 0.5) * canvas.width) / count) - 4;
    const { data } = context.getImageData(x, canvas.height / 2 - 4, 8, 8);
    return [0, 1, 2].map((channel) => {
      let sum = 0;
      for (let at = channel; at < data.length; at += 4) sum += data[at];
      return sum / (data.length / 4);
    });
  });
}"""


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
    camera = CAMERA.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    bars = [list(bar) for bar in BARS.values()]
    async with chromium() as host_browser, chromium() as viewer_browser:
        host = await host_page(host_browser, monitor=False)
        await host.add_init_script(f"({camera})({bars});")
        await go_live(host, url=server.url, show=show, key=server.keys[show])
        await eventually(
            lambda: hls.variants(f"{server.url}/live/{show}/index.m3u8"),
            20, "the show is on air", despite=(aiohttp.ClientError,),
        )  # fmt: skip
        viewer = await viewer_page(viewer_browser)
        await viewer.goto(f"{server.url}/watch/{show}")
        seen = await settled(viewer)
        await viewer.close()
        await host.close()
    deltas = [round(delta_e(bar, rgb), 1) for bar, rgb in zip(BARS.values(), seen, strict=True)]
    assert max(deltas) < MOST_DELTA_E, f"{deltas}: {seen}"


async def settled(page: Page) -> list[Rgb]:
    """The bars on the screen, once they no longer change."""
    readings: list[list[Rgb]] = []

    async def enough() -> bool:
        read = await page.evaluate(READ, len(BARS))
        readings.append([(red, green, blue) for red, green, blue in read] if read else [])
        last = readings[-SETTLED:]
        return (
            len(last) == SETTLED
            and all(last)
            and all(
                max(delta_e(a, b) for a, b in zip(one, other, strict=True)) < 0.5
                and max(max(rgb) for rgb in one) > 150
                for one, other in itertools.pairwise(last)
            )
        )

    await eventually(enough, 25, "the bars stand still on the viewer's screen")
    return readings[-1]
