"""Sources of any size and rate through the whole run: every slot filled, every rung aligned."""

import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import pytest

from transcoder.control import CueUnsent, SourceStart, StartEpoch
from transcoder.decode import SourceDecoder
from transcoder.epoch import EpochRun
from transcoder.ladder_state import LadderState
from transcoder.profiles import Profile, Rung
from transcoder.telemetry import Telemetry
from transcoder.values import AccessUnit, Anchor, InitSection, Part

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
TICKS, SLOT_TICKS = 90_000, 3000
TURN_NS = 1_000_000_000 // 60
SECONDS = Fraction(9, 4)
PROFILE = Profile(
    rungs=(
        Rung(name="hi", height=144, bitrate_bps=300_000, max_bitrate_bps=400_000),
        Rung(name="lo", height=96, bitrate_bps=200_000, max_bitrate_bps=300_000),
    )
)


class Kept:
    """What a run puts out, by rendition."""

    def __init__(self) -> None:
        self.inits: dict[str, InitSection] = {}
        self.parts: dict[str, list[Part]] = {}

    def init(self, section: InitSection) -> None:
        assert section.rendition not in self.inits
        self.inits[section.rendition] = section
        self.parts[section.rendition] = []

    def part(self, part: Part) -> None:
        self.parts[part.rendition].append(part)

    def ladder(self, state: LadderState) -> None:
        pass

    def request_keyframe(self, source: int) -> None:
        pass

    def cue_unsent(self, unsent: CueUnsent) -> None:
        raise AssertionError("there is no cue")

    def shown(self, rendition: str) -> list[tuple[int, bool, av.VideoFrame]]:
        """Each picture that a player shows: its slot, whether it is a keyframe, itself."""
        media = [self.inits[rendition].data, *(part.data for part in self.parts[rendition])]
        with av.open(io.BytesIO(b"".join(media)), "r", format="mp4") as container:
            return [
                (frame.pts // SLOT_TICKS, frame.key_frame, frame)
                for frame in container.decode(video=0)
                if frame.pts is not None
            ]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def run_of(kept: Kept) -> EpochRun:
    start = StartEpoch(
        show="s",
        epoch="e",
        au_socket="",
        profile=PROFILE.to_plain(),
        latency="low",
        generation=0,
        next_number=0,
        next_msn=0,
        next_tick=0,
        cues=(),
        previous=(),
    )
    telemetry = Telemetry("s")
    return EpochRun(start, output=kept, telemetry=telemetry, wake=lambda: None, now_ns=0)


def luma_of(pts: int) -> int:
    """Neighbours differ by far, whatever the rate."""
    return 40 + pts // 1500 * 37 % 150


def played(units: list[AccessUnit], kept: Kept, eventually: Callable[..., None]) -> None:
    run = run_of(kept)

    def encoded() -> bool:
        run.turn((), now_ns)
        return run.backlog == 0

    try:
        run.turn([SourceStart(epoch="e", source=1, anchor=ANCHOR)], 0)
        for turn in range(int(SECONDS * 60) + 12):
            now_ns = turn * TURN_NS
            come = [unit for unit in units if unit.pts <= ANCHOR.tick(now_ns)]
            del units[: len(come)]
            run.turn(come, now_ns)
            eventually(encoded)
        run.finish(20.0)
    finally:
        run.close()


@pytest.mark.parametrize(
    ("size", "rate", "sizes"),
    [
        ((160, 120), 5, {"lo": (128, 96)}),
        ((160, 120), 60, {"lo": (128, 96)}),
        ((320, 568), 24, {"hi": (144, 256), "lo": (96, 170)}),
        ((640, 480), 15, {"hi": (192, 144), "lo": (128, 96)}),
        ((720, 1280), 10, {"hi": (144, 256), "lo": (96, 170)}),
        ((1080, 1080), 8, {"hi": (144, 144), "lo": (96, 96)}),
        ((1280, 720), 30, {"hi": (256, 144), "lo": (170, 96)}),
        ((1920, 1080), 12, {"hi": (256, 144), "lo": (170, 96)}),
    ],
)
def test_any_source_fills_every_slot_of_every_rung(
    size: tuple[int, int],
    rate: int,
    sizes: dict[str, tuple[int, int]],
    kept: Kept,
    make_source: Callable[..., Any],
    luma_at: Callable[..., int],
    eventually: Callable[..., None],
) -> None:
    source = make_source(width=size[0], height=size[1])
    times = [n * TICKS // rate for n in range(int(rate * SECONDS))]
    units = [source.unit(luma_of(pts), pts) for pts in times]
    decoder = SourceDecoder(1, on_error=lambda: None)
    lumas = {p.pts: luma_at(p.frame) for unit in units for p in decoder.decode(unit, 0)}
    assert len(set(lumas.values())) > 5
    played(units, kept, eventually)
    assert {n: (i.width, i.height) for n, i in kept.inits.items()} == sizes
    keyframes = set()
    for rendition in sizes:
        parts = kept.parts[rendition]
        assert all(part.duration == 10 * SLOT_TICKS for part in parts[:-1])
        shown = kept.shown(rendition)
        slots = [slot for slot, _, _ in shown]
        assert slots == list(range(slots[0], slots[-1] + 1))
        assert slots[-1] >= SECONDS * 30 - 2
        keyframes.add(tuple(slot - slots[0] for slot, key, _ in shown if key))
        for slot, _, frame in shown[5:60]:
            newest = max(pts for pts in times if pts < slot * SLOT_TICKS + SLOT_TICKS // 2)
            off = abs(luma_at(frame) - lumas[newest])
            assert off <= 6, (slot, newest)
            assert (frame.width, frame.height) == sizes[rendition]
        assert keyframes == {tuple(range(0, len(slots), 30))}
