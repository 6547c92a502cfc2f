"""What the benches of the ladder encode: four seconds of 720p30 as a host's browser sends them.

A real film where there is one (a clip that some check-outs have beside them, or `--clip`), else the
demo's painted scene. It is encoded once: H.264 constrained baseline without B-frames, an IDR frame
each second, about 2.5 Mb/s, and Opus. Every picture of the film is one of the 30 a second, whatever
its own rate, so that none is a repeat. The file is played over and over.
"""

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from av.bitstream import BitStreamFilterContext

from bench.node import ROOT
from mediaserver.demo import tone
from mediaserver.demo.scene import SceneRenderer
from transcoder.values import TICKS_PER_SECOND, AccessUnit

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 30, 4
FRAMES = FPS * SECONDS
BITRATE_BPS, MAX_BITRATE_BPS = 2_300_000, 2_600_000

_OPUS_SAMPLES = 960
_BLOCKS = SECONDS * tone.SAMPLE_RATE // _OPUS_SAMPLES


def beside() -> Path | None:
    """The film beside this check-out, where there is one."""
    return next(iter(sorted((ROOT.parent / "shared" / "media").glob("*720p*.mp4"))), None)


def make(folder: Path, film: Path | None) -> Path:
    """Encode `film`, or without one the painted scene, to ``film.mkv`` in `folder`.

    Raises `ValueError` where the film is shorter than `SECONDS`.
    """
    path = folder / "film.mkv"
    frames = 0
    with av.open(path, "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        video.bit_rate = BITRATE_BPS
        video.options = {
            "preset": "veryfast", "tune": "zerolatency", "profile": "baseline",
            "maxrate": str(MAX_BITRATE_BPS), "bufsize": str(MAX_BITRATE_BPS // 2),
            "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:threads=2",
        }  # fmt: skip
        audio = out.add_stream("libopus", rate=tone.SAMPLE_RATE, layout="stereo")
        for picture in _filmed(film) if film else _painted():
            picture.pts, picture.time_base, picture.pict_type = frames, Fraction(1, FPS), 0
            out.mux(video.encode(picture))
            frames += 1
        for block in range(_BLOCKS):
            out.mux(audio.encode(_sound(block)))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    if frames < FRAMES:
        raise ValueError(f"{film} has {frames} pictures, {FRAMES} are needed")
    return path


def longer(path: Path, rounds: int) -> Path:
    """The same, played `rounds` times, as one file beside it."""
    long = path.with_stem(f"{path.stem}-{rounds}")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin", "-stream_loop",
         str(rounds - 1), "-i", path, "-c", "copy", long],
        check=True,
    )  # fmt: skip
    return long


def units(path: Path) -> Iterator[AccessUnit]:
    """The access units of such a file as the ingest hands them out, in order of time.

    The file's times are whole milliseconds; a picture gets its own of 30 a second again, a packet
    of sound its own of 50.
    """
    with av.open(path, "r") as container:
        video = container.streams.video[0]
        to_annex_b = BitStreamFilterContext("h264_mp4toannexb", video)
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            is_video, keyframe = packet.stream is video, packet.is_keyframe
            rate = FPS if is_video else tone.SAMPLE_RATE // _OPUS_SAMPLES
            pts = round(packet.pts * packet.time_base * rate) * TICKS_PER_SECOND // rate
            for out in to_annex_b.filter(packet) if is_video else [packet]:
                yield AccessUnit(
                    kind="video" if is_video else "audio",
                    codec="h264" if is_video else "opus",
                    source=1,
                    pts=max(pts, 0),
                    keyframe=keyframe,
                    damaged=False,
                    data=bytes(out),
                )


def _filmed(film: Path) -> Iterator[av.VideoFrame]:
    with av.open(film, "r") as container:
        for _, frame in zip(range(FRAMES), container.decode(video=0), strict=False):
            yield frame.reformat(WIDTH, HEIGHT, "yuv420p")


def _painted() -> Iterator[av.VideoFrame]:
    scene = SceneRenderer(WIDTH, HEIGHT)
    for n in range(FRAMES):
        yield av.VideoFrame.from_ndarray(scene.frame(n, n * 1000 // FPS), format="yuv420p")


def _sound(block: int) -> av.AudioFrame:
    samples = tone.samples(start=block * _OPUS_SAMPLES, count=_OPUS_SAMPLES)
    frame = av.AudioFrame.from_ndarray(
        np.repeat(samples, 2)[None, :], format="s16", layout="stereo"
    )
    frame.sample_rate, frame.pts = tone.SAMPLE_RATE, block * _OPUS_SAMPLES
    frame.time_base = Fraction(1, tone.SAMPLE_RATE)
    return frame
