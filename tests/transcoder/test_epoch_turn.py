"""`EpochRun.turn`: a run that gets its time late still puts every picture at its own."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import av
import pytest

from transcoder.control import CueUnsent, SourceStart, StartEpoch
from transcoder.epoch import EpochRun
from transcoder.ladder_state import LadderState
from transcoder.profiles import Profile, Rung
from transcoder.telemetry import Telemetry
from transcoder.values import AccessUnit, Anchor, InitSection, Part

ANCHOR = Anchor(utc_us=0, monotonic_ns=0)
SLOT_TICKS, SLOT_NS = 3000, 1_000_000_000 // 30
RUNG = Rung(
    name="tiny", height=64, bitrate_bps=300_000, max_bitrate_bps=400_000, preset="ultrafast"
)
PROFILE = Profile(rungs=(RUNG,))
LUMAS = [40 + slot * 7 % 160 for slot in range(90)]


class Kept:
    def __init__(self) -> None:
        self.data: list[bytes] = []

    def init(self, section: InitSection) -> None:
        self.data.append(section.data)

    def part(self, part: Part) -> None:
        self.data.append(part.data)

    def ladder(self, state: LadderState) -> None:
        pass

    def request_keyframe(self, source: int) -> None:
        pass

    def cue_unsent(self, unsent: CueUnsent) -> None:
        raise AssertionError("there is no cue")

    def shown(self, luma_at: Callable[..., int]) -> dict[int, int]:
        with av.open(io.BytesIO(b"".join(self.data)), "r", format="mp4") as container:
            return {
                frame.pts // SLOT_TICKS: luma_at(frame)
                for frame in container.decode(video=0)
                if frame.pts is not None
            }


def began(kept: Kept) -> EpochRun:
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


def played(
    run: EpochRun,
    units: list[AccessUnit],
    turns_ns: list[int],
    eventually: Callable[..., None],
) -> None:
    """Give the run turns at these times; each unit comes at its own. The encoders keep up."""

    def encoded() -> bool:
        run.turn((), now_ns)
        return run.backlog == 0

    run.turn([SourceStart(epoch="e", source=1, anchor=ANCHOR)], 0)
    left = list(units)
    for now_ns in turns_ns:
        arrived = [unit for unit in left if unit.pts <= ANCHOR.tick(now_ns)]
        left = left[len(arrived) :]
        run.turn(arrived, now_ns)
        eventually(encoded)


@pytest.mark.parametrize("stall_ms", [0, 300, 1500])
def test_a_stalled_run_displaces_no_picture_and_leaves_some_out_only_far_behind(
    stall_ms: int,
    make_source: Callable[..., Any],
    luma_at: Callable[..., int],
    eventually: Callable[..., None],
) -> None:
    units = make_source(codec="h264", width=64, height=64).units(LUMAS)
    kept = Kept()
    run = began(kept)
    turns_ns = [n * SLOT_NS for n in range(95) if not 35 <= n < 35 + stall_ms * 30 // 1000]
    try:
        played(run, units, turns_ns, eventually)
        run.finish(20.0)
    finally:
        run.close()
    shown = kept.shown(luma_at)
    wrong = {n: luma for n, luma in shown.items() if n < 90 and abs(luma - LUMAS[n]) > 3}
    assert not wrong
    if stall_ms < 1000:
        assert set(range(31, 89)) <= set(shown)
    else:
        assert {slot for slot in range(31, 89) if slot % 10 == 0} <= set(shown), "far behind"


def test_a_part_leaves_with_the_packet_that_ends_what_it_needs(
    make_source: Callable[..., Any],
    opus_tone: Callable[..., list[AccessUnit]],
    eventually: Callable[..., None],
) -> None:
    """A part of 333 ms needs sound up to 363 ms; the packets are of 20 ms, and the codec holds the
    last 7 ms of each back. So the nineteenth is the one."""
    units = [
        *make_source(codec="h264", width=64, height=64).units(LUMAS[:14]),
        *(replace(one, pts=one.pts + 1) for one in opus_tone(25)),
    ]
    kept = Kept()
    run = began(kept)
    left_ms: list[int] = []
    run.turn([SourceStart(epoch="e", source=1, anchor=ANCHOR)], 0)
    try:
        for now_ms in range(0, 440, 5):
            now_tick = now_ms * 90
            came = [one for one in units if whole_tick(one) <= now_tick]
            units = [one for one in units if whole_tick(one) > now_tick]

            def encoded(now_ns: int = now_ms * 1_000_000) -> bool:
                run.turn((), now_ns)
                return run.backlog == 0

            run.turn(came, now_ms * 1_000_000)
            eventually(encoded)
            encoded()
            left_ms += [now_ms] * (len(kept.data) - 1 - len(left_ms))
    finally:
        run.close()
    assert left_ms == [385], "the first turn after the packet of 380 ms and a tick"


def whole_tick(unit: AccessUnit) -> int:
    """When all of it has been: its end, for sound."""
    return unit.pts + (1800 if unit.kind == "audio" else 0)


def test_without_sound_a_part_leaves_with_its_last_picture(
    make_source: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    kept = Kept()
    run = began(kept)
    source = make_source(codec="h264", width=64, height=64)
    try:
        played(run, source.units(LUMAS[:10]), [n * SLOT_NS for n in range(11)], eventually)
        run.turn((), 10 * SLOT_NS)
        assert len(kept.data) == 2, "init section and part"
    finally:
        run.close()
