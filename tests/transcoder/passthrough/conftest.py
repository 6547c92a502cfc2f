"""Sources made with libx264, and a run of slots that passes them on as an epoch run does."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from transcoder.cutter import Cutter
from transcoder.grid import make_grid
from transcoder.passthrough.control import Mode, Passthrough
from transcoder.passthrough.fitness import PassTarget
from transcoder.passthrough.sets import SourceSets
from transcoder.samples import SlotSamples
from transcoder.values import TICKS_PER_SECOND, AccessUnit

GRID = make_grid(frames_per_second=30, latency="low")
TARGET = PassTarget(
    rung="96p",
    width=128,
    height=96,
    max_bitrate_bps=400_000,
    buffer_bits=160_000,
    segment_s=2,
)
HOLD_TICKS = 10_800
"""So long after its beginning a slot is filled, without a later picture."""


def encoder(
    params: str = "",
    *,
    size: tuple[int, int] = (128, 96),
    profile: str = "high",
    bframes: int = 0,
    gop: int = 3000,
    bitrate_bps: int = 200_000,
    pix_fmt: str = "yuv420p",
) -> VideoCodecContext:
    """libx264 as a host might use it."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pix_fmt
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.bit_rate, context.gop_size, context.max_b_frames = bitrate_bps, gop, bframes
    context.thread_count = 1
    context.flags |= Flags.closed_gop
    context.options = {"preset": "ultrafast", "profile": profile, "forced-idr": "1"}
    if not bframes:
        context.options["tune"] = "zerolatency"
    forced = [f"bframes={bframes}:b-adapt=0:scenecut=0", params]
    context.options["x264-params"] = ":".join(part for part in forced if part)
    return context


def pictures(count: int, size: tuple[int, int], *, noise: bool) -> Iterator[av.VideoFrame]:
    """A gradient that moves, or what no encoder makes small."""
    width, height = size
    row = np.arange(width, dtype=np.int64)
    random = np.random.default_rng(1)
    for index in range(count):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = ((row * 2 + 5 * index) % 220 + 16).astype(np.uint8)
        if noise:
            picture[:height] = random.integers(16, 235, (height, width), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, 30)
        yield frame


def encoded(
    count: int,
    params: str = "",
    *,
    size: tuple[int, int] = (128, 96),
    profile: str = "high",
    bframes: int = 0,
    gop: int = 3000,
    bitrate_bps: int = 200_000,
    noise: bool = False,
    pix_fmt: str = "yuv420p",
) -> list[bytes]:
    """The access units of so many pictures, in Annex B form, in the order of decoding."""
    context = encoder(
        params,
        size=size,
        profile=profile,
        bframes=bframes,
        gop=gop,
        bitrate_bps=bitrate_bps,
        pix_fmt=pix_fmt,
    )
    packets = [
        bytes(packet)
        for frame in pictures(count, size, noise=noise)
        for packet in context.encode(frame.reformat(format=pix_fmt))
    ]
    return packets + [bytes(packet) for packet in context.encode(None)]


def access_unit(data: bytes, pts: int, *, keyframe: bool, damaged: bool = False) -> AccessUnit:
    return AccessUnit(
        kind="video",
        codec="h264",
        source=1,
        pts=pts,
        keyframe=keyframe,
        damaged=damaged,
        data=data,
    )


def timed(
    packets: Iterable[bytes], *, rate: Fraction = Fraction(30), first_pts: int = 0
) -> list[AccessUnit]:
    """These pictures so many a second."""
    return [
        access_unit(
            data, first_pts + int(index * TICKS_PER_SECOND / rate), keyframe=b"\x01\x65" in data
        )
        for index, data in enumerate(packets)
    ]


@dataclass(slots=True)
class Camera:
    """A source of canned pictures that answers requests, or not, and has a GOP of its own."""

    idr: bytes
    p: bytes
    rate: Fraction = Fraction(30)
    gop: int = 10**9
    """Pictures from one keyframe to the next without any request."""
    answers_ticks: int | None = 4500
    """From a request to the earliest picture that can be a keyframe; None: never."""
    way_ticks: int = 900
    """From a picture's time to its arrival."""
    asked: list[int] = field(default_factory=list)
    _index: int = 0
    _since: int = 0

    def until(self, tick: int) -> Iterator[AccessUnit]:
        """What has arrived by then."""
        while (pts := int(self._index * TICKS_PER_SECOND / self.rate)) + self.way_ticks <= tick:
            keyframe = self._index == 0 or self._since >= self.gop or self._is_answer(pts)
            yield access_unit(self.idr if keyframe else self.p, pts, keyframe=keyframe)
            self._since = 1 if keyframe else self._since + 1
            self._index += 1

    def _is_answer(self, pts: int) -> bool:
        if self.answers_ticks is None:
            return False
        due = [tick for tick in self.asked if tick + self.answers_ticks <= pts]
        self.asked = [tick for tick in self.asked if tick not in due]
        return bool(due)


@dataclass(slots=True)
class Generation:
    """A stretch of slots in one role."""

    first_slot: int
    sets: SourceSets | None
    """None: encoded."""
    samples: list[SlotSamples] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    """The slots at which they begin."""


class Run:
    """Slots filled one after another, `HOLD_TICKS` after they begin."""

    def __init__(self, *, mode: Mode = "auto", target: PassTarget = TARGET) -> None:
        self.passing = Passthrough(mode=mode, grid=GRID)
        self.passing.source_started()
        self.passing.aim(target)
        self.slot = 0
        self.generations: list[Generation] = []
        self.reasons: list[str] = []
        self.asked: list[int] = []
        self._cutter: Cutter | None = None

    @property
    def now_tick(self) -> int:
        return GRID.tick_of(self.slot) + HOLD_TICKS

    def feed(self, units: Iterable[AccessUnit]) -> None:
        """Take these as their time comes, and fill the slots up to the last."""
        for unit in units:
            while unit.pts > self.now_tick:
                self.fill()
            self.passing.take(unit, max(unit.pts, self.now_tick))

    def film(self, camera: Camera, seconds: float) -> None:
        """So many seconds of a camera."""
        end_slot = self.slot + int(seconds * GRID.frames_per_second)
        while self.slot < end_slot:
            for unit in camera.until(self.now_tick):
                self.passing.take(unit, self.now_tick)
            if self.passing.wants_keyframe(self.now_tick):
                camera.asked.append(self.now_tick)
                self.asked.append(self.now_tick)
            self.fill()

    def fill(self) -> None:
        """The next slot."""
        passing = self.passing
        if not passing.passing and passing.offer(self.slot) is not None:
            self._begin(passing.begin(self.slot))
        if not passing.passing:
            if not self.generations or self.generations[-1].sets is not None:
                self._begin(None)
            passing.skip(self.slot)
        elif not self._pass():
            self._begin(None)
            passing.skip(self.slot)
        self.slot += 1

    def _pass(self) -> bool:
        assert self._cutter is not None
        outlook = self.passing.look(self.slot, part_start=self._cutter.begins_part(self.slot))
        if outlook.kind == "renew":
            self._begin(self.passing.begin(self.slot))
            outlook = self.passing.look(self.slot, part_start=True)
        if outlook.kind == "encode":
            assert outlook.unfit is not None
            self.reasons.append(outlook.unfit.code)
            return False
        assert not self._cutter.is_overdue(keyframe=outlook.keyframe)
        cut = self._cutter.place(keyframe=outlook.keyframe)
        samples = self.passing.pass_on(self.slot)
        generation = self.generations[-1]
        if cut.part:
            assert samples.pictures
        generation.samples.append(samples)
        while (plan := self._cutter.peek()) is not None:
            self._cutter.take()
            if plan.index == 0 and plan.first_slot != generation.first_slot:
                generation.segments.append(plan.first_slot)
                at = plan.first_slot - generation.first_slot
                assert generation.samples[at].pictures[0].keyframe
        return True

    def _begin(self, sets: SourceSets | None) -> None:
        self.generations.append(Generation(first_slot=self.slot, sets=sets))
        self._cutter = None
        if sets is not None:
            self._cutter = Cutter(
                grid=GRID, first_slot=self.slot, next_number=0, next_msn=0, follows_source=True
            )

    @property
    def roles(self) -> str:
        """`p` for a passed generation, `e` for an encoded one."""
        return "".join("e" if one.sets is None else "p" for one in self.generations)


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    """`run(mode="auto", target=…)`."""
    return Run


@pytest.fixture(scope="session")
def canned() -> tuple[bytes, bytes]:
    """An IDR picture with its parameter sets, and one that refers to the one before."""
    idr, p, *_ = encoded(3)
    return idr, p


@pytest.fixture
def camera(canned: tuple[bytes, bytes]) -> Callable[..., Camera]:
    """`camera(rate=…, gop=…, answers_ticks=…)`."""

    def make(**settings: object) -> Camera:
        return Camera(*canned, **settings)  # type: ignore[arg-type]

    return make


@pytest.fixture
def h264() -> Callable[..., list[bytes]]:
    """`h264(count, x264_params, size=…, profile=…, bframes=…, gop=…)`: real access units."""
    return encoded


@pytest.fixture
def at_rate() -> Callable[..., list[AccessUnit]]:
    """`at_rate(packets, rate=Fraction(30), first_pts=0)`."""
    return timed
