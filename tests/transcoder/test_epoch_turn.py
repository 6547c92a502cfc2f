"""`EpochRun.turn`: a run that gets its time late still puts every picture at its own."""

import io
from collections.abc import Callable
from typing import Any

import av
import pytest

from transcoder.control import CueUnsent, SourceStart, StartEpoch
from transcoder.epoch import EpochRun
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
def test_a_stalled_run_loses_and_displaces_no_picture(
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
    assert set(range(31, 89)) <= set(shown)
