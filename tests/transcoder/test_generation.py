"""One generation by itself: what it is when others take over its work."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from av.video.frame import VideoFrame

from transcoder.audio import AudioLine
from transcoder.control import StartEpoch
from transcoder.cues import CueQueue
from transcoder.encode import RungEncoder
from transcoder.generation import Generation, Origin, Workshop
from transcoder.grid import Grid
from transcoder.profiles import Profile, Rung, plan_rungs
from transcoder.roles import ENCODED
from transcoder.rung import Job
from transcoder.samples import EncodedPicture
from transcoder.scale import solid
from transcoder.sections import StagePlan
from transcoder.values import Anchor

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
PROFILE = Profile(rungs=(Rung(name="tiny", height=16, bitrate_bps=50_000, max_bitrate_bps=60_000),))
PLAN = StagePlan(
    start=StartEpoch(
        show="s",
        epoch="e",
        au_socket="",
        profile={},
        latency="low",
        generation=0,
        next_number=0,
        next_msn=0,
        next_tick=0,
        cues=(),
        previous=(),
    ),
    profile=PROFILE,
    grid=GRID,
    anchor=Anchor(utc_us=0, monotonic_ns=0),
    rungs=plan_rungs(PROFILE, 16, 16),
    first_slot=0,
)
PICTURE = solid(16, 16, (90, 128, 128))
HELD_SLOT = 12


class Held(RungEncoder):
    """Waits at one picture until it is let."""

    let = threading.Event()
    reached = threading.Event()

    def encode(self, frame: VideoFrame, **kwargs: Any) -> EncodedPicture:
        if kwargs["slot"] == HELD_SLOT:
            self.reached.set()
            assert self.let.wait(20)
        return super().encode(frame, **kwargs)


@pytest.fixture
def generation() -> Iterator[Generation]:
    Held.let.clear()
    Held.reached.clear()
    audio = AudioLine(start_tick=0, bitrate_bps=64_000)
    made = Generation(
        PLAN,
        Origin(
            number=0,
            roles=(ENCODED,),
            source=None,
            first_slot=0,
            next_number=0,
            next_msn=0,
        ),
        Workshop(
            audio=audio,
            asc=audio.asc,
            cues=CueQueue(),
            wake=lambda: None,
            on_encoded=lambda rung, cpu_s: None,
            make_encoder=Held,
        ),
    )
    yield made
    Held.let.set()
    made.close()


def test_work_that_was_handed_on_is_no_backlog_of_a_generation(generation: Generation) -> None:
    for slot in range(40):
        cut = generation.place()
        generation.encode(Job(slot=slot, picture=PICTURE, idr=cut.idr, part_start=cut.part))
    assert Held.reached.wait(20)
    halted: list[Job] = []
    halt = threading.Thread(target=lambda: halted.extend(generation.halt()))
    halt.start()
    Held.let.set()
    halt.join(20)
    assert halted[-1].slot == 39
    assert generation.backlog == 0, "others have it now"
    assert generation.give_up(0.1), "what it keeps is all there"
    slots = 0
    while generation.complete_until_tick is not None:
        slots += sum(part.duration for part in generation.next_part()[1]) // GRID.slot_ticks
    assert slots == halted[0].slot
    assert generation.is_over
