from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.assemble import Assembler
from transcoder.audio_wait import PATIENCE_TICKS, SILENT_TICKS, AudioWait
from transcoder.cmaf.emsg import read_events
from transcoder.cues import MAX_PER_PART, CueQueue
from transcoder.grid import Grid
from transcoder.packager import AudioFrame, Cutter, RenditionPackager, VideoSample
from transcoder.values import Part, TimedMetadata

GRID = Grid(frames_per_second=30, part_slots=5, idr_slots=10, segment_slots=20)
IDR, OTHER = b"\x00\x00\x00\x02\x65\x00", b"\x00\x00\x00\x02\x41\x00"


class Audio:
    def __init__(self) -> None:
        self.taken: list[int] = []

    def take(self, until_tick: int) -> list[AudioFrame]:
        self.taken.append(until_tick)
        return []


def assembler(audio: Audio, cues: CueQueue | None = None) -> Assembler:
    packagers = [
        RenditionPackager(show="s", epoch="e", rendition=name, generation=0, grid=GRID)
        for name in ("a", "b")
    ]
    cutter = Cutter(grid=GRID, first_slot=100, next_number=7, next_msn=3)
    return Assembler(
        grid=GRID, cutter=cutter, packagers=packagers, audio=audio, cues=cues or CueQueue()
    )


def complete(target: Assembler) -> int | None:
    return target.complete_until_tick


def fill(target: Assembler, rung: int, slots: range) -> None:
    for slot in slots:
        idr = slot % 10 == 0
        target.add(rung, VideoSample(slot=slot, keyframe=idr, data=IDR if idr else OTHER))


def test_a_part_is_complete_when_every_rung_has_its_slots() -> None:
    audio = Audio()
    target = assembler(audio)
    fill(target, 0, range(100, 112))
    assert complete(target) is None
    fill(target, 1, range(100, 105))
    assert complete(target) == 105 * 3000
    parts = target.next_part()
    assert [(p.rendition, p.number, p.msn, p.index) for p in parts] == [
        ("a", 7, 3, 0),
        ("b", 7, 3, 0),
    ]
    assert audio.taken == [105 * 3000]
    assert complete(target) is None


def test_the_last_part_holds_what_every_rung_has() -> None:
    target = assembler(Audio())
    fill(target, 0, range(100, 109))
    fill(target, 1, range(100, 107))
    target.next_part()
    parts = target.last_part()
    assert [(p.number, p.duration, p.last) for p in parts] == [(8, 2 * 3000, True)] * 2


def test_there_is_no_empty_last_part() -> None:
    target = assembler(Audio())
    fill(target, 0, range(100, 103))
    assert target.last_part() == []


def test_a_part_does_not_wait_without_an_audio_source() -> None:
    wait = AudioWait()
    assert wait.settled(end_tick=1000, now_tick=0)
    wait.heard(until_tick=0, now_tick=0)
    assert not wait.settled(end_tick=1000, now_tick=0)
    wait.gone()
    assert wait.settled(end_tick=1000, now_tick=0)


def test_a_part_waits_for_its_audio_within_reason() -> None:
    wait = AudioWait()
    wait.heard(until_tick=90_000, now_tick=90_000)
    assert wait.settled(end_tick=90_000, now_tick=90_000)
    assert not wait.settled(end_tick=90_001, now_tick=90_000)
    assert not wait.settled(end_tick=90_001, now_tick=90_000 + PATIENCE_TICKS)
    assert wait.settled(end_tick=90_001, now_tick=90_001 + PATIENCE_TICKS)


def test_audio_that_has_fallen_silent_is_not_waited_for() -> None:
    wait = AudioWait()
    wait.heard(until_tick=1000, now_tick=1000)
    end_tick = 1000 + SILENT_TICKS
    assert not wait.settled(end_tick=end_tick, now_tick=1000 + SILENT_TICKS)
    assert wait.settled(end_tick=end_tick, now_tick=1001 + SILENT_TICKS)


def test_audio_that_comes_late_is_waited_for_longer() -> None:
    """Everything is 250 ms late, as where the machine has no time for the worker."""
    wait = AudioWait()
    late = 22_500
    for packet in range(50):
        pts = packet * 1800
        wait.heard(until_tick=pts, now_tick=pts + late)
        end_tick = pts + 900
        assert not wait.settled(end_tick=end_tick, now_tick=end_tick + late)
    assert wait.settled(end_tick=end_tick, now_tick=end_tick + late + PART)


START, PART = 100 * 3000, 5 * 3000


def cue(number: int, pts: int) -> TimedMetadata:
    return TimedMetadata(
        id=f"c{number}", revision=1, pts=pts, duration=90_000, payload=b"%d" % number
    )


@settings(deadline=None)
@given(
    told=st.lists(
        st.tuples(st.integers(0, 5), st.integers(START - 3 * PART, START + 7 * PART)), max_size=40
    )
)
def test_a_cue_is_in_one_part_whenever_it_is_told_and_wherever_its_frame_lies(
    told: list[tuple[int, int]],
) -> None:
    """CU-02, 03, 06, 07, 08, 15: over the frame's time against the moment at which it is told."""
    queue = CueQueue()
    target = assembler(Audio(), queue)
    parts: list[Part] = []
    for turn in range(6):
        for number, (when, pts) in enumerate(told):
            if when == turn:
                assert queue.add(cue(number, pts)) is None
                assert queue.add(cue(number, pts + 1)) is None  # a repeat; the first counts
        for rung in (0, 1):
            fill(target, rung, range(100 + 5 * turn, 105 + 5 * turn))
        parts += target.next_part()
    end = START + 6 * PART
    best = [part for part in parts if part.rendition == "a"]
    other = [part for part in parts if part.rendition == "b"]
    assert [part.cues for part in best] == [part.cues for part in other]
    assert [part.data for part in best] == [part.data for part in other]
    check_cues(best, told)
    carried = [c for part in best for c in part.cues]
    waiting = {c.id for c in queue.left()}
    assert sorted(c.id for c in (*carried, *queue.left())) == sorted(
        f"c{n}" for n in range(len(told))
    )
    late = sum(pts < end for _, pts in told) - len(carried)
    assert late == len([c for c in queue.left() if c.pts < end])
    assert late == 0 or len(best[-1].cues) == MAX_PER_PART
    assert waiting >= {f"c{n}" for n, (_, pts) in enumerate(told) if pts >= end}


def check_cues(parts: list[Part], told: list[tuple[int, int]]) -> None:
    """What the boxes of one rendition say, against what was told."""
    ids = []
    for turn, part in enumerate(parts):
        part_end = part.decode_time + part.duration
        events = read_events(part.data)
        assert len(events) == len(part.cues) <= MAX_PER_PART
        for event, carried in zip(events, part.cues, strict=True):
            when, pts = told[int(carried.id[1:])]
            assert (carried.pts, when <= turn) == (pts, True)
            assert event.presentation_time == max(pts, part.decode_time)
            assert part.decode_time <= event.presentation_time < part_end
            assert event.duration == carried.duration
            ids.append(event.id)
            # On its own frame whenever it was told in time and the part had room.
            if pts < part.decode_time and turn > when:
                assert len(parts[turn - 1].cues) == MAX_PER_PART
    assert len(set(ids)) == len(ids)


def test_the_last_part_has_only_the_cues_of_its_own_frames() -> None:
    queue = CueQueue()
    target = assembler(Audio(), queue)
    for number, pts in enumerate((START + 6000, START + 9000)):
        queue.add(cue(number, pts))
    for rung in (0, 1):
        fill(target, rung, range(100, 103))
    parts = target.last_part()
    assert [[c.id for c in part.cues] for part in parts] == [["c0"], ["c0"]]
    assert [c.id for c in queue.left()] == ["c1"]
