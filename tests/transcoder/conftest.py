"""Synthesised media and a watched deadline for the tests of the media room."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from transcoder.scale import solid
from transcoder.values import AccessUnit

PICTURE_TICKS = 3000


def encoder(name: str) -> Any:
    """An encoder of FFmpeg's, whose attributes depend on its kind."""
    return av.CodecContext.create(name, "w")


class SolidSource:
    """A host whose pictures are one grey each: encoded as a browser would, without B-frames."""

    def __init__(
        self, *, codec: str, width: int, height: int, source: int, preset: str = "ultrafast"
    ) -> None:
        self._codec = codec
        self._source = source
        self._width, self._height = width, height
        name = {"h264": "libx264", "vp8": "libvpx"}[codec]
        self._context = encoder(name)
        self._context.width, self._context.height = width, height
        self._context.pix_fmt = "yuv420p"
        self._context.time_base = Fraction(1, 30)
        self._context.framerate = Fraction(30)
        self._context.bit_rate = 1_000_000
        self._context.max_b_frames = 0
        self._context.gop_size = 3000
        self._context.thread_count = 1
        self._context.options = (
            {"preset": preset, "tune": "zerolatency", "forced-idr": "1"}
            if codec == "h264"
            else {"deadline": "realtime", "lag-in-frames": "0"}
        )
        self._count = 0

    def unit(
        self, luma: int, pts: int, *, keyframe: bool = False, damaged: bool = False
    ) -> AccessUnit:
        """The next access unit: a picture of this grey at this time."""
        frame = solid(self._width, self._height, (luma, 128, 128))
        frame.pts = self._count
        frame.time_base = Fraction(1, 30)
        frame.pict_type = 1 if keyframe else 0
        self._count += 1
        (packet,) = self._context.encode(frame)
        return AccessUnit(
            kind="video",
            codec="h264" if self._codec == "h264" else "vp8",
            source=self._source,
            pts=pts,
            keyframe=packet.is_keyframe,
            damaged=damaged,
            data=bytes(packet),
        )

    def units(self, lumas: Sequence[int], first_pts: int = 0) -> list[AccessUnit]:
        """One access unit for each grey, 1/30 s apart."""
        return [
            self.unit(luma, first_pts + index * PICTURE_TICKS) for index, luma in enumerate(lumas)
        ]


@pytest.fixture
def make_source() -> Callable[..., SolidSource]:
    """`make_source(codec="h264", width=128, height=96, source=1, preset="ultrafast")`."""

    def make(
        *,
        codec: str = "h264",
        width: int = 128,
        height: int = 96,
        source: int = 1,
        preset: str = "ultrafast",
    ) -> SolidSource:
        return SolidSource(codec=codec, width=width, height=height, source=source, preset=preset)

    return make


@pytest.fixture
def opus_tone() -> Callable[..., list[AccessUnit]]:
    """`opus_tone(count, first_pts=0, source=1)`: so many Opus packets of 20 ms of a 440 Hz tone."""

    def make(count: int, *, first_pts: int = 0, source: int = 1) -> list[AccessUnit]:
        context = encoder("libopus")
        context.sample_rate, context.layout, context.format = 48_000, "mono", "s16"
        times = np.arange(count * 960) / 48_000
        samples = (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
        packets: list[bytes] = []
        for index in range(count):
            block = samples[index * 960 : (index + 1) * 960].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate = 48_000
            frame.pts = index * 960
            packets += [bytes(packet) for packet in context.encode(frame)]
        return [
            AccessUnit(
                kind="audio",
                codec="opus",
                source=source,
                pts=first_pts + index * 1800,
                keyframe=True,
                damaged=False,
                data=data,
            )
            for index, data in enumerate(packets)
        ]

    return make


@pytest.fixture
def luma_at() -> Callable[..., int]:
    """`luma_at(frame, x, y)`: the brightness of one pixel; of the middle without a place."""

    def luma(frame: VideoFrame, x: int | None = None, y: int | None = None) -> int:
        column = frame.width // 2 if x is None else x
        row = frame.height // 2 if y is None else y
        plane = frame.planes[0]
        return memoryview(plane)[row * plane.line_size + column]

    return luma


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`eventually(lambda: …)`: wait until it holds, and fail after a deadline."""
    pause = threading.Event()

    def wait(holds: Callable[[], bool], *, what: str = "what the test waits for") -> None:
        deadline_s = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline_s, f"{what} never came"
            pause.wait(0.002)

    return wait


@pytest.fixture(autouse=True)
def _no_leaked_threads() -> Iterator[None]:
    """A thread that outlives its test fails it."""
    before = set(threading.enumerate())
    yield
    leaked = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not leaked


@pytest.fixture
def mutated() -> Callable[[AccessUnit, random.Random], AccessUnit]:
    """`mutated(unit, rng)`: what a stranger may make of a unit, its flags and times included."""
    return _mutated


def _mutated(unit: AccessUnit, rng: random.Random) -> AccessUnit:
    """Flipped, cut, stretched, shuffled or made up; flags and times lie as well. One in three is
    whole, so that decoding gets beyond the first mutant."""
    if rng.random() < 1 / 3:
        return unit
    data = bytearray(unit.data)
    for _ in range(rng.choice((0, 1, 1, 3, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    how = rng.randrange(8)
    if how == 0:
        data = data[: rng.randrange(len(data) + 1)]
    elif how == 1:
        data += rng.randbytes(rng.randrange(2000))
    elif how == 2:
        data = bytearray(rng.randbytes(rng.randrange(400)))
    elif how == 3:
        middle = rng.randrange(len(data))
        data = data[middle:] + data[:middle]
    elif how == 4 and len(data) > 12:
        data[4:12] = rng.randbytes(8)  # the headers: sizes, levels, frame types
    return replace(
        unit,
        data=bytes(data),
        keyframe=unit.keyframe if rng.random() < 0.8 else not unit.keyframe,
        damaged=rng.random() < 0.1,
        pts=unit.pts if rng.random() < 0.9 else rng.choice((0, 1, 2**40, unit.pts + 3_600_000)),
    )
