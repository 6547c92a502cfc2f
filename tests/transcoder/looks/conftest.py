"""A whole epoch run under a virtual clock, and what a player makes of what comes out.

`air` hands the access units of a host in at their own times, one turn each slot, and lets the
encoders keep up; `Aired` decodes each rendition from its init section and parts alone.
"""

import io
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from transcoder.control import CueUnsent, SourceStart, StartEpoch
from transcoder.epoch import EpochRun
from transcoder.profiles import Profile, Rung, SlateProfile
from transcoder.telemetry import Telemetry
from transcoder.values import AccessUnit, Anchor, InitSection, Part

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
FPS, SLOT_TICKS = 30, 3000
OPUS_SAMPLES, OPUS_TICKS = 960, 1800
RATE = 48_000
IN_WORK_SLOTS = 8
PATIENCE_S = 20.0
Samples = NDArray[np.float32]


def _rung(name: str, height: int, bitrate_bps: int) -> Rung:
    return Rung(
        name=name, height=height, bitrate_bps=bitrate_bps, max_bitrate_bps=bitrate_bps * 5 // 4,
        buffer_ms=1000, preset="ultrafast",
    )  # fmt: skip


PROFILE = Profile(
    slate=SlateProfile(text=""), rungs=(_rung("96p", 96, 2_000_000), _rung("48p", 48, 1_000_000))
)


@dataclass(slots=True)
class Aired:
    """What came out: the run's output, and a player's reading of it."""

    sections: list[InitSection] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    keyframes_asked: int = 0

    def init(self, section: InitSection) -> None:
        self.sections.append(section)

    def part(self, part: Part) -> None:
        self.parts.append(part)

    def request_keyframe(self, source: int) -> None:
        self.keyframes_asked += 1

    def ladder(self, state: object) -> None:
        """What the rungs do is seen in what comes out."""

    def cue_unsent(self, unsent: CueUnsent) -> None:
        raise AssertionError(f"there is no cue: {unsent}")

    def of(self, rendition: str) -> list[Part]:
        return [part for part in self.parts if part.rendition == rendition]

    def frames(self, rendition: str) -> dict[int, VideoFrame]:
        """The picture of each slot."""
        with self._opened(rendition) as container:
            return {
                round(frame.pts / SLOT_TICKS): frame
                for frame in container.decode(video=0)
                if frame.pts is not None
            }

    def lumas(self, rendition: str) -> dict[int, int]:
        """How bright the middle of each slot's picture is."""
        return {slot: luma_of(frame) for slot, frame in self.frames(rendition).items()}

    def sound(self, rendition: str) -> tuple[int, Samples]:
        """The first sample's place on the media timeline, and the left channel from there on.

        Raises AssertionError where it has a gap.
        """
        blocks: list[Samples] = []
        first = due = -1
        with self._opened(rendition) as container:
            for frame in container.decode(audio=0):
                block = frame.to_ndarray()[0].astype(np.float32)
                assert frame.pts is not None
                if due < 0:
                    first = due = frame.pts
                assert frame.pts == due, f"the sound goes on at {frame.pts}, not {due}"
                due += len(block)
                blocks.append(block)
        return first, np.concatenate(blocks)

    def check_line(self, rendition: str, *, slots_per_part: int = 10) -> None:
        """Parts run on without a gap, are exactly as long as their slots, and cut where they must:
        a keyframe each second and each segment two seconds long."""
        parts = self.of(rendition)
        for before, after in itertools.pairwise(parts):
            assert after.number == before.number + 1
            assert after.decode_time == before.decode_time + before.duration
            assert after.msn == before.msn + before.last
        whole = parts[:-1]
        assert {part.duration for part in whole} == {slots_per_part * SLOT_TICKS}
        first = parts[0].decode_time
        for part in whole:
            place = (part.decode_time - first) // SLOT_TICKS
            assert part.independent == (place % FPS == 0)
            assert part.last == ((place + slots_per_part) % (2 * FPS) == 0)

    def _opened(self, rendition: str) -> Any:
        init = b"".join(each.data for each in self.sections if each.rendition == rendition)
        media = b"".join(part.data for part in self.of(rendition))
        return av.open(io.BytesIO(init + media), "r", format="mp4")


def luma_of(frame: VideoFrame) -> int:
    plane = frame.planes[0]
    return memoryview(plane)[frame.height // 2 * plane.line_size + frame.width // 2]


@pytest.fixture
def air() -> Callable[..., Aired]:
    """`air(units, seconds=…, profile=…, arrivals=…, between=…)`.

    Pictures arrive at their own time, sound when it has been heard; or each unit at its tick of
    `arrivals`. `between` is called before each slot's turn with the run and the slot: for what is
    not an access unit.
    """

    def run_all(
        units: Sequence[AccessUnit],
        *,
        seconds: float,
        profile: Profile = PROFILE,
        arrivals: Sequence[int] | None = None,
        between: Callable[[EpochRun, int], None] = lambda run, slot: None,
    ) -> Aired:
        aired, bell = Aired(), threading.Event()
        start = StartEpoch(
            show="s", epoch="e", au_socket="", profile=profile.to_plain(), latency="low",
            generation=0, next_number=0, next_msn=0, next_tick=0, cues=(), previous=(),
        )  # fmt: skip
        run = EpochRun(start, output=aired, telemetry=Telemetry("s"), wake=bell.set, now_ns=0)
        try:
            run.turn([SourceStart(epoch="e", source=1, anchor=ANCHOR)], 0)
            when = [_arrival(unit) for unit in units] if arrivals is None else arrivals
            by_slot: dict[int, list[AccessUnit]] = defaultdict(list)
            for tick, unit in sorted(zip(when, units, strict=True), key=lambda pair: pair[0]):
                by_slot[-(-tick // SLOT_TICKS)].append(unit)
            for slot in range(int(seconds * FPS) + 1):
                between(run, slot)
                now_ns = ANCHOR.monotonic_ns_at(slot * SLOT_TICKS)
                run.turn(by_slot[slot], now_ns)
                while run.backlog > IN_WORK_SLOTS:
                    bell.wait(PATIENCE_S)
                    bell.clear()
                    run.turn((), now_ns)
            run.finish(PATIENCE_S)
        finally:
            run.close()
        return aired

    return run_all


def _arrival(unit: AccessUnit) -> int:
    return unit.pts + (OPUS_TICKS if unit.kind == "audio" else 0)


class Camera:
    """Encodes pictures as a host's browser does, any picture at any time."""

    def __init__(
        self,
        width: int,
        height: int,
        *,
        codec: Literal["h264", "vp8"] = "h264",
        bit_rate: int = 3_000_000,
        colorspace: int | None = None,
        full_range: bool = False,
    ) -> None:
        context: Any = av.CodecContext.create({"h264": "libx264", "vp8": "libvpx"}[codec], "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 90_000), Fraction(30)
        context.bit_rate, context.max_b_frames, context.thread_count = bit_rate, 0, 1
        context.gop_size = 3000
        if colorspace is not None:
            context.colorspace = context.color_primaries = context.color_trc = colorspace
        if full_range:
            context.color_range = 2
        context.options = (
            {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
            if codec == "h264"
            else {"deadline": "realtime", "lag-in-frames": "0"}
        )
        self._context, self._codec = context, codec
        self._begun = False

    def unit(self, frame: VideoFrame, pts: int, *, keyframe: bool = False) -> AccessUnit:
        frame.pts, frame.time_base = pts, Fraction(1, 90_000)
        wanted = keyframe or not self._begun
        frame.pict_type = PictureType.I if wanted else PictureType.NONE
        self._begun = True
        (packet,) = self._context.encode(frame)
        return AccessUnit(
            kind="video", codec="h264" if self._codec == "h264" else "vp8", source=1, pts=pts,
            keyframe=packet.is_keyframe, damaged=False, data=bytes(packet),
        )  # fmt: skip


@pytest.fixture
def camera() -> Callable[..., Camera]:
    """`camera(width, height, codec="h264", …)`."""
    return Camera


@pytest.fixture
def opus() -> Callable[[Samples], list[AccessUnit]]:
    """The packets of a mono sound (−1 to 1) that begins at tick 0, where a host hears it.

    RTP's times are those of what was put into the encoder, whose look-ahead they do not show.
    """

    def encode(samples: Samples) -> list[AccessUnit]:
        context: Any = av.CodecContext.create("libopus", "w")
        context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
        context.bit_rate = 96_000
        packets: list[bytes] = []
        whole = len(samples) // OPUS_SAMPLES
        pcm = (samples * 32_767).astype(np.int16)
        for index in range(whole):
            block = pcm[index * OPUS_SAMPLES : (index + 1) * OPUS_SAMPLES].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, index * OPUS_SAMPLES
            packets += [bytes(packet) for packet in context.encode(frame)]
        return [
            AccessUnit(
                kind="audio", codec="opus", source=1, pts=index * OPUS_TICKS, keyframe=True,
                damaged=False, data=data,
            )
            for index, data in enumerate(packets)
        ]  # fmt: skip

    return encode


@pytest.fixture
def grey() -> Callable[..., VideoFrame]:
    """`grey(luma, width, height)`: a picture of one grey."""

    def picture(luma: int, width: int, height: int) -> VideoFrame:
        planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
        planes[:height] = luma
        return VideoFrame.from_ndarray(planes, format="yuv420p")

    return picture
