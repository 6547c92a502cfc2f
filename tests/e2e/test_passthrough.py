"""A profile with `passthrough: auto`: the host's own pictures on air, by FFmpeg and by Chromium.

FFmpeg sends a clip as it is, keyframes every two seconds and then a smaller picture; what viewers
get of the best rung is compared with what was sent, byte for byte. Chromium makes keyframes only
when asked: segments of two seconds show that it was, in time.
"""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import imageio_ffmpeg
import m3u8
import numpy as np
import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser

from bench.bars import MOST_DELTA_E, seen_deltas, show_bars
from bench.chromium import (
    CHROMIUM,
    SeenFrame,
    chromium,
    go_live,
    host_page,
    seen_frames,
    viewer_page,
)
from bench.hls import Follower, HlsClient, ListedPart
from bench.node import Node
from bench.polling import eventually
from mediaserver.check.command import check
from mediaserver.demo import tone
from mediaserver.demo.scene import SceneRenderer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.usefixtures("chromium_here"),
    pytest.mark.asyncio(loop_scope="module"),
]

SHOWS = {"filmed": "host-key-of-the-tests", "browsed": "another-key-of-the-tests"}

WIDTH, HEIGHT, FPS = 854, 480, 30
SMALLER = (640, 360)
WHOLE_S, SMALLER_S, CHECK_S = 15, 5, 8.0
GOP_S = 2
EPOCH_MS = 1_700_000_000_000
LATE_MS = 600
"""Pictures are waited for so long: a busy machine is no reason to encode."""
BASELINE = 66
ENOUGH_SEGMENTS = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server whose ladder has the host's size as its best rung, and passes it."""
    folder = tmp_path_factory.mktemp("node")
    path = folder / "passed.yaml"
    rungs = [
        {"name": "480p", "height": 480, "bitrate_bps": 5_000_000, "max_bitrate_bps": 8_000_000},
        {"name": "240p", "height": 240, "bitrate_bps": 400_000, "max_bitrate_bps": 500_000},
    ]
    path.write_text(
        yaml.safe_dump(
            {
                "passthrough": "auto",
                "hold_ms": LATE_MS,
                "overload": {"shed": []},
                "rungs": rungs,
            }
        ),
        encoding="utf-8",
    )
    with Node(folder=folder, shows=SHOWS, settings={"profile": str(path)}) as node:
        yield node
    assert "Traceback" not in node.log()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What FFmpeg publishes as it is, and the slices of each of its pictures."""

    path: Path
    pictures: list[bytes]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The demo's scene, then the same in a smaller picture, with a tone. A transport stream holds
    H.264 as a byte stream, parameter sets and all."""
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    packets = encoded((WIDTH, HEIGHT), first=0, count=WHOLE_S * FPS)
    packets += encoded(SMALLER, first=WHOLE_S * FPS, count=SMALLER_S * FPS)
    with av.open(path, "w", format="mpegts") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = out.add_stream("libopus", rate=tone.SAMPLE_RATE, layout="stereo")
        for n, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = video, Fraction(1, FPS)
            packet.pts = packet.dts = n
            packet.is_keyframe = n % (GOP_S * FPS) == 0
            out.mux(packet)
            count = tone.SAMPLE_RATE // FPS
            samples = np.repeat(tone.samples(start=n * count, count=count), 2)[None, :]
            sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            sound.sample_rate, sound.pts = tone.SAMPLE_RATE, n * count
            sound.time_base = Fraction(1, tone.SAMPLE_RATE)
            out.mux(audio.encode(sound))
        out.mux(audio.encode(None))
    return Clip(path=path, pictures=[b"".join(slices(data)) for data in packets])


def encoded(size: tuple[int, int], *, first: int, count: int) -> list[bytes]:
    """Pictures of the scene from the one numbered `first` on, as a host's encoder makes them."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, FPS)
    context.options = {
        "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline",
        "g": str(GOP_S * FPS), "crf": "24",
    }  # fmt: skip
    scene = SceneRenderer(WIDTH, HEIGHT)
    packets: list[bytes] = []
    for n in range(first, first + count):
        picture = av.VideoFrame.from_ndarray(
            scene.frame(n, EPOCH_MS + n * 1000 // FPS), format="yuv420p"
        ).reformat(*size)
        picture.pts, picture.time_base = n, Fraction(1, FPS)
        packets += [bytes(packet) for packet in context.encode(picture)]
    return packets + [bytes(packet) for packet in context.encode(None)]


def slices(byte_stream: bytes) -> list[bytes]:
    """The slice NAL units of a picture in Annex B form (ITU-T H.264 Annex B)."""
    nals = [nal.rstrip(b"\x00") for nal in byte_stream.split(b"\x00\x00\x01")]
    return [nal for nal in nals if nal and nal[0] & 0x1F in (1, 5)]


def slices_of_sample(sample: bytes) -> list[bytes]:
    """The same of one behind 4-byte lengths."""
    found = []
    while sample:
        size = int.from_bytes(sample[:4], "big")
        found.append(sample[4 : 4 + size])
        sample = sample[4 + size :]
    return [nal for nal in found if nal[0] & 0x1F in (1, 5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture as the container has it, in ticks."""

    pts: int
    ticks: int
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """All that one rendition gave, from its first part to its end."""

    parts: list[ListedPart]
    inits: dict[str, bytes]
    data: list[bytes]
    playlist: m3u8.M3U8

    def samples(self) -> Iterator[tuple[ListedPart, list[Sample]]]:
        """The video samples of each part."""
        for part, data in zip(self.parts, self.data, strict=True):
            yield part, list(demuxed(self.inits[part.init_uri] + data))


def demuxed(data: bytes) -> Iterator[Sample]:
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                yield Sample(
                    pts=packet.pts or 0,
                    ticks=packet.duration or 0,
                    keyframe=packet.is_keyframe,
                    data=bytes(packet),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Aired:
    """What was seen of FFmpeg's publish."""

    rungs: list[Rung]
    broken: dict[str, list[str]]
    pushed: list[SeenFrame]


async def follow(client: HlsClient, url: str) -> Rung:
    follower = Follower(client, url)
    bodies: dict[str, bytes] = {}
    async with asyncio.timeout(WHOLE_S + SMALLER_S + 20):
        while not follower.ended:
            await follower.reload()
            for uri in follower.parts.keys() - bodies.keys():
                bodies[uri] = await client.media(uri)
    parts = list(follower.parts.values())
    inits = {uri: await client.media(uri) for uri in {part.init_uri for part in parts}}
    return Rung(
        parts=parts,
        inits=inits,
        data=[bodies[part.uri] for part in parts],
        playlist=follower.playlist,
    )


async def watched(browser: Browser, url: str, ended: asyncio.Event) -> list[SeenFrame]:
    """The frames that a viewer's page presents until the show has ended."""
    page = await viewer_page(browser)
    await page.goto(url)
    frames: list[SeenFrame] = []
    while not ended.is_set():
        frames += await seen_frames(page)
        await page.wait_for_timeout(250)
    assert await page.locator("comptoir-player").get_attribute("data-engine") == "push"
    await page.close()
    return frames


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aired(server: Node, clip: Clip) -> AsyncIterator[Aired]:
    """FFmpeg publishes the clip; a follower of each rung, the checker and a browser look on."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    (show, key), *_ = server.keys.items()
    index_url = f"{server.url}/live/{show}/index.m3u8"
    ended = asyncio.Event()
    async with aiohttp.ClientSession() as http, chromium() as browser:
        ffmpeg = await asyncio.create_subprocess_exec(
            imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin",
            "-re", "-i", clip.path, "-c", "copy", "-f", "whip",
            "-authorization", key, server.whip_url(show), stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        client = HlsClient(http)
        variants = await eventually(
            lambda: client.variants(index_url), 20, "the show is on air",
            despite=(aiohttp.ClientError,),
        )  # fmt: skip
        following = asyncio.gather(*[follow(client, url) for url in variants])
        watching = asyncio.ensure_future(watched(browser, f"{server.url}/watch/{show}", ended))
        await client.text(variants[0], _HLS_msn=0)
        _, verdicts = await check(index_url, seconds=CHECK_S, timeout_s=10.0)
        _, err = await ffmpeg.communicate()
        assert ffmpeg.returncode == 0, err.decode()
        rungs = await following
        ended.set()
        pushed = await watching
    broken = {
        verdict.rule.id: list(verdict.sentences)
        for verdict in verdicts
        if verdict.outcome == "broken" and verdict.rule.level == "MUST"
    }
    yield Aired(rungs=rungs, broken=broken, pushed=pushed)


def profile(init: bytes) -> int:
    """AVCProfileIndication (ISO/IEC 14496-15 §5.3.3.1.2): Baseline is the host's, ours is High."""
    return init[init.index(b"avcC") + 5]


async def test_the_best_rung_is_what_the_host_sent(aired: Aired, clip: Clip) -> None:
    top, passed = aired.rungs[0], dict[str, list[bytes]]()
    for part, samples in top.samples():
        if profile(top.inits[part.init_uri]) == BASELINE:
            run = passed.setdefault(part.init_uri, [])
            run += [b"".join(slices_of_sample(sample.data)) for sample in samples]
    assert sum(map(len, passed.values())) > WHOLE_S * FPS // 2
    for run in passed.values():
        begins = clip.pictures.index(run[0])
        assert run == clip.pictures[begins : begins + len(run)], "none lost, none overtaken"


async def test_a_smaller_picture_is_encoded_without_a_gap(aired: Aired) -> None:
    top = aired.rungs[0]
    kinds = [profile(top.inits[part.init_uri]) for part in top.parts]
    assert BASELINE in kinds
    assert kinds[-1] != BASELINE
    for rung in aired.rungs:
        numbers = [int(part.uri.rsplit("-", 1)[-1].removesuffix(".m4s")) for part in rung.parts]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        due = None
        for part, samples in rung.samples():
            assert due in (None, samples[0].pts), part
            ticks = sum(sample.ticks for sample in samples)
            assert part.duration_s == pytest.approx(ticks / 90_000, abs=1e-5)
            due = samples[0].pts + ticks


async def test_segments_begin_with_keyframes_at_the_same_time_in_all_rungs(aired: Aired) -> None:
    begins = []
    for rung in aired.rungs:
        firsts = [(part, samples[0]) for part, samples in rung.samples() if part.index == 0]
        assert all(sample.keyframe for _, sample in firsts)
        begins.append([(part.msn, sample.pts) for part, sample in firsts])
    assert begins[0] == begins[1]
    durations = [segment.duration for segment in aired.rungs[0].playlist.segments]
    assert sum(abs(duration - GOP_S) < 0.1 for duration in durations) >= 4


async def test_every_must_is_kept(aired: Aired) -> None:
    assert aired.broken == {}


async def test_a_browser_plays_through_it(aired: Aired) -> None:
    """From the first picture to the last; the slate before and after has no number."""
    numbers = [frame.counter for frame in aired.pushed]
    while numbers and numbers[-1] is None:
        numbers.pop()
    while numbers and numbers[0] is None:
        numbers.pop(0)
    readable = [number for number in numbers if number is not None]
    assert len(readable) >= 0.95 * len(numbers) > 5 * FPS
    steps = [after - before for before, after in itertools.pairwise(readable)]
    assert min(steps) >= 0, "no step backward"
    assert max(steps) < 2 * FPS
    assert readable[0] < WHOLE_S * FPS < (WHOLE_S + 2) * FPS < readable[-1], "past the change"


async def test_a_browser_is_asked_for_keyframes_in_time_and_its_colours_stay(server: Node) -> None:
    _, (show, key) = server.keys.items()
    index_url = f"{server.url}/live/{show}/index.m3u8"
    async with aiohttp.ClientSession() as http, chromium() as browser:
        host = await host_page(browser, monitor=False)
        await show_bars(host, width=WIDTH, height=HEIGHT)
        await go_live(host, url=server.url, show=show, key=key)
        client = HlsClient(http)
        variants = await eventually(
            lambda: client.variants(index_url), 20, "the show is on air",
            despite=(aiohttp.ClientError,),
        )  # fmt: skip
        viewer = await viewer_page(browser)
        await viewer.goto(f"{server.url}/watch/{show}")
        follower = Follower(client, variants[0])
        durations: list[float] = []
        async with asyncio.timeout(40):
            while len(durations) < ENOUGH_SEGMENTS:
                await follower.reload()
                durations = await passed_durations(client, follower)
        deltas = await seen_deltas(viewer, width=WIDTH)
        await viewer.close()
        await host.close()
    assert all(1.5 <= duration < 2.4 for duration in durations)
    assert sorted(durations)[len(durations) // 2] == pytest.approx(GOP_S, abs=0.2)
    assert max(deltas) < MOST_DELTA_E, deltas


async def passed_durations(client: HlsClient, follower: Follower) -> list[float]:
    """Of the whole segments that the browser encoded itself, which is Baseline, unlike ours."""
    passed: list[float] = []
    for segment in follower.playlist.segments:
        if segment.uri and segment.init_section is not None:
            init = await client.media(segment.init_section.absolute_uri)
            if profile(init) == BASELINE:
                passed.append(segment.duration)
    return passed
