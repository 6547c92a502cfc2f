"""Everything that speaks WHIP publishes to a real server, and viewers get its picture and sound."""

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import pytest

from bench import chromium as chromiums
from bench import firefox as firefoxes
from bench.bar import FPS, HEIGHT, SAMPLE_RATE, WIDTH, picture, sound

pytestmark = pytest.mark.media

HERE = Path(__file__).parent
SYSTEM_PYTHON = Path("/usr/bin/python3")
NEEDED_BY_GSTREAMER = (
    "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst, GstWebRTC; "
    "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'nicesink', 'x264enc', "
    "'vp8enc', 'opusenc', 'rtph264pay', 'dtlsenc', 'srtpenc')))"
)
ONLY_VP8 = """
const all = RTCRtpSender.getCapabilities.bind(RTCRtpSender);
RTCRtpSender.getCapabilities = (kind) => {
  const { codecs, ...rest } = all(kind);
  const left = codecs.filter(({ mimeType }) => !/h264/i.test(mimeType));
  return { ...rest, codecs: left };
};
"""


def assert_seen_and_heard(watched: Any) -> None:
    """The picture moves, so it is no slate, and the sound is the publisher's tone, not silence."""
    assert watched.moving_share > 0.6
    assert watched.tone_share > 0.8
    health = watched.health
    assert health["state"] == "media"
    assert health["hint"] not in ("away", "no_picture", "no_sound")
    assert health["video"]["width"] >= 640
    assert health["audio"]["bitrate_bps"] > 0


@pytest.mark.browser
@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_chromium(stage: Any, need: Any, codec: str) -> None:
    need(chromiums.CHROMIUM.exists(), "chromium")
    async with chromiums.chromium() as browser:
        page = await chromiums.host_page(browser, monitor=False)
        if codec == "vp8":
            await page.add_init_script(ONLY_VP8)
        await chromiums.go_live(page, url=stage.url, show=stage.show, key=stage.key)
        assert_seen_and_heard(await stage.watch(codec))


@pytest.mark.browser
async def test_firefox(stage: Any, need: Any) -> None:
    need(firefoxes.FIREFOX.exists(), "firefox-esr")
    async with firefoxes.firefox() as page:
        await firefoxes.go_live(page, url=stage.url, show=stage.show, key=stage.key)
        assert_seen_and_heard(await stage.watch("vp8"))


async def test_ffmpeg_9(stage: Any, program: Any) -> None:
    source = "-f lavfi -i testsrc2=s=640x360:r=30 -f lavfi -i sine=440:r=48000"
    encode = "-c:v libx264 -preset ultrafast -profile:v high -bf 0 -g 30 -pix_fmt yuv420p"
    async with program(
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-re",
        *source.split(), *encode.split(), "-c:a", "libopus", "-ac", "2",
        "-f", "whip", "-authorization", stage.key, stage.whip_url,
    ):  # fmt: skip
        assert_seen_and_heard(await stage.watch("h264"))


async def test_ffmpeg_8(stage: Any, program: Any, tmp_path: Path) -> None:
    assert av.ffmpeg_version_info.lstrip("n").startswith("8.")
    script = HERE / "pyav_whip.py"
    async with program(sys.executable, script, stage.whip_url, stage.key, tmp_path):
        assert_seen_and_heard(await stage.watch("h264"))


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_gstreamer(stage: Any, program: Any, need: Any, codec: str) -> None:
    need(*gstreamer_here())
    script = HERE / "gstreamer_whip.py"
    async with program(SYSTEM_PYTHON, script, stage.whip_url, stage.key, codec):
        assert_seen_and_heard(await stage.watch(codec))


async def test_node(stage: Any, program: Any, node: str, tmp_path: Path) -> None:
    frames = tmp_path / "frames.bin"
    frames.write_bytes(encoded_frames(seconds=4))
    script = HERE / "node" / "whip.mjs"
    async with program(node, script, stage.whip_url, stage.key, frames):
        assert_seen_and_heard(await stage.watch("vp8"))


def gstreamer_here() -> tuple[bool, str]:
    """Whether the system's Python has GStreamer and all the parts of it that are used."""
    if not SYSTEM_PYTHON.exists():
        return False, str(SYSTEM_PYTHON)
    asked = subprocess.run(
        [SYSTEM_PYTHON, "-c", NEEDED_BY_GSTREAMER], capture_output=True, timeout=30, check=False
    )
    return asked.returncode == 0, "GStreamer with webrtcbin and its Python bindings"


def encoded_frames(*, seconds: int) -> bytes:
    """A moving bar and a tone as VP8 and Opus, in the form that `node/whip.mjs` reads."""
    video = av.CodecContext.create("libvpx", "w")
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    video.time_base, video.bit_rate = Fraction(1, FPS), 1_000_000
    video.options = {"deadline": "realtime", "cpu-used": "8", "g": str(FPS), "lag-in-frames": "0"}
    audio = av.CodecContext.create("libopus", "w")
    audio.sample_rate, audio.layout, audio.format = SAMPLE_RATE, "stereo", "s16"
    frames: list[tuple[int, int, bytes]] = []
    for n in range(seconds * FPS):
        frames += [((p.pts or 0) * 1000 // FPS, 0, bytes(p)) for p in video.encode(picture(n))]
        frames += [
            (max(0, p.pts or 0) * 1000 // SAMPLE_RATE, 1, bytes(p)) for p in audio.encode(sound(n))
        ]
    frames.sort(key=lambda frame: frame[0])
    return b"".join(struct.pack(">IIB", len(data), at, kind) + data for at, kind, data in frames)
