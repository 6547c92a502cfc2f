import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from transcoder.audio import AudioLine
from transcoder.audio_wait import PATIENCE_TICKS, AudioWait
from transcoder.cmaf.runs import read_fragments
from transcoder.control import StartEpoch
from transcoder.cues import CueQueue
from transcoder.decode import Picture
from transcoder.demand import Demand
from transcoder.encode import RungEncoder
from transcoder.errors import MediaError
from transcoder.grid import Grid
from transcoder.ladder_state import LadderState
from transcoder.passthrough.control import Passthrough
from transcoder.profiles import Profile, Rung, plan_rungs
from transcoder.scale import solid
from transcoder.sections import StagePlan
from transcoder.shedding import GIVE_UP_AFTER_S, GIVE_UP_S, SKIP_ABOVE_S
from transcoder.stage import Stage
from transcoder.steering import Steering
from transcoder.telemetry import Telemetry
from transcoder.values import Anchor, InitSection, Part, TimedMetadata

GRID = Grid(frames_per_second=30, part_slots=10, idr_slots=30, segment_slots=60)
SLOT = GRID.slot_ticks
PROFILE = Profile(rungs=(Rung(name="tiny", height=16, bitrate_bps=50_000, max_bitrate_bps=60_000),))
START = StartEpoch(
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
)
PICTURE = solid(16, 16, (90, 128, 128))


class Kept:
    def __init__(self) -> None:
        self.parts: list[Part] = []

    def init(self, section: InitSection) -> None:
        assert section.rendition == "tiny"

    def part(self, part: Part) -> None:
        self.parts.append(part)

    def ladder(self, state: LadderState) -> None:
        assert state.rungs[0].role == "encoded"

    def request_keyframe(self, source: int) -> None:
        raise AssertionError("a stage has no source")


class Staged:
    def __init__(self) -> None:
        self.out = Kept()
        self.telemetry = Telemetry("s")
        self.audio_wait = AudioWait()
        self.cues = CueQueue()
        self.changed = threading.Event()
        plan = StagePlan(
            start=START,
            profile=PROFILE,
            grid=GRID,
            anchor=Anchor(utc_us=0, monotonic_ns=0),
            rungs=plan_rungs(PROFILE, 16, 16),
            first_slot=0,
        )
        self.stage = Stage(
            plan,
            output=self.out,
            telemetry=self.telemetry,
            wake=self.changed.set,
            audio_wait=self.audio_wait,
            cues=self.cues,
            steering=Steering(
                plan,
                passing=Passthrough(mode="never", grid=GRID),
                demand=Demand(on_demand=False),
            ),
        )

    def count(self, line: str) -> float:
        values = [
            float(text.rsplit(" ", 1)[1])
            for text in self.telemetry.render().decode().splitlines()
            if text.startswith("comptoir_transcoder_" + line)
        ]
        return sum(values)

    def play(self, slots: range) -> None:
        for slot in slots:
            now_tick = GRID.tick_of(slot)
            self.stage.show(Picture(pts=now_tick, frame=PICTURE), now_tick)
            self.stage.advance(now_tick)


@pytest.fixture
def staged() -> Iterator[Staged]:
    made = Staged()
    yield made
    made.stage.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is not set no picture is encoded."""
    opened = threading.Event()
    encode = RungEncoder.encode

    def held(self: RungEncoder, *args: Any, **kwargs: Any) -> Any:
        assert opened.wait(20)
        return encode(self, *args, **kwargs)

    monkeypatch.setattr(RungEncoder, "encode", held)
    yield opened
    opened.set()


def test_far_behind_only_what_begins_a_part_is_encoded_and_no_time_is_missing(
    gate: threading.Event, staged: Staged
) -> None:
    behind = int(SKIP_ABOVE_S) * 30
    staged.play(range(behind + 21))
    assert staged.count('skipped_slots_total{reason="backlog"') == 18
    gate.set()
    staged.stage.finish(20)
    assert sum(part.duration for part in staged.out.parts) == (behind + 21) * SLOT
    assert staged.count("slots_total") == behind + 21
    samples = [len(read_fragments(part.data)[0].runs[0].samples) for part in staged.out.parts]
    assert samples == [10, 10, 10, 1, 1, 1]


def test_a_machine_that_cannot_keep_up_ends_the_run(gate: threading.Event, staged: Staged) -> None:
    with pytest.raises(MediaError, match="cannot keep up"):
        staged.play(range((GIVE_UP_S + GIVE_UP_AFTER_S + 1) * 30))
    gate.set()


def test_a_part_waits_for_late_audio_but_not_for_long(
    staged: Staged, eventually: Callable[..., None]
) -> None:
    end_tick = GRID.part_ticks
    needed_tick = AudioLine(start_tick=0, bitrate_bps=64_000).needed_tick(end_tick)
    staged.audio_wait.heard(until_tick=end_tick, now_tick=end_tick)
    staged.play(range(11))
    eventually(lambda: staged.stage.backlog == 0)
    staged.stage.advance(needed_tick + PATIENCE_TICKS - 1)
    assert staged.out.parts == []
    staged.audio_wait.heard(until_tick=needed_tick, now_tick=end_tick)
    staged.stage.advance(end_tick + 1)
    assert [part.number for part in staged.out.parts] == [0]
    assert staged.stage.ended_tick == end_tick


def test_cues_are_on_their_frame_or_late_and_counted_so(
    staged: Staged, eventually: Callable[..., None]
) -> None:
    def tell(number: int, pts: int) -> None:
        cue = TimedMetadata(id="c", revision=number, pts=pts, duration=90_000, payload=b"")
        assert staged.cues.add(cue) is None

    tell(0, GRID.part_ticks - 1)
    tell(1, GRID.part_ticks)
    staged.play(range(19))
    eventually(lambda: staged.stage.backlog <= 10)
    staged.stage.advance(GRID.tick_of(20))
    assert staged.out.parts[0].cues[0].revision == 0
    tell(2, 0)
    staged.stage.finish(20)
    assert [{cue.revision for cue in part.cues} for part in staged.out.parts] == [{0}, {1, 2}]
    assert staged.count('cues_total{fate="exact"') == 2
    assert staged.count('cues_total{fate="late"') == 1


def test_an_encoder_that_cannot_open_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.sections.init_section", _refuse)
    with pytest.raises(MediaError, match="refused"):
        Staged()


def _refuse(**kwargs: Any) -> InitSection:
    raise MediaError("refused")
