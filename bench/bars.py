"""Colour bars before a host's camera, and their colours on a viewer's screen."""

import itertools

from playwright.async_api import Page

from bench.colour import BARS, Rgb, delta_e
from bench.polling import eventually

MOST_DELTA_E = 4.0
"""Two encoders and two browsers lie between. A wrong matrix gives 8 and more."""
SETTLED = 3
"""So often the same colours must be read: the first pictures may be of a smaller rendition."""

_CAMERA = """(bars) => {
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

_READ = """([count, width]) => {
  const video = document.querySelector("video") ??
    document.querySelector("comptoir-player")?.shadowRoot?.querySelector("video");
  if (!video || video.videoWidth < width) return null;
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


async def show_bars(host: Page, *, width: int, height: int) -> None:
    """Put the bars before the painted camera of a host's page that is yet to load."""
    camera = _CAMERA.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    await host.add_init_script(f"({camera})({[list(bar) for bar in BARS.values()]});")


async def seen_deltas(viewer: Page, *, width: int = 1) -> list[float]:
    """How far each bar on the viewer's page is from what was painted (CIE 1976), once they stand
    still in a picture at least so wide."""
    seen = await _settled(viewer, width)
    return [round(delta_e(bar, rgb), 1) for bar, rgb in zip(BARS.values(), seen, strict=True)]


async def _settled(page: Page, width: int) -> list[Rgb]:
    """The bars on the screen, once they no longer change."""
    readings: list[list[Rgb]] = []

    async def enough() -> bool:
        read = await page.evaluate(_READ, [len(BARS), width])
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
