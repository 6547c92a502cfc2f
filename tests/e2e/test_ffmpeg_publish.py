"""FFmpeg publishes over WHIP; what comes out is fetched, taken apart and measured."""

import asyncio
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import imageio_ffmpeg
import m3u8
import numpy as np
import pytest

from bench.hls import Follower, HlsClient, ListedPart, audio_frames, video_frames
from bench.node import Node
from bench.polling import eventually
from mediaserver.demo import timecode, tone
from mediaserver.demo.scene import SceneRenderer

pytestmark = pytest.mark.media

FILMED = sorted((Path(__file__).parents[3] / "shared" / "media").glob("*.mp4"))
"""A real clip that some check-outs have beside them; without it the painted one stands alone."""

WIDTH, HEIGHT, FPS = 854, 480, 30
SECONDS = 9
SLOT_TICKS = 90_000 // FPS
EPOCH_MS = 1_700_000_000_000
LIPS_S = 0.045
"""ITU-R BT.1359-1: sound that leads by 45 ms begins to be noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """All that one rendition gave, from its first part to its end."""

    parts: tuple[ListedPart, ...]
    init: bytes
    data: tuple[bytes, ...]
    playlist: m3u8.M3U8
    segments: tuple[bytes, ...]

    @property
    def stream(self) -> list[bytes]:
        return [self.init, *self.data]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's scene with its flash and beep each second, as H.264 and Opus."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    scene = SceneRenderer(WIDTH, HEIGHT)
    with av.open(path, "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {
            "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline",
            "g": str(FPS), "crf": "24",
        }  # fmt: skip
        audio = out.add_stream("libopus", rate=tone.SAMPLE_RATE, layout="stereo")
        for n in range(SECONDS * FPS):
            picture = av.VideoFrame.from_ndarray(
                scene.frame(n, EPOCH_MS + n * 1000 // FPS), format="yuv420p"
            )
            picture.pts, picture.time_base = n, Fraction(1, FPS)
            out.mux(video.encode(picture))
            count = tone.SAMPLE_RATE // FPS
            samples = np.repeat(tone.samples(start=n * count, count=count), 2)[None, :]
            sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            sound.sample_rate, sound.pts = tone.SAMPLE_RATE, n * count
            sound.time_base = Fraction(1, tone.SAMPLE_RATE)
            out.mux(audio.encode(sound))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    return path


@pytest.fixture(scope="module")
def painted(server: Node, clip: Path) -> list[Rung]:
    """What a viewer fetches of each rendition while FFmpeg publishes the painted clip as it is."""
    return asyncio.run(_publish_and_fetch(server, "show1", ["-i", str(clip), "-c", "copy"]))


@pytest.fixture(scope="module")
def filmed(server: Node) -> list[Rung]:
    """The same of a film, encoded by FFmpeg as a host would."""
    encode = "-c:v libx264 -preset ultrafast -profile:v baseline -bf 0 -g 30 -r 30 -b:v 2M"
    sound = "-f lavfi -i sine=440:r=48000 -map 0:v -map 1:a -c:a libopus -ac 2 -shortest"
    source = ["-stream_loop", "1", "-i", str(FILMED[0])]
    arguments = [*source, *sound.split(), *encode.split()]
    return asyncio.run(_publish_and_fetch(server, "show2", arguments))


@pytest.fixture(scope="module", params=["painted", *(["filmed"] if FILMED else [])])
def rungs(request: pytest.FixtureRequest) -> list[Rung]:
    """One after the other, what a viewer fetched of each clip."""
    fetched: list[Rung] = request.getfixturevalue(request.param)
    return fetched


async def _publish_and_fetch(server: Node, show: str, clip: Sequence[str]) -> list[Rung]:
    key = server.keys[show]
    index_url = f"{server.url}/live/{show}/index.m3u8"
    ffmpeg = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin", "-re",
        *clip, "-f", "whip", "-authorization", key, server.whip_url(show),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with aiohttp.ClientSession() as http:
        client = HlsClient(http)
        variants = await eventually(
            lambda: client.variants(index_url), SECONDS, "the show is on air",
            despite=(aiohttp.ClientResponseError,),
        )  # fmt: skip
        following = asyncio.gather(*[_follow(client, url) for url in variants])
        _, err = await ffmpeg.communicate()
        assert ffmpeg.returncode == 0, err.decode()
        return await following


async def _follow(client: HlsClient, url: str) -> Rung:
    follower = Follower(client, url)
    bodies: dict[str, bytes] = {}
    async with asyncio.timeout(SECONDS + 15):
        while not follower.ended:
            await follower.reload()
            for uri in follower.parts.keys() - bodies.keys():
                bodies[uri] = await client.media(uri)
    parts = tuple(follower.parts.values())
    segments = [await client.media(each.absolute_uri) for each in follower.playlist.segments]
    return Rung(
        parts=parts,
        init=await client.media(parts[0].init_uri),
        data=tuple(bodies[part.uri] for part in parts),
        playlist=follower.playlist,
        segments=tuple(segments),
    )


def packets(rung: Rung, kind: str) -> Iterator[list[tuple[int, int, bool, bytes]]]:
    """For each part: pts, duration, keyframe and bytes of every packet of one kind."""
    for data in rung.data:
        with av.open(io.BytesIO(rung.init + data), "r") as container:
            stream = next(each for each in container.streams if each.type == kind)
            yield [
                (packet.pts or 0, packet.duration or 0, packet.is_keyframe, bytes(packet))
                for packet in container.demux(stream)
                if packet.size
            ]


def onsets(loud: Sequence[tuple[float, bool]]) -> list[float]:
    """The times at which something begins."""
    return [after[0] for before, after in itertools.pairwise(loud) if after[1] and not before[1]]


def test_every_rendition_is_there(painted: list[Rung]) -> None:
    assert [next(video_frames(rung.stream)).height for rung in painted] == [480, 360]


def test_every_rendition_has_ended(rungs: list[Rung]) -> None:
    for rung in rungs:
        assert rung.playlist.is_endlist
        total_s = sum(segment.duration for segment in rung.playlist.segments)
        assert total_s > SECONDS - 2
        assert [part.msn for part in rung.parts] == sorted(part.msn for part in rung.parts)


def test_parts_last_exactly_as_long_as_the_playlist_says(rungs: list[Rung]) -> None:
    for rung in rungs:
        expected = None
        for part, video in zip(rung.parts, packets(rung, "video"), strict=True):
            assert all(duration == SLOT_TICKS for _, duration, _, _ in video)
            pts = [packet[0] for packet in video]
            assert pts == list(range(pts[0], pts[0] + len(pts) * SLOT_TICKS, SLOT_TICKS))
            assert part.duration_s == pytest.approx(len(pts) * SLOT_TICKS / 90_000, abs=1e-5)
            assert expected in (None, pts[0]), "parts follow each other without a gap"
            expected = pts[-1] + SLOT_TICKS


def test_an_independent_part_begins_with_the_one_idr_frame_it_has(rungs: list[Rung]) -> None:
    for rung in rungs:
        seen = 0
        for part, video in zip(rung.parts, packets(rung, "video"), strict=True):
            keyframes = [packet[2] for packet in video]
            assert keyframes == [part.independent] + [False] * (len(video) - 1)
            seen += part.independent
        total_s = sum(part.duration_s for part in rung.parts)
        assert seen >= int(total_s), "an IDR frame each second"


def test_renditions_are_cut_at_the_same_instants(rungs: list[Rung]) -> None:
    first, *others = rungs
    starts = [video[0][0] for video in packets(first, "video")]
    for other in others:
        assert [(p.msn, p.index, p.independent) for p in other.parts] == [
            (p.msn, p.index, p.independent) for p in first.parts
        ]
        assert [video[0][0] for video in packets(other, "video")] == starts


def test_sound_is_continuous_and_the_same_in_every_rendition(rungs: list[Rung]) -> None:
    first, *others = [[p for part in packets(rung, "audio") for p in part] for rung in rungs]
    assert all(after[0] - before[0] == 1024 for before, after in itertools.pairwise(first))
    for other in others:
        assert other == first


def test_segments_are_their_parts(rungs: list[Rung]) -> None:
    for rung in rungs:
        sequence = int(rung.playlist.media_sequence or 0)
        for msn, segment in enumerate(rung.segments, start=sequence):
            parts = [d for p, d in zip(rung.parts, rung.data, strict=True) if p.msn == msn]
            assert segment == b"".join(parts)


def test_every_picture_is_whole_and_in_order(painted: list[Rung]) -> None:
    """FFmpeg's file runs while it connects, and its first second then comes in a burst: its steps
    do not count, its pictures do."""
    for rung in painted:
        codes = [
            timecode.read(timecode.luma_of(frame), painted_width=WIDTH)
            for frame in video_frames(rung.stream)
        ]
        counters = [code.counter for code in codes if code is not None]
        assert len(counters) == len(codes), "a timecode could not be read"
        steps = [after - before for before, after in itertools.pairwise(counters[FPS:])]
        assert min(steps) >= 0
        assert steps.count(1) / len(steps) > 0.9


def test_flash_and_beep_come_together(painted: list[Rung]) -> None:
    """The flash begins with the pts of the first picture that has it; the beep with the first
    sample above a fifth of full scale. Both were at the same instant in the clip."""
    for rung in painted:
        lit = []
        for frame in video_frames(rung.stream):
            scale = frame.width / WIDTH
            box = timecode.flash_box(WIDTH)
            centre_x, centre_y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
            luma = timecode.luma_of(frame)[int(centre_y * scale), int(centre_x * scale)]
            lit.append((float(frame.time or 0), bool(luma > 128)))
        loud = []
        for sound in audio_frames(rung.stream):
            level = np.abs(sound.to_ndarray()[0])
            start = float(sound.time or 0)
            loud += [
                (start + at / tone.SAMPLE_RATE, bool(level[at : at + 48].max() > 0.1))
                for at in range(0, len(level), 48)
            ]
        flashes, beeps = onsets(lit), onsets(_held(loud))
        assert len(flashes) >= SECONDS - 3
        for flash in flashes[:-1]:
            nearest = min(beeps, key=lambda beep: abs(beep - flash))
            assert abs(nearest - flash) <= LIPS_S


def _held(loud: Sequence[tuple[float, bool]], *, windows: int = 10) -> list[tuple[float, bool]]:
    """Bridge the short silences within a beep (a level falls to nothing twice a period)."""
    held, left = [], 0
    for at, now in loud:
        left = windows if now else max(0, left - 1)
        held.append((at, left > 0))
    return held
